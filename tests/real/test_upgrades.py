"""Historical upgrades from the index: what broke its users is refused, with file and line; what did not is let through.

Each row is an upgrade that happened, with a small program of ours that uses the package as people did, and tests of it
that also pass where the lab's own look at the code is not needed. The line that broke bears the mark `# breaks`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.adapters import Tools, open_one, sources
from bot.core.model import Grade, Level, Simulation, SuiteResult
from bot.lab import compatibility, resolver
from bot.lab.host import Host
from bot.lab.trial import Laboratory, laboratory
from bot.tools import pip
from bot.tools.cache import Folder
from bot.tools.http import Http, Reach
from tests.lab.world import a_trial, tree
from tests.real import jails

MARK = "# breaks"
QUIET = "from program import main\n\ndef test_main():\n    assert main() is not None\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Upgrade:
    """One that happened. program: with a mark on each line that breaks; none is marked where nobody was hurt.

    words: what the first sentence must say of it. also: packages that stay as they are.
    """

    package: str
    before: str
    after: str
    program: str
    words: str = ""
    also: tuple[str, ...] = ()
    tests: str = QUIET

    @property
    def breaks(self) -> tuple[int, ...]:
        """The marked lines."""
        return tuple(number for number, line in enumerate(self.program.splitlines(), 1) if MARK in line)

    def laid_out(self, folder: Path, version: str) -> Path:
        """The tree with this version pinned."""
        pins = "".join(f"{pin}\n" for pin in (f"{self.package}=={version}", *self.also))
        return tree(folder, {"requirements.txt": pins, "program.py": self.program, "tests/test_it.py": self.tests})


BROKE = [
    Upgrade(
        package="cachetools",
        before="5.5.2",
        after="6.2.0",
        words="cachetools.MRUCache` is gone",
        program="""\
import cachetools

def make():
    return cachetools.MRUCache(maxsize=3)  # breaks

def main():
    return cachetools.TTLCache(maxsize=3, ttl=1)
""",
    ),
    Upgrade(
        package="urllib3",
        before="1.26.20",
        after="2.5.0",
        words="urllib3.util.ssl_.DEFAULT_CIPHERS` is gone",
        program="""\
import urllib3

def ciphers():
    from urllib3.util.ssl_ import DEFAULT_CIPHERS  # breaks
    return DEFAULT_CIPHERS  # breaks

def quoted(text):
    from urllib3.packages.six.moves.urllib import parse  # breaks
    return parse.quote(text)  # breaks

def main():
    return urllib3.PoolManager(num_pools=2, retries=urllib3.Retry(total=1))
""",
    ),
    Upgrade(
        package="httpx",
        before="0.27.2",
        after="0.28.1",
        words="httpx.Client` has no parameter `proxies`",
        program="""\
import httpx

def through(proxy):
    with httpx.Client(proxies=proxy, timeout=3) as client:  # breaks
        return client.get("/")

def once(proxy):
    return httpx.get("/", proxies=proxy)  # breaks

def main():
    return httpx.Client(timeout=3, base_url="http://example.org").build_request("GET", "/")
""",
    ),
    Upgrade(
        package="pydantic",
        before="1.10.24",
        after="2.11.7",
        words="pydantic.BaseSettings` is gone",
        program="""\
import pydantic

def settings():
    class Settings(pydantic.BaseSettings):  # breaks
        debug: bool = False
    return Settings()

def parsed(path, kind):
    from pydantic.tools import parse_file_as  # breaks
    return parse_file_as(kind, path)  # breaks

class User(pydantic.BaseModel):
    name: str

def main():
    return User(name="x").name
""",
    ),
    Upgrade(
        package="pillow",
        before="9.5.0",
        after="10.4.0",
        words="PIL.Image.ANTIALIAS` is gone",
        program="""\
from PIL import Image

def small(path):
    with Image.open(path) as image:
        return image.resize((8, 8), Image.ANTIALIAS)  # breaks

def main():
    return Image.new("RGB", (8, 8)).resize((4, 4), Image.LANCZOS)
""",
    ),
    Upgrade(
        package="click",
        before="8.1.8",
        after="8.2.1",
        words="click.testing.CliRunner` has no parameter `mix_stderr`",
        program="""\
import click
from click.testing import CliRunner

@click.command()
@click.option("--name", default="you")
def greet(name):
    click.echo(f"hello {name}")

