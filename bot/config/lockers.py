"""Which registries the lock tools ask: those that the operator set up for the sources of the same ecosystems."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import urlsplit

from bot.config.sources import Registries
from bot.lab.locking.cargo import CRATES_IO, Crates
from bot.lab.locking.composer import PACKAGIST, Packagist
from bot.tools.secrets import Secret


def crates_of(given: Registries) -> Crates:
    """What stands for crates.io; its token goes along as Cargo sends it."""
    options = given.options.get("crates", {})
    url = _place(options)
    return Crates(index=url, login=_secret(given, options.get("token"))) if url else CRATES_IO


def packagist_of(given: Registries) -> Packagist:
    """What stands for packagist.org, with the login of its host."""
    options = given.options.get("packagist", {})
    url = _place(options)
    if not url:
        return PACKAGIST
    logins = options.get("logins")
    login = logins.get(urlsplit(url).netloc) if isinstance(logins, Mapping) else None
    if not isinstance(login, Mapping):
        return Packagist(index=url)
    secret = _secret(given, login.get("secret"))
    words = f"{login.get('username', '')}:{secret.reveal() if secret else ''}"
    return Packagist(index=url, login=Secret(f"Basic {base64.b64encode(words.encode()).decode()}"))


def _place(options: Mapping[str, object]) -> str:
    return str(options.get("url", "")).removeprefix("sparse+").rstrip("/")


def _secret(given: Registries, name: object) -> Secret | None:
    lent = given.secrets.get(str(name)) if name else None
    return lent.value if lent else None
