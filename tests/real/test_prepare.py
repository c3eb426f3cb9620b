"""Ecosystems that the lab does not know, by their own tools: Bundler's gems and Maven's artifacts, from loopback."""

from __future__ import annotations

import hashlib
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web

from bot.core.model import Component, Grade, Isolation, Simulation
from bot.core.preparing import Prepare
from bot.core.suites import Asked
from bot.lab import probe
from bot.lab.host import Host
from bot.lab.locking.allowed import Place
from bot.lab.trial import Laboratory
from bot.tools.secrets import Secret
from tests.lab import registries
from tests.lab.world import tree
from tests.real import labs
from tests.real.nginx import Server, nginx
from tests.real.npm_world import Registry, a_trial, laboratory, project
from tests.real.serving import plain, program

# As its program `bundle` does, which is a package of its own on Debian.
BUNDLE = (
    """ruby -e 'require "bundler"; require "bundler/friendly_errors"; """
    """Bundler.with_friendly_errors { require "bundler/cli"; Bundler::CLI.start(ARGV, debug: true) }'"""
)
GEMFILE = 'source "https://gems.example"\ngem "greet"\n'
LOCK = """\
GEM
  remote: https://gems.example/
  specs:
    greet ({version})

PLATFORMS
  ruby

DEPENDENCIES
  greet

BUNDLED WITH
   2.3.7
"""
SPEC = """\
require "bundler/setup"
require "greet"
def came(name)
  yield
  %(<testcase classname="shop" name="#{name}" file="./spec/shop.rb" line="#{__LINE__}"/>)
rescue => problem
  failure = %(<failure message="#{problem.message}"/>)
  %(<testcase classname="shop" name="#{name}" file="./spec/shop.rb" line="5">#{failure}</testcase>)
end
cases = [came("hails") { raise "said #{Greet.hail}" unless Greet.hail == "Hello" }, came("other") {}]
File.write("rspec.xml", "<testsuite>#{cases.join}</testsuite>")
"""
GEMSPEC = """\
Gem::Specification.new do |s|
  s.name, s.version, s.summary, s.authors = "greet", "%s", "It greets", ["us"]
  s.files = ["lib/greet.rb"]
  s.extensions = ["ext/extconf.rb"]
  s.files += s.extensions
end
"""
# What is built while it is installed is built in the jail alone.
EXTCONF = """\
raise "a login" if ENV.values.any? { |one| one.include?("hunter2") }
File.write("Makefile", "all:\\ninstall:\\nclean:\\n")
"""


@dataclass
class Gems(registries.Server):
    """A compact index of gems that were really built, behind a login."""

    files: dict[str, bytes] = field(default_factory=dict)

    def answer(self, path: str, accept: str) -> web.Response:
        lines = "".join(f"{at} |checksum:{hashlib.sha256(body).hexdigest()}\n" for at, body in self.files.items())
        page = f"---\n{lines}"
        if path == "/ours/versions":
            told = f"greet {','.join(self.files)} {hashlib.md5(page.encode()).hexdigest()}\n"
            return web.Response(text=f"created_at: 2026-01-01T00:00:00Z\n---\n{told}")
        if path == "/ours/info/greet":
            return web.Response(text=page)
        version = path.removeprefix("/ours/gems/greet-").removesuffix(".gem")
        return web.Response(body=self.files[version]) if version in self.files else web.Response(status=404)


def built(folder: Path, version: str, word: str) -> bytes:
    """A gem by `gem build`."""
    code = f'module Greet\n  def self.hail() "{word}" end\nend\n'
    made = {"greet.gemspec": GEMSPEC % version, "lib/greet.rb": code, "ext/extconf.rb": EXTCONF}
    tree(folder, made)
    words = [program("gem", "On Debian: apt-get install ruby"), "build", "-q", "greet.gemspec"]
    subprocess.run(words, cwd=folder, env=plain(folder / "home"), check=True, capture_output=True)
    return (folder / f"greet-{version}.gem").read_bytes()


@pytest.fixture
async def lab(best: Host, tmp_path: Path) -> AsyncIterator[Laboratory]:
    """A lab without any index, whose operator has opened nothing yet."""
    async with labs.laboratory(best, tmp_path / "lab") as made:
        yield made


def opened(lab: Laboratory, *places: Place) -> Laboratory:
    """The same, with these opened."""
    assert lab.fetching is not None
    return replace(lab, fetching=replace(lab.fetching, opened=places))