def quiet():
    return CliRunner(mix_stderr=False).invoke(greet)  # breaks

def main():
    return CliRunner().invoke(greet, ["--name", "x"]).output
""",
    ),
    Upgrade(
        package="jinja2",
        before="3.0.3",
        after="3.1.6",
        words="jinja2.contextfunction` is gone",
        program="""\
import jinja2

def make():
    @jinja2.contextfunction  # breaks
    def url(context):
        return context["url"]
    return url

def main():
    return jinja2.Environment(autoescape=True).from_string("{{ a }}").render(a=1)
""",
    ),
    Upgrade(
        package="werkzeug",
        before="2.3.8",
        after="3.0.6",
        words="werkzeug.urls.url_quote` is gone",
        program="""\
from werkzeug import urls
from werkzeug.datastructures import MultiDict

def quoted(text):
    return urls.url_quote(text)  # breaks

def main():
    return MultiDict([("a", 1)])
""",
    ),
    Upgrade(
        package="flask",
        before="2.2.5",
        after="2.3.3",
        words="flask.Flask().before_first_request` is gone",
        also=("werkzeug==2.3.8",),
        program="""\
import flask

def prepared(app: flask.Flask):
    @app.before_first_request  # breaks
    def begin():
        app.logger.info("begun")
    return app.test_client()

def encoder():
    from flask.json import JSONEncoder  # breaks
    return JSONEncoder()  # breaks

def top():
    return flask._app_ctx_stack.top

def main():
    app = flask.Flask("x")
    app.add_url_rule("/", view_func=top)
    return app.url_map
""",
    ),
    Upgrade(
        package="numpy",
        before="1.26.4",
        after="2.2.6",
        words="numpy.float_` is gone",
        program="""\
import numpy as np

def wide(values):
    return np.asarray(values, dtype=np.float_)  # breaks

def mean(values):
    return np.product(np.array(values))  # breaks

def main():
    return np.array([1.0, 2.0]).sum()
""",
    ),
    Upgrade(
        package="packaging",
        before="21.3",
        after="22.0",
        words="packaging.version.LegacyVersion` is gone",
        program="""\
from packaging.version import Version, parse

def is_old(text):
    from packaging.version import LegacyVersion  # breaks
    return isinstance(parse(text), LegacyVersion)  # breaks

def main():
    return Version("1.0")
""",
    ),
    Upgrade(
        package="marshmallow",
        before="3.26.1",
        after="4.0.1",
        words="marshmallow.fields.Str` has no parameter `missing`",
        program="""\
from marshmallow import Schema, fields

def schema():
    class User(Schema):
        name = fields.Str(missing="nobody")  # breaks
    return User()

class Group(Schema):
    name = fields.Str(required=True)

def main():
    return Group().load({"name": "x"})
""",
    ),
    Upgrade(
        package="sqlalchemy",
        before="1.4.54",
        after="2.0.43",
        words="sqlalchemy.MetaData` has no parameter `bind`",
        program="""\
import sqlalchemy as sa
from sqlalchemy import orm

def bound(engine):
    return sa.MetaData(bind=engine)  # breaks

def eager():
    return orm.eagerload("x")  # breaks

def main():
    return sa.Table("users", sa.MetaData(), sa.Column("id", sa.Integer, primary_key=True))
""",
    ),
    Upgrade(
        package="itsdangerous",
        before="2.0.1",
        after="2.1.2",
        words="itsdangerous.TimedJSONWebSignatureSerializer` is gone",
        program="""\
import itsdangerous

def token(secret, data):
    return itsdangerous.TimedJSONWebSignatureSerializer(secret, expires_in=60).dumps(data)  # breaks

def main():
    return itsdangerous.URLSafeSerializer("secret").dumps({"a": 1})
""",
    ),
    Upgrade(
        package="anyio",
        before="3.7.1",
        after="4.9.0",
        words="anyio.start_blocking_portal` is gone",
        program="""\
import anyio

def portal():
    return anyio.start_blocking_portal()  # breaks

async def nothing():
    await anyio.sleep(0)
    return 1

def main():
    return anyio.run(nothing)
""",
    ),
]

FINE = [
    Upgrade(
        package="cachetools",
        before="5.5.2",
        after="6.2.0",
        program="""\
from cachetools import LRUCache, TTLCache, cached

@cached(LRUCache(maxsize=3))
def twice(number):
    return number * 2

