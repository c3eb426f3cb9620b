"""Surefoot: an update, from its upstream release to a finished rollout or a safe rollback."""

__version__ = "0.1.0"
