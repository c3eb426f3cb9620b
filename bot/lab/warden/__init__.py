"""The keeper of one run: a small process of its own that starts, watches, ends and buries what it was told to run.

It holds nothing of the bot: it is started anew with an empty environment and imports the standard library only.
"""