@pytest.fixture
async def gems(tmp_path: Path) -> AsyncIterator[Gems]:
    """With three versions of a gem."""
    words = {"1.0": "Hello", "1.1": "Hello", "2.0": "Hail"}
    files = {version: built(tmp_path / f"gem-{version}", version, word) for version, word in words.items()}
    async with Gems(files=files, login="Basic hunter2").running(tmp_path) as made:
        yield made


def ruby(folder: Path, version: str) -> Path:
    """A project of Ruby with a lock."""
    return tree(folder, {"Gemfile": GEMFILE, "Gemfile.lock": LOCK.format(version=version), "spec/shop.rb": SPEC})


async def tried(lab: Laboratory, before: Path, after: Path, prepare: Prepare, unit: Asked) -> Simulation:
    """What the lab says."""
    component = Component(name="greet", ecosystem="gem")
    return await lab.simulate(
        replace(a_trial(before, after), component=component, prepare=prepare, suites={"unit": unit})
    )


async def test_a_gem_that_breaks_a_test_is_refused_and_a_good_one_passes(
    lab: Laboratory, gems: Gems, tmp_path: Path
) -> None:
    """Installed by Bundler in the jail, extensions built there; the login stays outside, and the tests run offline."""
    place = Place(url="https://gems.example", asked=f"{gems.url}/ours", login=Secret("Basic hunter2"))
    there = opened(lab, place)
    env = {"BUNDLE_PATH": "vendor/bundle", "BUNDLE_FROZEN": "true", "BUNDLE_RETRY": "0"}
    prepare = Prepare(
        run=f"{BUNDLE} install", files=("Gemfile", "Gemfile.lock"), keep=("vendor/bundle",), hosts=("gems.example",),
        env=env,
    )  # fmt: skip
    unit = Asked(run="ruby spec/shop.rb", report=("rspec.xml",))
    old, good, bad, gone = (ruby(tmp_path / at, at) for at in ("1.0", "1.1", "2.0", "7.0"))
    found = await tried(there, old, bad, prepare, unit)
    assert found.grade is Grade.FAILED, (found.why, [one.log for one in found.suites])
    (change,) = found.suites[0].newly_failing
    assert (change.test, change.path, change.message) == ("shop::hails", "spec/shop.rb", "said Hail")
    found = await tried(there, old, good, prepare, unit)
    assert (found.grade, found.suites[0].after.passed) == (Grade.PASSED, 2), found.why
    found = await tried(there, old, gone, prepare, unit)
    assert found.grade is Grade.FAILED and "can no longer be found" in found.why, found.why
    assert set(gems.logins) == {"Basic hunter2"} and len([one for one in gems.seen if "/gems/" in one]) == 3


PARENT = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>com.acme</groupId><artifactId>parent</artifactId><version>{version}</version><packaging>pom</packaging>
<properties><word>{word}</word></properties></project>"""
POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<parent><groupId>com.acme</groupId><artifactId>parent</artifactId><version>{version}</version></parent>
<artifactId>app</artifactId><packaging>pom</packaging></project>"""
# No plugin is at hand on a bare machine, so the test is a script beside Maven's own offline run.
MAVEN = """\
mkdir -p target/surefire-reports
{ echo '<testsuite name="com.acme.ShopTest"><testcase classname="com.acme.ShopTest" name="builds">'
  mvn -B -q -o -Dmaven.repo.local=.m2 validate >&2 || echo '<failure message="it does not build"/>'
  echo '</testcase><testcase classname="com.acme.ShopTest" name="hails">'
  grep -q '<word>Hello' .m2/com/acme/parent/*/*.pom || echo '<failure message="another word"/>'
  echo '</testcase></testsuite>'; } >target/surefire-reports/TEST-com.acme.ShopTest.xml
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A Maven repository of files behind nginx."""
    with nginx(tmp_path / "repositories") as made:
        for version, word in (("1.0", "Hello"), ("1.1", "Hello"), ("2.0", "Hail")):
            place = made.files / f"closed/com/acme/parent/{version}/parent-{version}.pom"
            place.parent.mkdir(parents=True)
            place.write_text(PARENT.format(version=version, word=word))
        yield made


def java(folder: Path, version: str) -> Path:
    """A project of Maven."""
    files: Mapping[str, str] = {"pom.xml": POM.format(version=version), "test.sh": MAVEN}
    return tree(folder, files)