def main():
    return twice(2), TTLCache(maxsize=3, ttl=1)
""",
    ),
    Upgrade(
        package="urllib3",
        before="1.26.20",
        after="2.5.0",
        program="""\
import urllib3
from urllib3.util.retry import Retry
from urllib3.exceptions import HTTPError

def main():
    with urllib3.PoolManager(num_pools=2, retries=Retry(total=1, backoff_factor=0.1)) as pool:
        try:
            return pool.request("GET", "http://127.0.0.1:9/", timeout=0.1, headers={"a": "b"})
        except HTTPError:
            return pool.pools
""",
    ),
    Upgrade(
        package="httpx",
        before="0.27.2",
        after="0.28.1",
        program="""\
import httpx

def main():
    with httpx.Client(timeout=3, headers={"a": "b"}, follow_redirects=True) as client:
        return client.build_request("GET", "http://example.org/", params={"a": 1}).url
""",
    ),
    Upgrade(
        package="jinja2",
        before="3.0.3",
        after="3.1.6",
        program="""\
import jinja2

try:
    from jinja2 import contextfunction as pass_context
except ImportError:
    from jinja2 import pass_context

@pass_context
def url(context):
    return context["url"]

def main():
    return jinja2.Environment(autoescape=True).from_string("{{ url() }}").render(url=url)
""",
    ),
    Upgrade(
        package="pydantic",
        before="1.10.24",
        after="2.11.7",
        program="""\
from typing import List, Optional
from pydantic import BaseModel, Field, ValidationError

class User(BaseModel):
    name: str = Field(..., min_length=1, description="how to call it")
    tags: List[str] = []
    age: Optional[int] = None

def main():
    try:
        User(name="")
    except ValidationError as problem:
        return problem.errors()
""",
    ),
    Upgrade(
        package="attrs",
        before="23.1.0",
        after="25.3.0",
        program="""\
import attr
import attrs

@attrs.define(frozen=True, slots=True)
class Point:
    x: int = attrs.field(default=0, validator=attrs.validators.instance_of(int))

@attr.s(auto_attribs=True)
class Old:
    y: int = attr.ib(default=1)

def main():
    return attrs.evolve(Point(), x=2), attr.asdict(Old())
""",
    ),
    Upgrade(
        package="click",
        before="8.1.3",
        after="8.1.8",
        program="""\
import click
from click.testing import CliRunner

@click.command(context_settings={"help_option_names": ["-h"]})
@click.option("--name", default="you", show_default=True, help="whom to greet")
def greet(name):
    click.secho(f"hello {name}", fg="green")

def main():
    return CliRunner().invoke(greet, ["--name", "x"], catch_exceptions=False).output
""",
    ),
    Upgrade(
        package="requests",
        before="2.31.0",
        after="2.32.4",
        program="""\
import requests
from requests.adapters import HTTPAdapter

def main():
    session = requests.Session()
    session.mount("https://", HTTPAdapter(max_retries=3, pool_connections=2))
    try:
        return session.get("http://127.0.0.1:9/", timeout=0.1, allow_redirects=False, verify=True)
    except requests.exceptions.ConnectionError as problem:
        return problem.request
""",
    ),
    Upgrade(
        package="packaging",
        before="21.3",
        after="25.0",
        program="""\
from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

def main():
    return SpecifierSet(">=1,<2").contains(Version("1.5"), prereleases=True)
""",
    ),
    Upgrade(
        package="numpy",
        before="1.26.4",
        after="2.2.6",
        program="""\
import numpy as np
from numpy.typing import NDArray

def middle(values: NDArray[np.float64]) -> float:
    return float(np.median(values))

def main():
    return middle(np.linspace(0, 1, num=5)), np.random.default_rng(1).integers(0, 3, size=2), np.linalg.norm([3, 4])
