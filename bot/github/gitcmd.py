"""One git process that trusts nobody: no settings but ours, no hook, no prompt, one protocol, no secret in sight.

The token goes in by the environment, as a setting for one address: it is in no command line, which every process of the
machine may read, in no file, and in nothing that a jail can see. Git forgets it with the process.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from bot.core.errors import Permanent, Transient
from bot.tools import processes
from bot.tools.secrets import Secret, redact

MOST_OUT = 128 << 20  # bytes of an answer: trees that hold one another list without end
MOST_SAID = 4_000  # bytes of git's complaints that are kept
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})

# Settings for every command. Attributes of the repository may name filters and merge drivers; none is defined, so none
# runs. A redirect could carry the token to another host.
SETTINGS = {
    "core.hooksPath": os.devnull,
    "core.fsmonitor": "false",
    "core.autocrlf": "false",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.attributesFile": os.devnull,
    "gc.auto": "0",
    "maintenance.auto": "false",
    "submodule.recurse": "false",
    "http.followRedirects": "false",
    "credential.helper": "",
    "protocol.version": "2",
    "merge.renames": "true",
    "user.name": "surefoot",
    "user.email": "surefoot@bot.invalid",
    "commit.gpgSign": "false",
    "advice.detachedHead": "false",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """How a git process ended. out: its answer; said: its complaints, bounded and without secrets."""

    code: int
    out: str
    said: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Git:
    """git in one bare repository of ours. url and token: the one address that it may speak to, and as whom."""

    folder: Path
    url: str
    token: Secret | None = None
    seconds: float = 300.0
    most: int = MOST_OUT
    more: Mapping[str, str] = field(default_factory=dict)  # of the environment

    async def __call__(self, *args: str) -> Done:
        """Run one command. Else than by its code it fails as Transient when it takes too long, as Permanent when it
        says too much or when there is no git.
        """
        try:
            process = await processes.start("git", *args, env=self._environment(), folder=self.folder, umask=-1)
        except FileNotFoundError as error:
            raise Permanent(f"git cannot be started in {self.folder.name}: {error.strerror}; install git") from error
        try:
            out, said = await processes.communicate(process, self.seconds, self.most)
        except TimeoutError:
            raise Transient(f"git {args[0]} took more than {self.seconds:.0f} s") from None
        except processes.TooMuch:
            raise Permanent(f"git {args[0]} said more than {self.most >> 20} MiB") from None
        words = redact(said[-MOST_SAID:].decode(errors="replace"), _secrets(self.token)).strip()
        return Done(code=process.returncode or 0, out=out.decode(errors="surrogateescape"), said=words)

    def _environment(self) -> dict[str, str]:
        settings = SETTINGS | _login(self.url, self.token)
        counted = {"GIT_CONFIG_COUNT": str(len(settings))}
        for number, (key, value) in enumerate(settings.items()):
            counted |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        fixed = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": os.devnull,  # no home, no settings, no keys
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ASKPASS": "true",
            "GIT_ALLOW_PROTOCOL": urlsplit(self.url).scheme,
            "GIT_NO_REPLACE_OBJECTS": "1",
            "GIT_DIR": str(self.folder),
        }
        return fixed | counted | dict(self.more)


def _basic(token: Secret) -> str:
    # The form that GitHub's own checkout uses for an installation's token.
    return base64.b64encode(f"x-access-token:{token.reveal()}".encode()).decode()


def _login(url: str, token: Secret | None) -> dict[str, str]:
    if token is None or not urlsplit(url).scheme.startswith("http"):
        return {}
    return {f"http.{url}.extraHeader": f"Authorization: Basic {_basic(token)}"}


def _secrets(token: Secret | None) -> list[Secret]:
    """What may not be shown: a server's own words, which git prints, may echo the header that we sent."""
    return [] if token is None else [token, Secret(_basic(token))]


def may_speak_to(url: str, token: Secret | None) -> str | None:
    """In words why git must not be sent there; None when it may."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http", "file"):
        return f"git speaks only https here, not {parts.scheme or 'without a scheme'}"
    if parts.username or parts.password:
        return "an address with a password in it would show it in the list of processes"
    if parts.scheme == "http" and token is not None and parts.hostname not in LOOPBACK:
        return f"a token is not sent in the clear to {parts.hostname}"
    return None
