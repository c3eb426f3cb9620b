"""Which registries the lock tools ask: those that the operator set up for the sources of the same ecosystems."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from urllib.parse import urlsplit

from bot.config.preparing import Opened
from bot.config.sources import Registries
from bot.lab.locking.allowed import Place
from bot.lab.locking.bundler import RUBYGEMS, RubyGems
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


def gems_of(given: Registries) -> RubyGems:
    """What stands for rubygems.org; its token goes along as Bundler sends it."""
    options = given.options.get("rubygems", {})
    url, token = _place(options), _secret(given, options.get("token"))
    login = _basic(*_pair(token)) if token else None
    return RubyGems(index=url, login=login) if url else RUBYGEMS


def _pair(token: Secret) -> tuple[str, Secret]:
    """`user:password`, or a token alone."""
    user, _, password = token.reveal().partition(":")
    return user, Secret(password)


def opened_of(given: Registries) -> tuple[Place, ...]:
    """Where a repository's own command may fetch from while it prepares an environment."""
    return tuple(_opened(given, one) for one in given.prepare)


def _opened(given: Registries, one: Opened) -> Place:
    login = _login_of(given, one.username, one.secret, one.token)
    return Place(url=one.stands_for, asked=one.url, login=login, repositories=one.repositories)


def _login_of(given: Registries, user: str, secret: str, token: str) -> Secret | None:
    """The header; None without a login."""
    value = _secret(given, secret or token)
    if value is None:
        return None
    return _basic(user, value) if secret else Secret(f"Bearer {value.reveal()}")


def _basic(user: str, value: Secret) -> Secret:
    return Secret(f"Basic {base64.b64encode(f'{user}:{value.reveal()}'.encode()).decode()}")


def _place(options: Mapping[str, object]) -> str:
    return str(options.get("url", "")).removeprefix("sparse+").rstrip("/")


def _secret(given: Registries, name: object) -> Secret | None:
    lent = given.secrets.get(str(name)) if name else None
    return lent.value if lent else None
