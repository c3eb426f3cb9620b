"""Which version a file's name speaks of: known words may stand around it, any other makes it a stranger's file."""

from __future__ import annotations

import re
from functools import lru_cache

from bot.adapters.sources import _patterns
from bot.adapters.sources._patterns import Pattern

ENDS = (
    "tar|tar\\.(?:gz|xz|bz2|zst|lz|lzma|Z)|tgz|txz|tbz2?|zip|7z|gz|xz|bz2|zst|jar|war|deb|rpm|apk|exe|msi|pkg|dmg|"
    "whl|gem|nupkg|crate|phar|vsix|AppImage|img|iso|bin|run|sh"
)
# What tells the platform or the kind of a build, and is no part of its version.
WORDS = (
    "linux|darwin|macos|mac|osx|apple|windows|win|win32|win64|freebsd|openbsd|netbsd|solaris|illumos|aix|android|"
    "amd64|x86|x86_64|x64|x32|i[3-6]86|386|arm|arm64|aarch64|armv[5-8][a-z]*|armhf|armel|ppc64|ppc64le|ppc64el|s390x|"
    "riscv64|mips|mipsle|mips64|mips64le|mips64el|loong64|wasm|wasm32|32bit|64bit|32|64|unknown|pc|gnu|gnueabi|"
    "gnueabihf|musl|musleabihf|musleabi|msvc|mingw|glibc[0-9]*|libc|el[0-9]+|fc[0-9]+|static|src|source|sources|orig|"
    "bin|binary|dist|release|final|ga|all|any|noarch|universal|universal2|installer|setup|portable|full|signed|jre|jdk"
)
STAGE = r"[-._+~]?(?i:alpha|beta|rc|preview|pre|dev|snapshot|nightly|canary|milestone|m)[-.]?[0-9]*(?:\.[0-9]+)*"
NUMBER = rf"[0-9]+(?:\.[0-9]+)*(?:{STAGE}|[a-z][0-9]*)?(?:-[0-9]+)?"
AROUND = rf"(?:[-_.+](?i:{WORDS}))*"


@lru_cache(1024)
def usual(name: str) -> tuple[Pattern, Pattern]:
    """For files `<name>-<version>.<end>`, and for folders `<version>/`; each perhaps with a v, or with words around it.

    The name may be followed by an underscore instead, and a folder may have it before its version.
    """
    own = _patterns.escaped(name)
    file = rf"{own}{AROUND}[-_]v?(?P<version>{NUMBER}){AROUND}\.(?i:{ENDS})"
    return _patterns.compiled(file), _patterns.compiled(rf"(?:{own}[-_])?v?(?P<version>{NUMBER})/")


def written(text: str, name: str) -> Pattern:
    """A person's own pattern, where {name} stands for the component's name. ValueError as `_patterns.compiled`."""
    return _patterns.compiled(text.replace("{name}", _patterns.escaped(name)))


SUMS = re.compile(
    r"(?i)(?:.*[-_.])?(?:sha(?:256|384|512)?sums?(?:256|384|512)?|shasums?(?:256|512)?|checksums?)(?:\.txt)?", re.ASCII
)
OWN_SUMS = (".sha256", ".sha256sum", ".sha256.txt", ".sha512", ".sha512sum", ".sha1")
SIGNATURES = (".asc", ".sig", ".sigstore", ".sigstore.json", ".minisig", ".sign")


def is_archive(name: str) -> bool:
    """Whether a file is something to download and not a note beside it."""
    return re.fullmatch(rf".*\.(?i:{ENDS})", name) is not None
