"""A small world for the lab: wheels made on the spot, an index of files, and trees with tests."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from importlib.metadata import distribution
from pathlib import Path

from bot.core.model import Component, Sha
from bot.core.ports import Trial
from bot.core.suites import Asked
from bot.tools.pip import IndexSettings

PYTEST = ("pytest", "pluggy", "iniconfig", "packaging", "pygments")


def wheel(folder: Path, name: str, version: str, files: Mapping[str, str], requires: Sequence[str] = ()) -> Path:
    """A pure wheel with these files, as an index would serve it."""
    info = f"{name}-{version}.dist-info"
    head = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    tags = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    held = {
        **{place: text.encode() for place, text in files.items()},
        f"{info}/METADATA": (head + "".join(f"Requires-Dist: {line}\n" for line in requires)).encode(),
        f"{info}/WHEEL": tags.encode(),
    }
    return _zipped(folder, name, version, info, held)


def _zipped(folder: Path, name: str, version: str, info: str, held: Mapping[str, bytes]) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}-{version}-py3-none-any.whl"
    record = "".join(f"{place},sha256={_digest(data)},{len(data)}\n" for place, data in held.items())
    with zipfile.ZipFile(path, "w") as archive:
        for place, data in {**held, f"{info}/RECORD": f"{record}{info}/RECORD,,\n".encode()}.items():
            archive.writestr(zipfile.ZipInfo(place, (2020, 1, 1, 0, 0, 0)), data)
    return path


def _digest(data: bytes) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def with_pytest(folder: Path) -> Path:
    """Make wheels of the pytest that runs us, out of its installed files, so that no network is needed."""
    for name in PYTEST:
        found = distribution(name)
        kept = [path for path in found.files or [] if path.suffix != ".pyc" and ".." not in path.parts]
        info = next(path.parts[0] for path in kept if path.name == "METADATA")
        skipped = ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json")
        held = {str(path): path.locate().read_bytes() for path in kept if path.name not in skipped}
        _zipped(folder, info.split("-")[0], found.version, info, held)
    return folder


def index(folder: Path) -> IndexSettings:
    """Nothing but this folder of wheels."""
    return IndexSettings(find_links=(str(folder),), no_index=True)


def tree(folder: Path, files: Mapping[str, str]) -> Path:
    """A checked-out tree."""
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


def a_trial(base: Path, candidate: Path, *, seconds: float = 60.0, memory_mib: int = 512, **suites: str) -> Trial:
    """A question for the lab."""
    return Trial(
        base=base,
        candidate=candidate,
        head=Sha("b" * 40),
        base_sha=Sha("a" * 40),
        component=Component(name="greeter"),
        suites={kind: Asked(run=command) for kind, command in suites.items()},
        seconds=seconds,
        memory_mib=memory_mib,
    )
