"""Which package index to ask: what pip on this machine is configured for, said to uv. No index is named in code."""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from bot.lab import processes

_PIP_SECONDS = 60.0
_PASSED_ON = (
    "PATH", "HOME", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "UV_CACHE_DIR", "NETRC", "LD_LIBRARY_PATH",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "ALL_PROXY",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexSettings:
    """Where packages come from. url None means the resolver's own default.

    constraints: files that bound what may be chosen, not what is locked already.
    only: nothing but what stands here is asked; the user's own settings of the resolver are left out.
    """

    url: str | None = None
    extra: tuple[str, ...] = ()
    find_links: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    trusted_hosts: tuple[str, ...] = ()
    cert: str | None = None
    no_index: bool = False
    only: bool = False

    def uv_environment(self) -> dict[str, str]:
        """Not as arguments: an index URL may hold a password, and arguments are seen by all users."""
        found = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
        # One more try and no more: the loop is what waits and tries again.
        found |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1", "UV_HTTP_RETRIES": "1"}
        pairs = {
            "UV_DEFAULT_INDEX": self.url,
            "UV_INDEX": " ".join(self.extra),
            "UV_FIND_LINKS": ",".join(self.find_links),
            "UV_INSECURE_HOST": " ".join(self.trusted_hosts),
            "SSL_CERT_FILE": self.cert,
            "UV_NO_INDEX": "1" if self.no_index else "",
            "UV_NO_CONFIG": "1" if self.only else "",
            # pip takes the best version of all its indexes; uv would stop at the first that knows the name.
            "UV_INDEX_STRATEGY": "unsafe-best-match" if self.extra else "",
        }
        return found | {name: value for name, value in pairs.items() if value}


async def index_of_pip(environment: Mapping[str, str] | None = None) -> IndexSettings:
    """What `pip config list` says, of the pip beside our interpreter; nothing at all when there is none."""
    words = (sys.executable, "-m", "pip", "config", "list")
    try:
        pip = await processes.start(*words, env=os.environ if environment is None else environment)
        told, _ = await processes.communicate(pip, _PIP_SECONDS)
    except (OSError, TimeoutError):
        return IndexSettings()
    return of_listing(told.decode("utf-8", "replace"))


def of_listing(text: str) -> IndexSettings:
    """Read the lines `section.key='value'`. The environment wins over `install`, and that over `global`."""
    found: dict[str, str] = {}
    for section in ("global.", "install.", ":env:."):
        for line in text.splitlines():
            key, _, value = line.partition("=")
            if key.startswith(section) and value:
                found[key.removeprefix(section)] = _literal(value)
    return IndexSettings(
        url=found.get("index-url") or None,
        extra=_words(found, "extra-index-url"),
        find_links=_words(found, "find-links"),
        constraints=_words(found, "constraint"),
        trusted_hosts=_words(found, "trusted-host"),
        cert=found.get("cert") or None,
        no_index=found.get("no-index", "").lower() in ("1", "true", "yes", "on"),
    )


def _literal(value: str) -> str:
    try:
        return str(ast.literal_eval(value))
    except (ValueError, SyntaxError):
        return value


def _words(found: Mapping[str, str], key: str) -> tuple[str, ...]:
    return tuple(found.get(key, "").split())
