"""Which npm registry this machine uses is asked of npm's own configuration; no host name of one stands in our code.

Read are the environment (`npm_config_*`), the user's `.npmrc` and the machine's, in npm's order; never the one of a
project, since what lies in a repository is a stranger's word. Only when none of them names a registry is npm itself
asked (0.2 seconds), and where there is no npm, the library that knows package URLs.
"""

from __future__ import annotations

import base64
import functools
import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bot.core.errors import ConfigProblem
from bot.tools.secrets import Secret

SECONDS = 60
SCOPED = re.compile(r"(@[^:/\s]+):registry")
LOGIN = re.compile(r"(//.+):(_authToken|_auth|username|_password)")

Config = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class NpmSettings:
    """What npm is told about registries.

    registry: where packages come from when no scope says otherwise. scopes: "@acme" -> URL of its registry.
    logins: "//host/path/" -> the Authorization header for everything below it.
    """

    registry: str
    scopes: Mapping[str, str] = field(default_factory=dict)
    logins: Mapping[str, Secret] = field(default_factory=dict)

    def of(self, name: str) -> str:
        """The registry of a package, without a slash at its end: its scope's, else the main one."""
        scope = name.partition("/")[0] if name.startswith("@") else ""
        return self.scopes.get(scope.lower(), self.registry).rstrip("/")

    def login(self, url: str) -> Secret | None:
        """The header that npm would send to this URL: that of the nearest place above it which has one.

        None over plain http, unless a person configured that very registry so: npm writes a login without a scheme.
        """
        split = urlsplit(url)
        if split.scheme != "https" and (split.scheme, split.netloc) not in map(_origin, self._registries):
            return None
        place = f"//{split.netloc.rpartition('@')[2].lower()}{split.path}"
        while len(place) > 2:
            if found := self.logins.get(place):
                return found
            place = re.sub(r"(?:[^/]+|/)\Z", "", place)
        return None

    @property
    def hosts(self) -> frozenset[str]:
        """The hosts that the operator named here, lower case: their private addresses are meant."""
        named = (urlsplit(url).hostname for url in self._registries)
        return frozenset(host for host in named if host)

    @property
    def _registries(self) -> tuple[str, ...]:
        return (self.registry, *self.scopes.values())


def _origin(url: str) -> tuple[str, str]:
    return urlsplit(url)[:2]


