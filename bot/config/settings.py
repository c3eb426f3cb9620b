"""What the operator set: the environment becomes Settings, and what is unset is said with how to get it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from urllib.parse import urlsplit

from bot.config import lending
from bot.config import sources as sources_file
from bot.config.sources import Registries
from bot.core.durations import duration
from bot.core.errors import ConfigProblem
from bot.tools.secrets import Lent, Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the operator set. Unset credentials are None: the bot starts all the same and says what is missing."""

    app_id: int | None
    private_key: Secret | None
    webhook_secret: Secret | None
    host: str
    port: int
    api_url: str
    database_url: str
    data_dir: Path
    log: str
    poll: timedelta
    sweep: timedelta
    fresh: timedelta  # how long a list of releases counts as new, for all repositories together
    osv: str = ""  # the OSV service, a folder of its dumps, or "off"; empty for the public one
    kev: str = ""  # where the list of exploited flaws is, a URL or a path; empty for none
    eol: str = ""  # where the list of versions that get no more fixes is; empty for none
    trusted_root: Path | None = None  # a private Sigstore's, beside the public one
    url: str = ""  # where people find our pages, without a slash at its end
    allow: tuple[str, ...] = ()  # networks that users' URLs may name although they are private
    unjailed: bool = False
    plain: bool = False  # whether a jail without a common bound of memory is enough
    gvisor: bool = False  # whether nothing less will do than a kernel of its own in the jail
    runner: str = ""  # where simulations run, when it is not here
    runner_token: Secret | None = None
    read_token: Secret | None = None  # whoever reads the pages must send it
    write_token: Secret | None = None  # whoever changes something by the API must send it
    hints_secret: Secret | None = None  # whoever hints at news must know it
    secrets: tuple[Lent, ...] = ()  # what repositories may name, each for its hosts alone
    registries: Registries = field(default_factory=Registries)  # how sources are set up, and where files may point
    tick: timedelta = timedelta(seconds=1)
    missing: tuple[str, ...] = field(default=())


def settings(env: Mapping[str, str]) -> Settings:
    """Read the operator's environment; what is unset is in `missing`. ConfigProblem for what cannot be meant."""
    data_dir = Path(env.get("SUREFOOT_DATA_DIR") or Path.cwd() / ".surefoot").absolute()
    key, app_id, secret = _private_key(env), env.get("APP_ID"), env.get("WEBHOOK_SECRET")
    poll = _span(env, "SUREFOOT_POLL", "30m")
    return Settings(
        app_id=_number(env, "APP_ID") if app_id else None,
        private_key=Secret(key) if key else None,
        webhook_secret=Secret(secret) if secret else None,
        host=env.get("HOST") or "127.0.0.1",
        port=_port(env),
        api_url=_api_url(env.get("GITHUB_API_URL") or "https://api.github.com"),
        database_url=_database_url(env) or f"sqlite:///{data_dir / 'surefoot.sqlite'}",
        data_dir=data_dir,
        log=env.get("SUREFOOT_LOG") or "info",
        poll=poll,
        sweep=_span(env, "SUREFOOT_SWEEP", "5m"),
        # Younger than the time from one look to the next, so that each look learns what is new.
        fresh=_span(env, "SUREFOOT_FRESH", "0s") if "SUREFOOT_FRESH" in env else poll * 0.9,
        osv=env.get("SUREFOOT_OSV", ""),
        kev=env.get("SUREFOOT_KEV", ""),
        eol=env.get("SUREFOOT_EOL", ""),
        trusted_root=trusted_root(env),
        url=_pages_url(env.get("SUREFOOT_URL", "")),
        allow=networks(env),
        read_token=Secret(token) if (token := env.get("SUREFOOT_READ_TOKEN")) else None,
        write_token=Secret(token) if (token := env.get("SUREFOOT_WRITE_TOKEN")) else None,
        hints_secret=Secret(known) if (known := env.get("SUREFOOT_HINTS_SECRET")) else None,
        secrets=lending.read(env),
        registries=sources_file.read(env),
        plain=jail_grade(env) == "plain",
        gvisor=jail_grade(env) == "gvisor",
        runner=env.get("SUREFOOT_RUNNER", ""),
        runner_token=Secret(token) if (token := env.get("SUREFOOT_RUNNER_TOKEN")) else None,
        unjailed=env.get("SUREFOOT_DEMO_UNJAILED") == "1",
        missing=_missing(app_id, key, secret),
    )


