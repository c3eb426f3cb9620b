"""Settings of this machine's programs that some need to start at all: copied, without what might be a secret.

A jail sees nothing of /etc. Maven is started by a file there, and PHP finds its extensions by what stands there; both
keep logins beside that.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

_ETC = Path("/etc")
_EXTENSION = re.compile(r"\s*(zend_)?extension\s*=\s*[\w./-]{1,200}\s*", re.ASCII)
_MOST = 1 << 16


def copied(into: Path, etc: Path = _ETC) -> None:
    """Lay out below `into` what is harmless; nothing for what is not installed."""
    for name, text in _harmless(etc):
        place = into / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    for path in [into, *into.rglob("*")] if into.is_dir() else []:
        path.chmod(0o755 if path.is_dir() else 0o644)


def placed(folder: Path) -> Mapping[str, Path]:
    """What a jail is to show of a folder that `copied` filled: path inside -> folder."""
    return {f"/etc/{one.name}": one for one in sorted(folder.iterdir())} if folder.is_dir() else {}


def visible(etc: Path = _ETC) -> tuple[Path, ...]:
    """Folders of settings that hold nothing but what came with the program: Java does not start without its own."""
    return tuple(sorted(etc.glob("java-*-openjdk")))


def _harmless(etc: Path) -> Iterator[tuple[str, str]]:
    for name in ("maven/m2.conf", "maven/logging/simplelogger.properties"):
        if (etc / name).is_file():
            yield name, _text(etc / name)
    for folder in sorted(etc.glob("php/*/cli/conf.d")):
        lines = [line for file in sorted(folder.glob("*.ini")) for line in _text(file).splitlines()]
        chosen = [line.strip() for line in lines if _EXTENSION.fullmatch(line)]
        yield (folder.relative_to(etc) / "extensions.ini").as_posix(), "".join(f"{line}\n" for line in chosen)


def _text(path: Path) -> str:
    with path.open(encoding="utf-8", errors="replace") as file:
        return file.read(_MOST)
