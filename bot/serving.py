"""One process of the bot: starts the app and its doors, and ends both in order when it is told to."""

from __future__ import annotations

import os

import click
import structlog
from aiohttp import web

from bot import config
from bot.app import App, try_settings
from bot.config import Settings
from bot.core.errors import ConfigProblem, Transient
from bot.core.model import Isolation
from bot.github.tokens import AppKey
from bot.lab import host, locks, probe
from bot.store.database import dialect_url
from bot.tools import logging
from bot.tools.processes import stop_signal
from bot.tools.secrets import Secret

log = structlog.get_logger(__name__)


async def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT. ConfigProblem, before the door is open, for a setting that cannot work."""
    logging.set_up(settings.log, secrets=_secrets(settings))
    told = stop_signal()
    app = await _opened(settings)
    runner = web.AppRunner(app.web(), access_log=None)
    await runner.setup()
    await web.TCPSite(runner, settings.host, settings.port).start()
    port = runner.addresses[0][1]
    # The door is open before anything slow begins: GitHub waits ten seconds for an answer.
    log.info("serving", host=settings.host, port=port, pid=os.getpid(), data_dir=str(settings.data_dir))
    try:
        await app.start()
        await told.wait()
        log.info("stopping")
    finally:
        await runner.cleanup()
        await app.stop()
    return 0


def _secrets(settings: Settings) -> list[Secret]:
    """All that no log may show."""
    own = (
        settings.private_key,
        settings.webhook_secret,
        settings.read_token,
        settings.write_token,
        settings.hints_secret,
        settings.runner_token,
    )
    lent = (*settings.secrets, *settings.registries.secrets.values())
    return [*(secret for secret in own if secret), *(one.value for one in lent)]


async def _opened(settings: Settings) -> App:
    _try_key(settings)
    app = App(settings)
    try:
        await app.open()
    except Transient as error:
        mend = "Start that database, or mend its address"
        raise ConfigProblem(str(error), where="DATABASE_URL", mend=mend) from error
    return app


def _try_key(settings: Settings) -> None:
    if settings.private_key is not None:
        AppKey(settings.app_id or 0, settings.private_key.reveal())


async def doctor() -> int:
    """Print what is there and what is missing. Exit code 0 when the bot could work here, else 1.

    ConfigProblem for a setting with which the bot would not start.
    """
    settings = config.from_environment()
    _try_key(settings)
    logging.parse(settings.log)
    dialect_url(settings.database_url)
    try_settings(settings)
    found = await probe.probe(gvisor=settings.gvisor)
    used = found if settings.plain else host.at_least_full(found)
    click.echo(f"jail: {found.isolation}. {used.reason} {used.mend}".rstrip())
    if settings.runner:
        click.echo(f"simulations run on {settings.runner}")
    for line in await locks.lacking():
        click.echo(f"lock files: {line}")
    for line in settings.missing:
        click.echo(f"missing: {line}")
    return 0 if not settings.missing and (settings.runner or used.isolation is not Isolation.NONE) else 1
