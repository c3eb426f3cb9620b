"""An environment that is ready: packages of one ecosystem, what runs them, and what a jail must show for that."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

PYPI, NPM, GOLANG, CARGO = "pypi", "npm", "golang", "cargo"
OTHER = "other"  # made by a command of the repository's own
INSIDE = Path(__file__).resolve().parent / "inside"
# Inside. Packages of npm lie beside the working folder, as their place there must be the tree's own to write in.
MODULES = "/home/sim/modules"
COPIED = "/home/sim/copied"  # what each run gets a copy of its own of
_ROOMY = frozenset({NPM, GOLANG, CARGO, OTHER})  # see `bot.lab.jobs.Job.roomy`
_STAND_INS = (str(INSIDE / "programs"),)
_USUAL_PATH = "/usr/local/bin:/usr/bin:/bin"


@dataclass(frozen=True, slots=True, kw_only=True)
class Interpreter:
    """What runs the code, of this machine: its real path, its version and the folder that it needs to start."""

    path: Path
    version: str
    prefix: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    """A ready one. key: its content; folder: where its packages are; lock: the text that it was made from.

    ecosystem: "pypi" (a venv, and a requirements file with hashes), "npm" (node_modules, and a package-lock.json) or
    "golang" (the cache of modules, and what its files say as JSON), "cargo" (a folder of crates, and a Cargo.lock),
    "other" (folders of a command's own, and what the files that it sees say as JSON).
    where: the folder of the tree that it is for, "" for the root. folders: more that its interpreter needs.
    beside: environments of other ecosystems that the same commands need. laid: of "other", path inside -> folder.
    own: of "other", variables for its commands.
    """

    key: str
    folder: Path
    interpreter: Interpreter
    lock: str
    notes: tuple[str, ...] = ()
    ecosystem: str = PYPI
    where: str = ""
    folders: tuple[Path, ...] = ()
    beside: tuple[Environment, ...] = ()
    laid: Mapping[str, Path] = field(default_factory=dict)
    own: Mapping[str, str] = field(default_factory=dict)

    @property
    def ecosystems(self) -> frozenset[str]:
        """Its own, and those beside it."""
        return frozenset({self.ecosystem}.union(*(one.ecosystems for one in self.beside)))

    @property
    def programs(self) -> Path:
        """The folder of its programs."""
        return self.folder / "bin" if self.ecosystem == PYPI else self.interpreter.path.parent

    @property
    def variables(self) -> Mapping[str, str]:
        """What a command finds in its environment; both sides run under the same conditions."""
        beside = {name: value for one in self.beside for name, value in one.variables.items()}
        first = [place for one in (self, *self.beside) for place in one._first_in_path]
        own = _VARIABLES[self.ecosystem](self)
        return {**beside, **own, "PATH": ":".join([*first, _USUAL_PATH]), "CI": "true"}

    @property
    def _first_in_path(self) -> tuple[str, ...]:
        below = f"{self.where}/" if self.where else ""
        before = {NPM: (f"{{work}}/{below}node_modules/.bin",), GOLANG: _STAND_INS, CARGO: _STAND_INS}
        own = () if self.ecosystem == OTHER else (str(self.programs),)
        return (*before.get(self.ecosystem, ()), *own)

    @property
    def visible(self) -> tuple[Path, ...]:
        """What a jail must show at its own path for it to work."""
        own = (self.folder, self.interpreter.prefix) if self.ecosystem == PYPI else (INSIDE, *self.folders)
        return tuple(dict.fromkeys([*own, *(path for one in self.beside for path in one.visible)]))

    @property
    def placed(self) -> Mapping[str, Path]:
        """What a jail must show elsewhere: path inside -> folder."""
        own = dict(self.laid) if self.ecosystem in (PYPI, OTHER) else {MODULES: self.folder}
        return {**own, **{inside: path for one in self.beside for inside, path in one.placed.items()}}

    @property
    def roomy(self) -> bool:
        """See `bot.lab.jobs.Job`."""
        return bool(_ROOMY & self.ecosystems)

    @property
    def starter(self) -> tuple[str, ...]:
        """The words to be put before a command, so that it finds its packages where it expects them."""
        starters = {
            NPM: (str(self.interpreter.path), str(INSIDE / "surefoot_node.cjs")),
            CARGO: ("/bin/sh", str(INSIDE / "surefoot_cargo.sh")),
            OTHER: ("/bin/sh", str(INSIDE / "surefoot_copies.sh")),
        }
        own = starters.get(self.ecosystem, ())
        return (*own, *(word for one in self.beside for word in one.starter))


def _of_python(one: Environment) -> dict[str, str]:
    return {
        "VIRTUAL_ENV": str(one.folder),
        # The project is not installed, since that would build it; its modules are found where they lie.
        "PYTHONPATH": "{work}:{work}/src",
        "PYTHONHASHSEED": "0",
    }


def _of_node(one: Environment) -> dict[str, str]:
    return {
        "SUREFOOT_MODULES": MODULES,
        "SUREFOOT_WHERE": one.where,
        "npm_config_cache": "/tmp/npm",  # noqa: S108 - inside, a tmpfs of the jail's own
        "npm_config_offline": "true",
        "npm_config_update_notifier": "false",
        "npm_config_loglevel": "error",
        "npm_config_fund": "false",
    }


def _of_go(one: Environment) -> dict[str, str]:
    return {
        "GOMODCACHE": MODULES,
        "GOPROXY": "off",
        "GOSUMDB": "off",
        "GOENV": "off",
        "GOTOOLCHAIN": "local",
        "GOTELEMETRY": "off",
        "SUREFOOT_GO": str(one.interpreter.path),
    }


def _of_cargo(one: Environment) -> dict[str, str]:
    return {
        "CARGO_HOME": "/home/sim/.cargo",
        "CARGO_NET_OFFLINE": "true",
        "CARGO_TERM_COLOR": "never",
        # What nobody looks at here would fill the disk of the jail.
        "CARGO_INCREMENTAL": "0",
        "CARGO_PROFILE_DEV_DEBUG": "0",
        "CARGO_PROFILE_TEST_DEBUG": "0",
        "RUSTC": str(one.interpreter.path.with_name("rustc")),
        "RUSTDOC": str(one.interpreter.path.with_name("rustdoc")),
        "SUREFOOT_CARGO": str(one.interpreter.path),
        "SUREFOOT_MODULES": MODULES,
    }


def _of_other(one: Environment) -> dict[str, str]:
    return dict(one.own)


_VARIABLES = {PYPI: _of_python, NPM: _of_node, GOLANG: _of_go, CARGO: _of_cargo, OTHER: _of_other}
