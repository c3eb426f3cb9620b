"""Says to uv what pip is told about indexes, so that both ask the same places in the same order of trust."""

from __future__ import annotations

import os
from pathlib import Path

from bot.tools.pip import IndexSettings

_PASSED_ON = (
    "PATH", "HOME", "XDG_CACHE_HOME", "XDG_DATA_HOME", "UV_CACHE_DIR", "NETRC", "LD_LIBRARY_PATH",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "http_proxy", "https_proxy", "no_proxy", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY",
    "ALL_PROXY",
)  # fmt: skip

# What uv calls these. By the first, a name belongs to the first index that knows it. By the other, what that one lacks
# is taken from the next: right where both show one project, and to be checked file by file where they may not.
FIRST_INDEX, FIRST_MATCH = "first-index", "unsafe-first-match"


def environment(index: IndexSettings, strategy: str = FIRST_INDEX) -> dict[str, str]:
    """All that uv finds in its environment. ConfigProblem when no index is known at all.

    Not as arguments: an index URL may hold a password, and arguments are seen by all users of a machine. uv's own
    settings are left out: an index that only uv knows would be one that our reader of releases does not ask.
    """
    found = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    # One more try and no more: the loop is what waits and tries again.
    found |= {"UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1", "NO_COLOR": "1", "UV_HTTP_RETRIES": "1"}
    main, *extra = index.all or ("",)
    pairs = {
        "UV_NO_CONFIG": "1",
        "UV_INDEX_STRATEGY": strategy,
        "UV_DEFAULT_INDEX": main,
        # uv asks these before the default index. Of two extra ones the later wins, as `adapters/sources/pypi.py` has
        # it; in uv the earlier does.
        "UV_INDEX": " ".join(reversed(extra)),
        "UV_FIND_LINKS": ",".join(index.find_links),
        "UV_INSECURE_HOST": " ".join(index.trusted_hosts),
    }
    return found | {name: value for name, value in pairs.items() if value} | _certificates(index.cert)


def _certificates(cert: str | None) -> dict[str, str]:
    if not cert:
        return {"UV_SYSTEM_CERTS": "true"}  # pip trusts whom the machine trusts; uv's own list has no private authority
    return {"SSL_CERT_DIR" if Path(cert).is_dir() else "SSL_CERT_FILE": cert}