async def test_maven_through_a_mirror_with_a_login(lab: Laboratory, server: Server, tmp_path: Path) -> None:
    """The project names the public repository over TLS; the operator's mirror stands for it, and Java believes it."""
    program("mvn", "On Debian: apt-get install maven")
    host = "repo.maven.apache.org"
    place = Place(url=f"https://{host}/maven2", asked=f"{server.url}/closed", login=Secret("Basic bWU6cGFzcw=="))
    there = opened(lab, place)
    run = "mvn -B -q -Dmaven.repo.local=.m2 validate"
    prepare = Prepare(run=run, files=("**/pom.xml",), keep=(".m2",), hosts=(host,))
    unit = Asked(run="sh test.sh", report=("**/TEST-*.xml",))
    old, good, bad, gone = (java(tmp_path / at, at) for at in ("1.0", "1.1", "2.0", "7.0"))
    found = await tried(there, old, good, prepare, unit)
    assert (found.grade, found.suites[0].after.passed) == (Grade.PASSED, 2), (found.why, found.suites)
    found = await tried(there, old, bad, prepare, unit)
    assert found.grade is Grade.FAILED and "com.acme.ShopTest::hails" in found.why, found.why
    found = await tried(there, old, gone, prepare, unit)
    assert found.grade is Grade.FAILED and "com.acme:parent:pom:7.0" in found.why, found.why
    assert "200 1.1/parent-1.1.pom" in [one.replace("GET ", "") for one in server.asked("/closed/com/acme/parent/")]


NODE = """\
const fs = require("node:fs");
const { hail } = require("greet");
const bad = hail() === "Hello" ? "" : '<failure message="another word"/>';
fs.writeFileSync("junit.xml", `<testsuite><testcase classname="shop" name="hails">${bad}</testcase></testsuite>`);
"""


async def test_a_runner_of_node_that_is_not_known_names_its_report(best: Host, tmp_path: Path) -> None:
    """Packages by npm as ever; what counts is the file that the owner names."""
    registry = Registry()
    for version, word in (("1.0.0", "Hello"), ("1.1.0", "Hello"), ("2.0.0", "Hail")):
        registry.publish("greet", version, {"index.js": f"exports.hail = () => '{word}';"})
    async with registry.running(tmp_path), laboratory(best, registry, tmp_path / "lab") as lab:
        unit = Asked(run="node odd.js", report=("junit.xml",))
        old, good, bad = (
            project(tmp_path / at, registry, {"greet": at}, {"odd.js": NODE}) for at in ("1.0.0", "1.1.0", "2.0.0")
        )
        found = await lab.simulate(replace(a_trial(old, good), suites={"unit": unit}))
        assert (found.grade, found.suites[0].after.passed) == (Grade.PASSED, 1), found.why
        found = await lab.simulate(replace(a_trial(old, bad), suites={"unit": unit}))
        assert found.grade is Grade.FAILED and "shop::hails" in found.why, found.why


async def test_under_the_kernel_of_gvisor_too(lab: Laboratory, tmp_path: Path) -> None:
    """What was made lies where it was made, read-only or as a copy, and the tree beside it can be written."""
    if shutil.which("runsc") is None:
        pytest.skip("no runsc is installed (Debian: the package runsc)")
    host = await probe.probe(gvisor=True)
    assert lab.fetching is not None
    if host.isolation is not Isolation.GVISOR:
        pytest.skip(f"gVisor does not work here: {host.reason}")
    room = replace(lab.fetching.room, host=host)
    there = replace(lab, host=host, fetching=replace(lab.fetching, room=room))
    run = "mkdir -p vendor/kept own && cp lock vendor/kept/ && cp lock own/"
    prepare = Prepare(run=run, files=("lock",), keep=("vendor/kept",), writable=("own",))
    test = (
        "cmp lock vendor/kept/lock && echo x >>own/lock && echo x >vendor/more && ! (echo x >vendor/kept/x) 2>/dev/null"
    )
    case = "<testsuite><testcase name='it'/></testsuite>"
    unit = Asked(run=f'{test} && echo "{case}" >out.xml', report=("out.xml",))
    before, after = (tree(tmp_path / name, {"lock": name, "vendor/readme": ""}) for name in ("a", "b"))
    found = await tried(there, before, after, prepare, unit)
    assert (found.grade, found.isolation) == (Grade.PASSED, Isolation.GVISOR), (found.why, found.suites[0].log)
