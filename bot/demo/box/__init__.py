"""GitHub in a box: imports nothing of the bot, so that client and imitation share no mistake."""

from bot.demo.box.face import EVENTS, PERMISSIONS, Box, serve

__all__ = ["EVENTS", "PERMISSIONS", "Box", "serve"]
