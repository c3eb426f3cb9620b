"""What people set: the environment becomes Settings, a repository's file becomes RepoConfig; errors name their line."""

from __future__ import annotations

from bot.config.endpoints import with_registered as with_registered
from bot.config.lending import lookup as lookup
from bot.config.repository import parse as parse
from bot.config.settings import Settings as Settings
from bot.config.settings import from_environment as from_environment
from bot.config.settings import jail_grade as jail_grade
from bot.config.settings import networks as networks
from bot.config.settings import settings as settings
from bot.config.settings import trusted_root as trusted_root
from bot.config.sources import Registries as Registries
