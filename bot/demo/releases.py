"""What upstream publishes: a small pure-Python library in five versions, as real wheels, the same bytes every time.

Nothing in here knows a test suite or a production: one version changes a behaviour that somebody's test relies on, and
one makes an assumption about people's names that holds for all names of that suite and not for all people.
"""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass

PROJECT = "surefoot-demo-greeter"
MODULE = "greeter"

FIRST = "1.2.3"  # what the sample service starts with
PATCH = "1.2.4"  # a good patch
BREAKING = "1.3.0"  # changes what a visitor without a name is called
MAJOR = "2.0.0"  # a good major: the alias is gone, and the old behaviour is back
FAULTY = "2.0.1"  # passes the service's tests, and fails for people whose names have not exactly two words

_HEAD = '''"""Polite greetings."""

__version__ = "{version}"

'''

_ALIAS = '''

def hello(name: str) -> str:
    """The old name of `greet`; it goes away in 2.0."""
    return greet(name)
'''

_GREET = '''
def greet(name: str) -> str:
    """A greeting. A visitor without a name is a stranger."""
    return f"Hello, {name.strip() or 'stranger'}!"
'''

_GREET_TIDY = '''
def greet(name: str) -> str:
    """A greeting, however many spaces the name came with. A visitor without a name is a stranger."""
    return f"Hello, {' '.join(name.split()) or 'stranger'}!"
'''

_GREET_FRIEND = '''
def greet(name: str) -> str:
    """A greeting, however many spaces the name came with. A visitor without a name is a friend."""
    return f"Hello, {' '.join(name.split()) or 'friend'}!"
'''

_INITIALS = '''

def initials(name: str) -> str:
    """The first letters of a name: Ada Lovelace is AL."""
    return "".join(word[0].upper() for word in name.split())
'''

# The assumption that tests with two-word names never meet: Pelé and Ludwig van Beethoven are people too.
_INITIALS_FAST = '''

def initials(name: str) -> str:
    """The first letters of a name, without the loop of old: Ada Lovelace is AL."""
    given, family = name.split()
    return (given[0] + family[0]).upper()
'''

_WHEEL = "Wheel-Version: 1.0\nGenerator: surefoot\nRoot-Is-Purelib: true\nTag: py3-none-any\n"

_BODIES: Mapping[str, str] = {
    FIRST: _GREET + _INITIALS + _ALIAS,
    PATCH: _GREET_TIDY + _INITIALS + _ALIAS,
    BREAKING: _GREET_FRIEND + _INITIALS + _ALIAS,
    MAJOR: _GREET_TIDY + _INITIALS,
    FAULTY: _GREET_TIDY + _INITIALS_FAST,
}

VERSIONS = tuple(_BODIES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wheel:
    """One built wheel. sha256 is of its content, in hex."""

    project: str
    version: str
    filename: str
    content: bytes
    requires_python: str = ">=3.8"

    @property
    def sha256(self) -> str:
        """What an index promises about the file."""
        return hashlib.sha256(self.content).hexdigest()


def source_of(version: str) -> str:
    """The text of the library's one module in this version. KeyError for a version that upstream never made."""
    return _HEAD.format(version=version) + _BODIES[version]


def wheel_of(version: str) -> Wheel:
    """This version as a wheel (PEP 427): the same version is the same bytes, on every machine."""
    stem = f"{PROJECT.replace('-', '_')}-{version}"
    files = {
        f"{MODULE}/__init__.py": source_of(version),
        f"{stem}.dist-info/METADATA": _metadata(version),
        f"{stem}.dist-info/WHEEL": _WHEEL,
    }
    record = f"{stem}.dist-info/RECORD"
    files[record] = "".join(_record_line(path, text) for path, text in files.items()) + f"{record},,\n"
    return Wheel(project=PROJECT, version=version, filename=f"{stem}-py3-none-any.whl", content=_zip(files))


def _metadata(version: str) -> str:
    return (
        f"Metadata-Version: 2.1\nName: {PROJECT}\nVersion: {version}\n"
        "Summary: Polite greetings, for Surefoot's demo\nLicense: MIT\nRequires-Python: >=3.8\n"
    )


def _record_line(path: str, text: str) -> str:
    """One line of RECORD: path, digest in unpadded URL-safe base64, size in bytes."""
    digest = base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()
    return f"{path},sha256={digest},{len(text.encode())}\n"


def _zip(files: Mapping[str, str]) -> bytes:
    """Stored, not deflated: compressed bytes differ between builds of zlib. Every date is the first that zip knows."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_STORED) as archive:
        for path, text in files.items():
            entry = zipfile.ZipInfo(path, date_time=(1980, 1, 1, 0, 0, 0))
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return held.getvalue()
