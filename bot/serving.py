"""One process of the bot: starts the app and its doors, and ends both in order when it is told to."""

from __future__ import annotations

import asyncio
import os
import signal

import click
import structlog
from aiohttp import web

from bot import config
from bot.app import App
from bot.config import Settings
from bot.lab import probe
from bot.tools import logging

log = structlog.get_logger(__name__)


async def run(settings: Settings) -> int:
    """Serve until SIGTERM or SIGINT."""
    secrets = [secret for secret in (settings.private_key, settings.webhook_secret, settings.read_token) if secret]
    logging.set_up(settings.log, secrets=secrets)
    told = _stop_signal()
    app = App(settings)
    await app.open()
    runner = web.AppRunner(app.web(), access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, settings.host, settings.port)
    await site.start()
    port = site._server.sockets[0].getsockname()[1] if site._server else settings.port  # type: ignore[attr-defined]
    # The door is open before anything slow begins: GitHub waits ten seconds for an answer.
    log.info("serving", host=settings.host, port=port, pid=os.getpid(), data_dir=str(settings.data_dir))
    await app.start()
    await told.wait()
    log.info("stopping")
    await runner.cleanup()
    await app.stop()
    return 0


def _stop_signal() -> asyncio.Event:
    told = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, told.set)
    return told


async def doctor() -> int:
    """Print what is there and what is missing. Exit code 0 when the bot could work here, else 1."""
    settings = config.from_environment()
    found = await probe.probe()
    click.echo(f"jail: {found.isolation}. {found.reason} {found.mend}".rstrip())
    for line in settings.missing:
        click.echo(f"missing: {line}")
    return 0 if not settings.missing and found.isolation != "none" else 1