def _missing(app_id: str | None, key: str | None, secret: str | None) -> tuple[str, ...]:
    return (
        *(() if app_id else ("APP_ID: the number on the App's settings page, under About",)),
        *(() if key else ("PRIVATE_KEY or PRIVATE_KEY_PATH: make one on the App's settings page, under Private keys",)),
        *(() if secret else ("WEBHOOK_SECRET: the text that you typed into the App's Webhook secret field",)),
    )


def jail_grade(env: Mapping[str, str]) -> str:
    """What the operator asks of the jail: gvisor, full (the default) or plain. ConfigProblem for anything else."""
    grade = env.get("SUREFOOT_JAIL") or "full"
    if grade not in ("gvisor", "full", "plain"):
        mend = (
            "Write full, or plain where a jail without a common bound of memory is enough for you, or gvisor for a"
            " kernel of its own (runsc) in the jail"
        )
        raise ConfigProblem(f"there is no grade {grade!r} of the jail", where="SUREFOOT_JAIL", mend=mend)
    return grade


def trusted_root(env: Mapping[str, str]) -> Path | None:
    """The file by which attestations are verified, beside what sigstore brings. ConfigProblem where there is none."""
    if not (text := env.get("SUREFOOT_TRUSTED_ROOT")):
        return None
    path = Path(text).absolute()
    if not path.is_file():
        mend = "Name the trusted_root.json of your Sigstore, or a newer one of the public Sigstore"
        raise ConfigProblem(f"there is no file {text}", where="SUREFOOT_TRUSTED_ROOT", mend=mend)
    return path


def _private_key(env: Mapping[str, str]) -> str | None:
    if text := env.get("PRIVATE_KEY"):
        # Hosters' forms often turn the line ends of a PEM into the two characters \n.
        return text.replace("\\n", "\n")
    if path := env.get("PRIVATE_KEY_PATH"):
        try:
            return Path(path).read_text(errors="replace")  # whether it is a key is judged where it is read
        except OSError as error:
            mend = "Name the .pem file that GitHub gave you"
            raise ConfigProblem(f"cannot be read: {error.strerror}", where="PRIVATE_KEY_PATH", mend=mend) from None
    return None


def _number(env: Mapping[str, str], name: str, default: int | None = None) -> int:
    text = env.get(name) or ("" if default is None else str(default))
    try:
        return int(text)
    except ValueError:
        mend = "Write the number on the App's settings page, under About" if name == "APP_ID" else "Write 8080"
        raise ConfigProblem(f"{text!r} is no number", where=name, mend=mend) from None


def _port(env: Mapping[str, str]) -> int:
    port = _number(env, "PORT", 8080)
    if port not in range(65536):
        mend = "Write one from 0 (any free one) to 65535, or leave it out for 8080"
        raise ConfigProblem(f"there is no port {port}", where="PORT", mend=mend)
    return port


def _api_url(text: str) -> str:
    if not _is_address(text):
        shown = "this" if "@" in text else repr(text)  # a login may stand in it
        mend = "Write https://api.github.com, or https://HOST/api/v3 for GitHub Enterprise Server"
        raise ConfigProblem(f"{shown} is no address of an API", where="GITHUB_API_URL", mend=mend)
    return text.rstrip("/")


def _pages_url(text: str) -> str:
    if text and not _is_address(text):
        mend = "Write https://surefoot.example.com, as people reach the pages"
        raise ConfigProblem("this is no address of a page", where="SUREFOOT_URL", mend=mend)
    return text.rstrip("/")


def _is_address(text: str) -> bool:
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0 and "@" not in text
    except ValueError:  # brackets without an end, a port that is none
        return False


def _database_url(env: Mapping[str, str]) -> str | None:
    """Hosters give postgres:// too, the scheme's old name, which not everything that reads it knows."""
    given = env.get("DATABASE_URL", "")
    scheme, mark, rest = given.partition("://")
    return f"postgresql{mark}{rest}" if scheme == "postgres" else given or None


def _span(env: Mapping[str, str], name: str, default: str) -> timedelta:
    try:
        return duration(env.get(name) or default)
    except ValueError as error:
        raise ConfigProblem(str(error), where=name) from None


def networks(env: Mapping[str, str]) -> tuple[str, ...]:
    """The private networks that the operator opened. ConfigProblem for what is none."""
    parts = tuple(part.strip() for part in env.get("SUREFOOT_ALLOW_NETWORKS", "").split(",") if part.strip())
    for part in parts:
        try:
            ip_network(part)
        except ValueError as error:
            mend = "Write 10.0.0.0/8,127.0.0.0/8"
            raise ConfigProblem(str(error), where="SUREFOOT_ALLOW_NETWORKS", mend=mend) from None
    return parts


def from_environment() -> Settings:
    """Settings of this process."""
    return settings(os.environ)