def parse_npmrc(text: str, env: Config) -> dict[str, str]:
    """A `.npmrc` as key -> value, with `${VAR}` put in; lists and sections hold nothing of ours and are left out."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        plain = line.strip()
        if plain.startswith("["):
            break
        key, equals, value = plain.partition("=")
        if equals and plain[0] not in ";#":
            found[_filled(_unquoted(key.strip()), env)] = _filled(_unquoted(value.strip()), env)
    return found


def _unquoted(text: str) -> str:
    """What the `ini` package, which npm reads with, makes of one side of a line."""
    if len(text) > 1 and text[0] == text[-1] == '"':
        try:
            return str(json.loads(text))
        except ValueError:
            return text
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1]
    bare = re.match(r"(?:\\.|[^;#\\])*", text)
    return re.sub(r"\\([;#\\])", r"\1", bare[0] if bare else "").strip()


def _filled(text: str, env: Config) -> str:
    """`${VAR}` by the environment, `${VAR?}` by nothing where it is not set; an unknown `${VAR}` stays as it is."""

    def value(match: re.Match[str]) -> str:
        name, optional = match.groups()
        return env.get(name, "" if optional else match[0])

    return re.sub(r"(?<!\\)\$\{([^${}?]+)(\?)?\}", value, text)


def of_environment(env: Config) -> dict[str, str]:
    """What npm reads of the environment: `npm_config_<key>`, in any case, underscores for dashes."""
    found: dict[str, str] = {}
    for name, value in env.items():
        if not value or not name.lower().startswith("npm_config_"):
            continue
        key = name[len("npm_config_") :]
        # A login's key holds a host and a word with capitals: npm takes it as it is written.
        found[key if key.startswith("//") else re.sub(r"(?!^)_", "-", key).lower()] = value
    return found


def _read(place: Path, env: Config) -> dict[str, str]:
    try:
        text = place.read_text("utf-8", "replace")
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except OSError as error:
        # Going on without it could ask the public registry for a package of a private one.
        raise ConfigProblem(f"cannot be read: {error.strerror}", where=str(place), mend="Mend its rights") from error
    return parse_npmrc(text, env)


def _of_machine(env: Config, known: Config) -> dict[str, str]:
    """The machine's `.npmrc`: `etc/npmrc` below npm's prefix, which is where node was installed to."""
    if named := known.get("globalconfig"):
        return _read(Path(named).expanduser(), env)
    prefix = known.get("prefix") or env.get("PREFIX")
    if not prefix:
        npm = shutil.which("npm", path=env.get("PATH"))
        prefix = str(Path(npm).parent.parent) if npm else "/usr/local"
    return _read(Path(prefix) / "etc" / "npmrc", env)


def _default_of_npm(env: Config) -> str | None:
    """The registry that npm itself would use; None where there is no npm to ask."""
    npm = shutil.which("npm", path=env.get("PATH"))
    if npm is None:
        return None
    with tempfile.TemporaryDirectory() as empty:
        # `--global` is what makes npm leave the file of a project alone, wherever it believes to stand.
        words = [npm, "config", "get", "registry", "--global"]
        try:
            done = subprocess.run(
                words, cwd=empty, env=dict(env), stdin=subprocess.DEVNULL, capture_output=True, text=True,
                timeout=SECONDS,
            )  # fmt: skip
        except (OSError, subprocess.TimeoutExpired):
            return None
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ConfigProblem(f"npm cannot say its registry: {last}", where="npm config get registry")
    return done.stdout.strip() or None


def _default_of_purl() -> str:
    from packageurl.contrib import purl2url  # seldom needed, and slow to load

    split = urlsplit(purl2url.get_download_url("pkg:npm/x@1") or "")  # type: ignore[no-untyped-call]  # it has no types
    return f"{split.scheme}://{split.netloc}/"


def _logins(config: Config) -> dict[str, Secret]:
    parts: dict[str, dict[str, str]] = {}
    for key, value in config.items():
        # A variable that nobody set: no login at all is an honest 401.
        if (match := LOGIN.fullmatch(key)) and value and "${" not in value:
            host, slash, path = match[1][2:].partition("/")
            parts.setdefault(f"//{host.lower()}{slash}{path}", {})[match[2]] = value
    return {place: Secret(header) for place, one in parts.items() if (header := _header(one))}


def _header(login: Mapping[str, str]) -> str:
    if token := login.get("_authToken"):
        return f"Bearer {token}"
    if pair := login.get("_auth"):
        return f"Basic {pair}"
    if "username" in login and "_password" in login:
        # npm keeps the password in base64, which hides it from nobody.
        try:
            password = base64.b64decode(login["_password"]).decode("utf-8", "replace")
        except ValueError:
            where = "npm's setting _password"
            raise ConfigProblem("is no base64", where=where, mend="Let npm write it: npm login") from None
        return "Basic " + base64.b64encode(f"{login['username']}:{password}".encode()).decode()
    return ""


def _checked(url: str, key: str) -> str:
    try:
        split = urlsplit(url)
        plain = split.scheme in {"http", "https"} and split.hostname and "${" not in url
    except ValueError:
        plain = None
    if not plain:
        raise ConfigProblem("is no URL of a registry", where=f"npm's setting {key}", mend="Set it to an https:// URL")
    return url


def read_settings(env: Config, *, ask: Callable[[Config], str | None] = _default_of_npm) -> NpmSettings:
    """npm's settings by this environment and the files that it names. `ask` is called when none names a registry.

    ConfigProblem for a file that cannot be read, or a registry that is no http or https URL.
    """
    own = of_environment(env)
    home = Path(env["HOME"]) if env.get("HOME") else Path.home()
    user = _read(Path(own.get("userconfig") or home / ".npmrc").expanduser(), env)
    nearer = {**user, **own}
    config = {**_of_machine(env, nearer), **nearer}
    registry = config.get("registry") or ask(env) or _default_of_purl()
    scopes = {match[1].lower(): url for key, url in config.items() if (match := SCOPED.fullmatch(key)) and url}
    return NpmSettings(
        registry=_checked(registry, "registry"),
        scopes={scope: _checked(url, f"{scope}:registry") for scope, url in scopes.items()},
        logins=_logins(config),
    )


def named_hosts(env: Config) -> frozenset[str]:
    """The hosts of the registries that npm's files and this environment name, without asking npm (blocking)."""
    return read_settings(env, ask=lambda _: None).hosts


@functools.cache
def settings_of_npm() -> NpmSettings:
    """`read_settings` of this process, once (blocking: call it before the loop runs or in a thread)."""
    return read_settings(os.environ)
