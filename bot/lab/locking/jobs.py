"""What is asked of a lock's own tool, and what comes of it: the core's nouns."""

from __future__ import annotations

from bot.core.relocking import LockJob as LockJob
from bot.core.relocking import Relocked as Relocked
