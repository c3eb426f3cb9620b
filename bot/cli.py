"""The command line: reads words, calls one function, turns its answer into an exit code."""

from __future__ import annotations

import asyncio
import errno
import gc
import json
import os
import socket
import sys
import tempfile
import traceback
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

import click

from bot import __version__
from bot.core.errors import ConfigProblem, SurefootError

ERROR = 2  # 1 is an answer: updates were found, or a scene went wrong


class AtOnce(SystemExit):
    """The end of a program that has nothing left to tidy up."""


def _run(work: Coroutine[Any, Any, int], *, last: bool = False, door: str = "") -> None:
    """Run to the end; what a person can mend is said in one line, a defect of ours in full, both with exit code 2.

    last: it has tidied up behind itself, so that the process may end at once. door: what says where it listens.
    """
    try:
        code = asyncio.run(work)
    except KeyboardInterrupt:
        code = 130
    except (SurefootError, OSError) as error:  # a port that is taken, a folder that cannot be written
        click.echo(f"surefoot: {_shut(error, door) or error}", err=True)
        code = ERROR
    except Exception:
        traceback.print_exc()
        code = ERROR
    gc.freeze()  # all of it goes at once now, and needs no search for what could go before
    raise AtOnce(code) if last else SystemExit(code)


def _shut(error: Exception, door: str) -> str:
    """That it could not listen, with what to change; "" for any other error."""
    taken = (errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES)
    if not door or not isinstance(error, OSError) or error.filename is not None:
        return ""
    if error.errno not in taken and not isinstance(error, socket.gaierror):
        return ""
    return f"{door}: {error.strerror}. Give an address of this machine and a port that is free"


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="surefoot")
def cli() -> None:
    """An update, from its upstream release to a finished rollout or a safe rollback."""


@cli.command()
def serve() -> None:
    """Run the bot: webhook door, pages and work. Set up by environment variables, see README.md."""
    from bot import serving
    from bot.config import from_environment

    try:
        settings = from_environment()
    except ConfigProblem as error:
        click.echo(f"surefoot: {error}", err=True)
        sys.exit(ERROR)
    _run(serving.run(settings), door="HOST, PORT")


def _warnings() -> None:
    from bot.tools.logging import set_up

    set_up("warning", stream=sys.stderr)


@cli.command(short_help="Find, try and judge a checkout's updates.")
@click.argument("path", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
@click.option("--no-simulate", is_flag=True, help="Only look; run nobody's tests.")
@click.option("--only", multiple=True, metavar="NAME", help="Look at this component alone; may be given again.")
def check(path: Path, as_json: bool, no_simulate: bool, only: tuple[str, ...]) -> None:
    """Find, try and judge the updates of a checkout, without changing it.

    Exit code: 0 nothing to do, 1 updates found, 2 an error.
    """
    # What a look reads stays until its end; to go through it again and again in search of rubbish finds none.
    gc.freeze()
    gc.set_threshold(1_000_000, 20, 20)
    from bot.tools import lazily, patterns, trust
    from bot.tools.quiet import set_up_later
    from bot.tools.user import user_folder

    with patterns.kept(user_folder(os.environ) / patterns.NAME) as keep, lazily.dataclass_methods():
        with trust.unread():
            from bot import check as checking

        async def look() -> int:
            code = await checking.run(path, as_json=as_json, simulate=not no_simulate, only=only)
            keep()
            return code

        set_up_later(_warnings)  # what a person must know of the look stands in its report
        _run(look(), last=True)


@cli.command(short_help="Play the whole path on this machine.")
@click.option("--keep", is_flag=True, help="Leave everything running at the end, to look around.")
@click.option("--json", "as_json", is_flag=True, help="Print the table as JSON.")
def demo(keep: bool, as_json: bool) -> None:
    """Play the whole path on this machine: five scenes, everything real but GitHub itself."""
    from bot.demo import story

    _run(story.play(keep=keep, as_json=as_json))


@cli.command(short_help="Run GitHub in a box, for trying things out.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8088, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--data-dir",
    type=click.Path(file_okay=False, path_type=Path),
    help="For its git repositories; else a temporary one.",
)
def box(host: str, port: int, data_dir: Path | None) -> None:
    """Run GitHub in a box: a server that behaves like GitHub, for trying things out."""
    from bot.demo.box import serve as serve_box

    async def run() -> int:
        with tempfile.TemporaryDirectory(prefix="box-") as folder:
            await serve_box(host, port, data_dir or Path(folder))
        return 0

    _run(run(), door="--host, --port")


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8090, show_default=True, type=click.IntRange(0, 65535))
@click.option(
    "--dir", "folder", type=click.Path(file_okay=False, path_type=Path), default=".surefoot/runner", show_default=True,
    help="What is kept between simulations.",
)  # fmt: skip
@click.option(
    "--cert", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="PEM, to speak https; with --key."
)
@click.option("--key", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="Its private key.")
def runner(host: str, port: int, folder: Path, cert: Path | None, key: Path | None) -> None:
    """Run simulations for a bot on another machine, and nothing else.

    Both know SUREFOOT_RUNNER_TOKEN; the bot finds this one by SUREFOOT_RUNNER.
    """
    from bot import runner as runners

    if (cert is None) != (key is None):
        raise click.UsageError("--cert and --key belong together")
    _run(runners.run(host, port, folder, (cert, key) if cert and key else None), door="--host, --port")


@cli.group()
def lab() -> None:
    """Run code in the jail that simulations run in."""


@lab.command(
    "run", short_help="Run COMMAND on a private copy of DIR.", context_settings={"ignore_unknown_options": True}
)
@click.option("--dir", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True)
@click.option("--timeout", default=600.0, show_default=True, help="Seconds.")
@click.option("--memory", default=2048, show_default=True, help="MiB.")
@click.option("--pids", default=512, show_default=True, help="Processes and threads.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON for machines.")
@click.argument("command", nargs=-1, required=True, type=click.UNPROCESSED)
def lab_run(folder: Path, timeout: float, memory: int, pids: int, as_json: bool, command: tuple[str, ...]) -> None:
    """Run COMMAND on a private copy of DIR, without network; its exit code is passed on."""
    from bot.config import jail_grade
    from bot.lab import face
    from bot.lab.jobs import Limits

    async def run() -> int:
        gvisor, limits = jail_grade(os.environ) == "gvisor", Limits(seconds=timeout, memory_mib=memory, pids=pids)
        ran = await face.run(folder, command, limits, gvisor=gvisor)
        if as_json:
            click.echo(json.dumps(face.as_json(ran)))
        else:
            click.echo(ran.text, nl=False)
            click.echo(face.summary(ran), err=True)
        return face.exit_code(ran)

    _run(run())


@cli.command()
def doctor() -> None:
    """Say what this machine lacks, and how to get it."""
    from bot import serving

    _run(serving.doctor())
