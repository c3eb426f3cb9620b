"""A PostgreSQL server for tests: the one that SUREFOOT_TEST_POSTGRES names, or Debian's own, started on a socket."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import sqlalchemy as sa

from bot.store.database import dialect_url

_DEBIAN = Path("/usr/lib/postgresql")
# Durable enough for a killed client; only a killed server would notice.
_FAST = ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]


def binaries() -> Path | None:
    """The folder of the newest installed server; None when there is none."""
    found = sorted(_DEBIAN.glob("*/bin/initdb"), key=lambda path: int(path.parent.parent.name))
    return found[-1].parent if found else None


def _owner(folder: Path) -> dict[str, Any]:
    """How to start the server: it refuses to run as root, and Debian's package made a user for it."""
    if os.geteuid() != 0:
        return {"cwd": folder}
    shutil.chown(folder, "postgres", "postgres")
    return {"cwd": folder, "user": "postgres", "group": "postgres", "extra_groups": []}


def _wait(bin_: Path, folder: Path) -> None:
    for _ in range(300):
        if subprocess.run([bin_ / "pg_isready", "-q", "-h", folder], check=False).returncode == 0:
            return
        time.sleep(0.1)
    raise TimeoutError(folder.with_suffix(".log").read_text())


@contextmanager
def server() -> Iterator[str]:
    """The URL of a database to which more can be added. LookupError when there is no server to be had."""
    if given := os.environ.get("SUREFOOT_TEST_POSTGRES"):
        yield given
        return
    bin_ = binaries()
    if bin_ is None:
        raise LookupError("no PostgreSQL: install Debian's postgresql, or give SUREFOOT_TEST_POSTGRES a URL")
    # Not pytest's folder: a socket's path must be short, and the server's user must reach it.
    folder = Path(tempfile.mkdtemp(prefix="pg"))
    owner, data = _owner(folder), folder / "data"
    try:
        init = [bin_ / "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync"]
        subprocess.run(init, check=True, stdout=subprocess.DEVNULL, **owner)
        run = [bin_ / "postgres", "-D", data, "-k", folder, "-c", "listen_addresses=", *_FAST]
        with folder.with_suffix(".log").open("wb") as log:
            process = subprocess.Popen(run, stdout=log, stderr=log, **owner)
            try:
                _wait(bin_, folder)
                yield f"postgresql://postgres@/postgres?host={folder}"
            finally:
                process.send_signal(signal.SIGINT)  # fast: it does not wait for clients
                process.wait(30)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        folder.with_suffix(".log").unlink(missing_ok=True)


@contextmanager
def a_database(server_url: str) -> Iterator[str]:
    """A new, empty database on that server; gone afterwards."""
    name = f"surefoot_test_{uuid4().hex[:12]}"
    admin = sa.create_engine(dialect_url(server_url), isolation_level="AUTOCOMMIT")
    with admin.connect() as conn:
        conn.execute(sa.text(f"CREATE DATABASE {name}"))
    try:
        yield sa.make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with admin.connect() as conn:
            conn.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))
        admin.dispose()