""",
    ),
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One for all, so that what is learnt of a package serves the next row."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def host() -> Host:
    """The best jail there is; none is a failure, not a skip."""
    return jails.best()


@pytest.fixture
async def lab(host: Host, place: Path) -> AsyncIterator[Laboratory]:
    """As `surefoot check` has it: packages come from the indexes that pip on this machine names."""
    index = pip.index_of_pip()
    reach = Reach(trusted=index.hosts, ca=index.cert, unverified=index.trusted_hosts)
    async with Http(reach, cache=Folder(place / "pages")) as http:
        source = open_one(sources, "pypi", {}, Tools(http=http, index=lambda: index))
        uv = resolver.find_uv(index, source.releases)
        yield laboratory(place, host=host, uv=uv, examiners={"compatibility": compatibility.examine})


async def simulated(lab: Laboratory, upgrade: Upgrade, folder: Path) -> tuple[Simulation, SuiteResult]:
    """The whole of it, and the suite that looks at what is used."""
    before, after = (upgrade.laid_out(folder / name, name) for name in (upgrade.before, upgrade.after))
    simulation = await lab.simulate(a_trial(before, after, seconds=300, memory_mib=1024))
    found = [suite for suite in simulation.suites if suite.kind == "compatibility"]
    assert found, simulation
    return simulation, found[0]


def _id(upgrade: Upgrade) -> str:
    return f"{upgrade.package} {upgrade.before} to {upgrade.after}"


@pytest.mark.parametrize("upgrade", BROKE, ids=_id)
async def test_an_upgrade_that_broke_its_users_is_refused(upgrade: Upgrade, lab: Laboratory, tmp_path: Path) -> None:
    """Also where no test comes to the broken line: each is named, no other is, and the first sentence says what."""
    simulation, suite = await simulated(lab, upgrade, tmp_path)
    failures = {(one.path, one.line) for one in suite.remarks if one.level is Level.FAILURE}
    assert simulation.grade is suite.grade is Grade.FAILED, simulation
    assert failures == {("program.py", line) for line in upgrade.breaks}, suite.remarks
    assert upgrade.words in suite.why and f"program.py:{upgrade.breaks[0]}" in suite.why
    assert simulation.suites[0].grade is Grade.PASSED, simulation.suites[0]


@pytest.mark.parametrize("upgrade", FINE, ids=_id)
async def test_an_upgrade_that_hurts_nobody_here_is_let_through(
    upgrade: Upgrade, lab: Laboratory, tmp_path: Path
) -> None:
    """However much of the package is gone that this program does not use."""
    simulation, suite = await simulated(lab, upgrade, tmp_path)
    assert simulation.grade is suite.grade is Grade.PASSED, (simulation.why, suite.remarks, suite.notes)
    assert not [one for one in suite.remarks if one.level is not Level.NOTICE]


TYPED = """\
import urllib3

def kind(url: str) -> str:
    found: str = urllib3.PoolManager().request("GET", url).headers
    return found

def main() -> object:
    return urllib3.PoolManager()
"""


async def test_what_only_a_type_checker_sees_asks_a_person(lab: Laboratory, tmp_path: Path) -> None:
    """The package is typed now, and the program is wrong: its own checker says where."""
    settings = {"mypy.ini": "[mypy]\nignore_missing_imports = True\nfiles = program.py\n"}
    upgrade = Upgrade(package="urllib3", before="1.26.20", after="2.5.0", program=TYPED, also=("mypy==1.18.2",))
    before, after = (tree(upgrade.laid_out(tmp_path / name, name), settings) for name in ("1.26.20", "2.5.0"))
    simulation = await lab.simulate(a_trial(before, after, seconds=300, memory_mib=1024))
    suite = simulation.suites[-1]
    assert simulation.grade is suite.grade is Grade.UNKNOWN, simulation
    assert suite.why.startswith("mypy newly reports an error in `program.py:4`")
    assert [(one.path, one.line, one.level) for one in suite.remarks] == [("program.py", 4, Level.WARNING)]


OLD_WAYS = """\
from pydantic import BaseModel, validator

class User(BaseModel):
    name: str

    @validator("name")
    def strip(cls, value):
        return value.strip()

def main():
    return User(name=" x ").name
"""


async def test_a_new_deprecation_is_noticed_at_its_line(lab: Laboratory, tmp_path: Path) -> None:
    """It still works, so nothing is refused."""
    upgrade = Upgrade(package="pydantic", before="1.10.24", after="2.11.7", program=OLD_WAYS)
    simulation, suite = await simulated(lab, upgrade, tmp_path)
    assert simulation.grade is Grade.PASSED, simulation
    told = [one for suite in simulation.suites for one in suite.remarks if one.path == "program.py"]
    assert {(one.line, one.level) for one in told} <= {(6, Level.NOTICE), (6, Level.WARNING)}, told
    assert any("PydanticDeprecatedSince20" in f"{one.title} {one.message}" for one in told), told
    assert {one.line for one in suite.remarks} <= {6}, "compatibility says no other line"
