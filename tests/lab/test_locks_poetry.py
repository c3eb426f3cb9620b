"""poetry.lock by Poetry: what is made of its answers, of its words and of an index, without Poetry itself."""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import lockfiles
from bot.core.errors import ConfigProblem, Missing, Permanent, Transient
from bot.core.lockfiles import Moved
from bot.core.model import Component
from bot.lab import resolver
from bot.lab.host import Host
from bot.lab.locking import pips, poetry, poetry_text
from bot.lab.locking.gateway import Document
from bot.lab.locking.pips import Indexes
from bot.lab.locking.poetry import in_plain_words
from bot.lab.locking.poetry_text import Known, pythons, quiet
from bot.lab.locking.programs import Program
from bot.lab.locking.warehouse import KIND, Desk
from bot.lab.locks import LockJob, Locksmith, Relocked, Room
from bot.tools.http import Http, Reach
from bot.tools.pip import IndexSettings
from tests.lab import world
from tests.lab.poetry_locks import Writer, own, standard

PUBLIC = "https://public.example"
PAD = Component(name="Pad")


@pytest.fixture
def write(tmp_path: Path) -> Writer:
    """Of pad 1.0 and 1.1, tie and top."""
    for name, version in (("pad", "1.0"), ("pad", "1.1"), ("tie", "1.0"), ("tie", "1.1"), ("top", "1.0")):
        world.wheel(tmp_path / "wheels", name, version, {f"{name}.py": f"# {version}"})
    return Writer(tmp_path / "wheels")


WAS, NOW = own({"pad": '"^1.0"', "top": '"*"'}), own({"pad": '"^1.1"', "top": '"*"'})


def locked(write: Writer, manifest: str, *, pad: str = "1.0", tie: str = "1.0", older: bool = False) -> str:
    """pad, tie and top."""
    needs = {"tie": "*"} if pad != "1.0" else {}
    return write.lock(
        manifest, write.entry("pad", pad, needs, older=older), write.entry("tie", tie, older=older),
        write.entry("top", "1.0", {"tie": "*"}, older=older), older=older,
    )  # fmt: skip


# --- a Poetry that lies ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Liar:
    """A Poetry that answers with a text, whatever it is asked; it leaves what it was given beside itself."""

    folder: Path
    program: Path = field(default_factory=Path)

    def answers(self, lock: str, *, code: int = 0, said: str = "") -> Program:
        """As found on this machine."""
        self.folder.mkdir(exist_ok=True)
        (self.folder / "answer").write_bytes(lock.encode())
        (self.folder / "said").write_text(said)
        script = self.folder / "python"
        script.write_text(
            f'#!/bin/sh\ncat "{self.folder}/said" >&2\nif [ {code} != 0 ]; then cat pyproject.toml; exit {code}; fi\n'
            f'cat "{self.folder}/answer" > poetry.lock\n'
        )
        for path in (self.folder, script):
            path.chmod(0o755)
        return Program(command=(str(script),), folders=(self.folder,))


@asynccontextmanager
async def smith(host: Host, index: IndexSettings) -> AsyncIterator[Locksmith]:
    """The locksmith of a machine whose pip has these settings."""
    reach = Reach(trusted=index.hosts)
    async with Http(reach) as http:
        room = Room(host=host, http=http, reach=reach, seconds=60, memory_mib=512)
        yield Locksmith(room=room, uv=resolver.find_uv(index))


def job(lock: str, manifest: str, version: str = "1.1", **more: str) -> LockJob:
    """pad moves to a version. more: other files."""
    files = {"pyproject.toml": manifest, "poetry.lock": lock, **more}
    return LockJob(files=files, lock="poetry.lock", manifest="pyproject.toml", component=PAD, version=version)


async def relocked(
    host: Host,
    work: LockJob,
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
    index: str = "https://index.example/simple",
) -> Relocked:
    """What comes of it where Poetry answers so."""

    async def find() -> Program:
        return program

    monkeypatch.setattr(poetry, "find", find)
    async with smith(host, IndexSettings(index_url=index)) as one:
        return await one.lock(work)


async def test_what_did_not_move_keeps_its_old_text(
    host: Host, write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though a newer Poetry says more of it, and the index has more files; formats and first line stay as well."""
    liar = Liar(tmp_path / "bin")
    new = (
        locked(write, NOW, pad="1.1")
        .replace('name = "top"', 'name = "top"')
        .replace('description = ""', 'description = "of today"')
    )
    made = await relocked(host, job(locked(write, WAS), NOW), liar.answers(new), monkeypatch)
    after = locked(write, NOW, pad="1.1").replace('"1.1"\ndescription = ""', '"1.1"\ndescription = "of today"', 1)
    assert made.files == {"poetry.lock": after}
    assert made.moved == (Moved("pad", "1.0", "1.1"),)
    made = await relocked(host, job(locked(write, WAS, older=True), NOW), liar.answers(new), monkeypatch)
    after = locked(write, NOW, pad="1.1", older=True)
    assert made.files == {"poetry.lock": after.replace('"1.1"\ndescription = ""', '"1.1"\ndescription = "of today"', 1)}


async def test_what_poetry_says_is_held_against_what_was_asked(
    host: Host, write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another version, other Pythons, another registry, other bytes, no file, or no lock at all."""
    liar, old, right = Liar(tmp_path / "bin"), locked(write, WAS), locked(write, NOW, pad="1.1")
    evil = '\n[package.source]\ntype = "legacy"\nurl = "https://evil.example/simple"\nreference = "evil"\n'
    tie = re.search(r"tie-1\.0[^}]*sha256:(\w+)", old)
    assert tie
    for lock, why in (
        (old, "Poetry keeps pad at 1.0"),
        (old.replace('"pad"', '"bad"'), "Poetry keeps pad at no version"),
        (right.replace('">=3.11"', '">=3.12"'), "would be for Python >=3.12 instead of >=3.11"),
        (right.replace('\n[package.dependencies]\ntie = "*"\n', f'\n[package.dependencies]\ntie = "*"\n{evil}', 1),
         "would take pad from https://evil.example/simple, not from where it comes now"),
        (right.replace(tie[1], "0" * 64), "other files under the old version of tie 1.0"),
        (re.sub(r"files = \[\n[^\]]*pad-1\.1[^\]]*\]", "files = []", right), "gives no checksum for pad 1.1"),
        ("{", "cannot be read"),
        (right.replace('lock-version = "2.1"', 'lock-version = "3.0"'), "only 2.0 and 2.1 are known"),
    ):  # fmt: skip
        with pytest.raises(ConfigProblem, match=re.escape(why)):
            await relocked(host, job(old, NOW), liar.answers(lock), monkeypatch)


async def test_the_component_is_named_exactly_and_from_its_own_source(
    host: Host, write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a group of its own, so that the project's range stays what it is; plugins of the project are left out."""
    more = '\n[tool.poetry.requires-plugins]\nevil = "*"\n[tool.poetry.group.dev.dependencies]\n'
    manifest = own({"top": '"*"'}, more + 'pad = [{version = "^1.1", source = "own"}]\n')
    program = Liar(tmp_path / "bin").answers("", code=1, said="it is so\n")
    with pytest.raises(ConfigProblem) as caught:
        await relocked(host, job(locked(write, WAS), manifest), program, monkeypatch)
    said = str(caught.value)
    assert "Poetry cannot lock Pad 1.1: it is so" in said and "requires-plugins" not in said
    assert 'surefoot-moves.dependencies.pad]] version = "==1.1" source = "own"' in said
    others = '\n[dependency-groups]\ndev = ["pad>=1 ; python_version>=\'3.12\'", "pad>=1", "@"]\n'
    manifest = standard("Pad>=1", more=others + '[tool.poetry.dependencies]\npad = {source = "own"}\n')
    with pytest.raises(ConfigProblem) as caught:
        await relocked(host, job(locked(write, WAS), manifest), program, monkeypatch)
    said = str(caught.value)
    assert said.count('version = "==1.1" source = "own"') == 2
    assert 'version = "==1.1" source = "own" markers = "python_version >= \\"3.12\\""' in said


async def test_one_that_is_locked_twice_is_left_to_its_markers(
    host: Host, write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No single version could answer for both."""
    lock = write.lock(WAS, write.entry("pad", "1.0"), write.entry("pad", "1.1"), write.entry("top", "1.0"))
    with pytest.raises(ConfigProblem) as caught:
        await relocked(host, job(lock, NOW), Liar(tmp_path / "bin").answers("", code=1), monkeypatch)
    assert "surefoot-moves" not in str(caught.value) and "[tool.poetry.dependencies]" in str(caught.value)


async def test_what_is_wrong_is_said_before_anything_is_started(
    host: Host, write: Writer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A manifest or settings that cannot be read, an index of strangers, a Python that is not here."""
    old = locked(write, WAS)
    nobody = Program(command=("/nowhere",), folders=())
    entry = write.entry("pad", "1.0", source="https://evil.example/simple")
    for work, why in (
        (job(write.lock(WAS, entry), NOW), "takes packages from https://evil.example/simple"),
        (job(write.lock(WAS, write.entry("pad", "1.0", source="file:///srv/wheels")), NOW), "from file:///srv/wheels"),
        (job(old, "[[["), "cannot be read"),
        (job(old, 'tool = "x"\n'), "cannot be read"),
        (job(old, NOW, **{"poetry.toml": "[["}), "poetry.toml: cannot be read"),
        (job(old, NOW, version="one"), "Invalid version"),
        (replace(job(old, NOW), lock="a/poetry.lock", files={"a/poetry.lock": old, "pyproject.toml": NOW}),
         "a/pyproject.toml: is not there"),
        (job(old.replace('">=3.11"', '"x"'), NOW), "is no range"),
    ):  # fmt: skip
        with pytest.raises(ConfigProblem, match=re.escape(why)):
            await relocked(host, work, nobody, monkeypatch)
    with pytest.raises(Permanent, match=r"Python >=9.*Poetry locks for no other"):
        await relocked(host, job(old.replace('">=3.11"', '"^9.1 || >=9"'), NOW), nobody, monkeypatch)


async def test_of_the_projects_settings_only_what_shapes_a_lock_is_heard(
    host: Host, write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its folders, credentials and certificates are not."""
    settings = "[solver]\nmin-release-age = 7\nlazy-wheel = true\n[certificates.pypi]\ncert = false\n"
    liar = Liar(tmp_path / "bin")
    program = liar.answers("", code=1)
    script = Path(program.command[0])
    script.write_text("#!/bin/sh\ncat poetry.toml; exit 1\n")
    with pytest.raises(ConfigProblem) as caught:
        work = job(locked(write, "[project]\n"), NOW, **{"poetry.toml": settings})
        await relocked(host, work, program, monkeypatch)
    assert str(caught.value).endswith("Poetry cannot lock Pad 1.1: [solver] min-release-age = 7")


# --- where Poetry is -------------------------------------------------------------------------------------------------


def installed(folder: Path, version: str = "2.5.1", *, beside: bool = True) -> Path:
    """A Poetry in an environment of its own, as pipx leaves it: a Python that knows it, and a script."""
    (folder / "lib").mkdir(parents=True)
    info = folder / "lib" / f"poetry-{version}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: poetry\nVersion: {version}\n")
    python = folder / ("python" if beside else "python3")
    code = f"import sys; sys.path.insert(0, {str(folder / 'lib')!r}); exec(sys.argv[1])"
    python.write_text(f'#!/bin/sh\nexec {sys.executable} -I -c "{code}" "$3"\n')
    (folder / "poetry").write_text(f"#!{python}\n")
    for path in (python, folder / "poetry"):
        path.chmod(0o755)
    return folder


@pytest.mark.parametrize("beside", [True, False])
async def test_poetry_is_found_on_path_with_all_that_it_needs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, beside: bool
) -> None:
    """Whether its Python lies beside its script or is named by it."""
    monkeypatch.setenv("PATH", str(installed(tmp_path / "env", beside=beside)))
    found = await poetry.find()
    assert found.command == (sys.executable, "-I", "-m", "poetry") and found.version == (2, 5)
    assert Path(sys.prefix) in found.folders


async def test_poetry_is_found_beside_our_own_python(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it was installed with Surefoot."""
    folder = installed(tmp_path / "env")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    assert (await poetry.find()).folders


async def test_without_poetry_it_is_said_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """None, one that is too old, one that says nothing, and one that is none."""
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(Permanent, match=r"Poetry is not installed.*pipx install poetry"):
        await poetry.find()
    monkeypatch.setenv("PATH", str(installed(tmp_path / "old", "1.8.3")))
    with pytest.raises(Permanent, match=r"Poetry 1\.8\.3 is installed, and locks are made by 2\.0 or newer"):
        await poetry.find()
    mute = installed(tmp_path / "mute")
    (mute / "python").write_text("#!/bin/sh\n")
    monkeypatch.setenv("PATH", str(mute))
    with pytest.raises(Permanent, match="cannot be asked what it is"):
        await poetry.find()
    (mute / "python").unlink()
    (mute / "poetry").write_text("#!/bin/sh\nexec docker run poetry\n")
    with pytest.raises(Permanent, match="a wrapper around another one"):
        await poetry.find()


# --- texts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "asked"),
    [
        ("^3.11", [">=3.11,<4"]),
        ("~3.9 || ^3.11.2", [">=3.9,<3.10", ">=3.11.2,<4"]),
        (">=3.9,<4.0", [">=3.9,<4.0"]),
        (">=3.9 <4.0", [">=3.9,<4.0"]),
        ("*", [""]),
        ("3.11.*", ["==3.11.*"]),
        ("~3", [">=3,<4"]),
    ],
)
def test_ranges_of_python_are_understood(said: str, asked: list[str]) -> None:
    """In Poetry's own words."""
    assert pythons(said) == asked


def test_what_a_lock_knows_of_a_package_is_said_as_requirements() -> None:
    """Extras, markers, several wishes for one name; what cannot be said so is not known."""
    lock = """
[[package]]
name = "Pad"
version = "1.0"
[package.dependencies]
tie = "*"
top = {version = ">=1,<2", extras = ["x", "y"], optional = true, markers = "extra == 'all'"}
two = [
    {version = "<2", markers = "python_version < '3.9'"},
    {version = ">=2", markers = "python_version >= '3.9'"},
]
[[package]]
name = "odd"
version = "1.0"
[package.dependencies]
tie = "^1"
[[package]]
name = "own"
version = "1.0"
source = {type = "legacy", url = "https://own.example"}
"""
    known = Known(lock)
    assert known("pad", "1.0") == [
        "tie", 'top[x,y]<2,>=1; extra == "all"', 'two<2; python_version < "3.9"', 'two>=2; python_version >= "3.9"'
    ]  # fmt: skip
    assert known("odd", "1.0") is None
    assert known("pad", "1.1") is None and known("own", "1.0") is None


PACKAGES = st.dictionaries(
    st.sampled_from("abcde"), st.tuples(st.sampled_from(["1", "2"]), st.sampled_from(["x", "y"]), st.booleans())
)


def text_of(packages: Mapping[str, tuple[str, str, bool]], *, older: bool, newline: str = "\n") -> str:
    """A lock; the letters say which words it has for a package, the booleans what it needs."""
    blocks = []
    for name, (version, word, needs) in sorted(packages.items()):
        more = "" if older else 'groups = ["main"]\nmarkers = "x"\n'
        text = f'[[package]]\nname = "{name}"\nversion = "{version}"\ndescription = "{word}"\noptional = false\n{more}'
        text += f'files = [\n    {{file = "{name}.whl", hash = "sha256:{word}"}},\n]\n'
        blocks.append(text + ('\n[package.dependencies]\nz = "*"\n' if needs else ""))
    version = "2.0" if older else "2.1"
    tail = f'[extras]\nall = ["a"]\n\n[metadata]\nlock-version = "{version}"\npython-versions = "*"\n'
    return f"# {version}\n\n{chr(10).join([*blocks, tail])}".replace("\n", newline)


@given(old=PACKAGES, new=PACKAGES, older=st.booleans(), newline=st.sampled_from(["\n", "\r\n"]))
def test_a_lock_keeps_the_old_text_of_what_stayed(
    old: dict[str, tuple[str, str, bool]], new: dict[str, tuple[str, str, bool]], older: bool, newline: str
) -> None:
    """And the new text of all else, in the format and with the line ends of the old one."""
    kept = {
        name: old[name] if name in old and (old[name][0], old[name][2]) == (now[0], now[2]) else now
        for name, now in new.items()
    }
    before, after = text_of(old, older=older, newline=newline), text_of(new, older=False, newline=newline)
    made = quiet(before, after, "")
    if not old or not new:
        assert made == after
    else:
        assert made == text_of(kept, older=older, newline=newline)


def test_a_text_that_cannot_be_parted_is_left_alone(write: Writer) -> None:
    """The mark inside of a string would make parts that are none."""
    odd = 'x = """\n[[package]]\n"""\n'
    new = locked(write, NOW)
    assert quiet(odd, new, NOW) == new
    assert quiet(new, odd, NOW) == odd
    assert poetry_text.parted('[[package]]\nname = "x"\n') is None


def test_an_older_poetry_gets_the_checksum_that_it_would_write(write: Writer) -> None:
    """Before 2.3 it left dependency groups out; where the checksum is not understood it stays as it is."""
    groups = '\n[dependency-groups]\ndev = ["tie"]\n'
    manifest = standard("pad", more=groups)
    old, new = (write.lock(manifest, write.entry("pad", "1.0"), by=by) for by in ("2.2.9", "2.5.1"))
    assert old != new.replace("2.5.1", "2.2.9")
    assert quiet(old, new, manifest) == old
    strange = re.sub(r'content-hash = "\w+"', f'content-hash = "{"0" * 64}"', new)
    assert f'content-hash = "{"0" * 64}"' in quiet(old, strange, manifest)


def test_the_complaint_is_one_paragraph() -> None:
    """Without chatter, colours and logins, and bounded."""
    said = "Resolving dependencies...\n\n  \x1b[31mBecause app depends on pad\x1b[39m,\n version solving failed.\n"
    assert in_plain_words(said) == "Because app depends on pad, version solving failed."
    assert len(in_plain_words("word " * 1000)) <= 1502


# --- what the public index would say ---------------------------------------------------------------------------------


@dataclass
class Index:
    """Answers for the places that a gateway would let through."""

    files: list[dict[str, object]]
    metadata: str = "Metadata-Version: 2.1\nName: Pad\nVersion: 1.0\nSummary: A pad\nRequires-Dist: tie>=1\n"
    page: Document | None = None
    asked: list[str] = field(default_factory=list)

    async def get(self, url: str, accept: str) -> Document:
        self.asked.append(url)
        if url.endswith(".metadata"):
            return Document(self.metadata.encode(), "text/plain")
        if url != f"{PUBLIC}/simple/pad/":
            raise Missing(url)
        return self.page or Document(json.dumps({"files": self.files}).encode(), KIND)


def file(name: str, **more: object) -> dict[str, object]:
    """One file of a page."""
    return {"filename": name, "url": f"../../files/{name}", "hashes": {"sha256": "aa"}, **more}


async def asked(index: Index, path: str, known: Sequence[str] | None = None) -> dict[str, object]:
    """The document that the desk makes."""
    made = await Desk(PUBLIC, lambda name, version: known).answer(f"{PUBLIC}/{path}", index.get)
    assert made is not None
    told: dict[str, object] = json.loads(made.body)
    return told


async def test_a_version_is_described_by_its_best_wheel() -> None:
    """The one for every Python first; files of other versions are left out, and what is yanked is said."""
    more = {"core-metadata": {"sha256": "bb"}, "size": 3, "upload-time": "2026-01-01T00:00:00Z"}
    index = Index([
        file("pad-1.0.tar.gz", yanked="bad"), file("pad-1.0-cp311-cp311-linux_x86_64.whl", yanked=True),
        file("pad-1.0.0-py3-none-any.whl", yanked=True, **more), file("pad-1.1-py3-none-any.whl"), file("odd"),
    ])  # fmt: skip
    told = await asked(index, "pypi/pad/1.0/json")
    assert told["info"] == {
        "name": "pad", "version": "1.0", "summary": "A pad", "requires_dist": ["tie>=1"], "requires_python": None,
        "yanked": True, "yanked_reason": "bad",
    }  # fmt: skip
    urls = told["urls"]
    assert isinstance(urls, list)
    assert [one["packagetype"] for one in urls] == ["sdist", "bdist_wheel", "bdist_wheel"]
    assert (urls[2]["size"], urls[2]["upload_time_iso_8601"]) == (3, "2026-01-01T00:00:00Z")
    assert index.asked[-1] == f"{PUBLIC}/files/pad-1.0.0-py3-none-any.whl.metadata"


async def test_without_metadata_the_wheel_itself_is_asked() -> None:
    """No list of requirements at all says so, which is not an empty one."""
    told = await asked(Index([file("pad-1.0-py3-none-any.whl", **{"requires-python": ">=3"})]), "pypi/pad/1.0/json")
    assert told["info"] == {
        "name": "pad", "version": "1.0", "summary": "", "requires_dist": None, "requires_python": ">=3",
        "yanked": False, "yanked_reason": None,
    }  # fmt: skip


async def test_a_source_archive_is_described_by_the_lock_or_refused() -> None:
    """It is never fetched, and neither is any other."""
    index = Index([file("pad-1.0.tar.gz")])
    told = await asked(index, "pypi/pad/1.0/json", known=["tie"])
    info = told["info"]
    assert isinstance(info, dict) and info["requires_dist"] == ["tie"]
    for path in ("pypi/pad/1.0/json", "files/pad-1.0.tar.gz", "files/pad-1.0.tar%2Egz", "files/pad-1.0.ZIP"):
        with pytest.raises(ConfigProblem, match="is published as source only"):
            await asked(index, path)


async def test_what_is_not_on_the_index_is_missing() -> None:
    """And a file without a checksum makes the whole answer worthless, as a page that is none does."""
    with pytest.raises(Missing):
        await asked(Index([file("pad-1.0-py3-none-any.whl")]), "pypi/pad/2.0/json")
    with pytest.raises(Missing):
        await asked(Index([]), "pypi/nope/2.0/json")
    with pytest.raises(ConfigProblem, match="no checksum"):
        await asked(Index([file("pad-1.0-py3-none-any.whl", hashes={"md5": "a"})]), "pypi/pad/1.0/json")
    with pytest.raises(ConfigProblem, match="cannot be read"):
        await asked(Index([], page=Document(b"{", KIND)), "simple/pad/")
    assert await Desk(PUBLIC, lambda name, version: None).answer("https://other.example/x.whl", Index([]).get) is None


async def test_a_page_in_html_is_one_in_json() -> None:
    """With all that later PEPs add to its links."""
    html = (
        '<html><head><base href="https://files.example/x/"></head><a name="x">no link</a>'
        '<a href="pad-1.0-py3-none-any.whl#sha256=aa" data-requires-python="&gt;=3" data-core-metadata="sha256=bb" '
        'data-yanked="bad">pad</a><a href="pad-1.1-py3-none-any.whl" data-yanked>pad</a></html>'
    )
    told = await asked(Index([], page=Document(html.encode(), "text/html")), "simple/pad/")
    assert told["files"] == [
        {"filename": "pad-1.0-py3-none-any.whl", "url": "https://files.example/x/pad-1.0-py3-none-any.whl",
         "hashes": {"sha256": "aa"}, "requires-python": ">=3", "yanked": "bad", "core-metadata": True},
        {"filename": "pad-1.1-py3-none-any.whl", "url": "https://files.example/x/pad-1.1-py3-none-any.whl",
         "yanked": True},
    ]  # fmt: skip


async def test_pages_are_kept_for_the_run_within_bounds() -> None:
    """One page is asked for once, however many versions of it are looked at."""
    index = Index([file(f"pad-1.{number}-py3-none-any.whl") for number in range(9)])
    desk = Desk(PUBLIC, lambda name, version: None)
    for number in range(9):
        assert await desk.answer(f"{PUBLIC}/pypi/pad/1.{number}/json", index.get)
    assert index.asked == [f"{PUBLIC}/simple/pad/"]


# --- whom the machine asks -------------------------------------------------------------------------------------------


def test_the_main_index_stands_for_the_public_one_only_where_pip_is_told_so() -> None:
    """An index that pip asks by default stands for itself."""
    public = f"https://{pips.public_host()}/simple"
    told = resolver.find_uv(IndexSettings(index_url="https://mirror.example/simple"))
    bare = resolver.find_uv(IndexSettings(default_index_url=public))
    mirror = Indexes.of(told, ()).mirror(public)
    assert mirror is not None and (mirror.url, mirror.asked) == (public, "https://mirror.example/simple")
    assert Indexes.of(told, ()).mirror("https://other.example/simple") is None
    assert Indexes.of(bare, ()).mirror(public) is None and pips.key(public) in Indexes.of(bare, ()).known


def test_the_reader_knows_where_a_package_comes_from() -> None:
    """The public index, another one, a git commit, a folder of the repository."""
    lock = "".join(
        f'[[package]]\nname = "{name}"\nversion = "1"\nfiles = []\n{source}'
        for name, source in {
            "a": "", "b": '[package.source]\ntype = "legacy"\nurl = "https://own.example"\n',
            "c": '[package.source]\ntype = "git"\nurl = "https://git.example/c"\n',
            "d": '[package.source]\ntype = "directory"\nurl = "d"\n',
        }.items()
    ) + '[metadata]\nlock-version = "2.1"\n'  # fmt: skip
    found = {one.name: (one.origin, one.aside) for one in lockfiles.read(lock, "web/poetry.lock")}
    assert found == {
        "a": ("the public registry", False), "b": ("https://own.example", False),
        "c": ("https://git.example/c", True), "d": ("", True),
    }  # fmt: skip
    assert tomllib.loads(lock)["package"][0]["name"] == "a"


async def test_an_index_that_is_away_is_worth_another_try(
    host: Host, write: Writer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What Poetry made meanwhile is not taken."""
    liar = Liar(tmp_path / "bin")
    program = liar.answers(locked(write, NOW, pad="1.1"))
    script = Path(program.command[0])
    fetch = (
        "import urllib.request as u\ntry: u.build_opener(u.ProxyHandler({'http': 'http://127.0.0.1:3128'}))"
        ".open('http://127.0.0.1:1/simple/pad/')\nexcept OSError: pass\n"
    )
    (liar.folder / "fetch.py").write_text(fetch)
    script.write_text(f"#!/bin/sh\n{os.path.realpath(sys.executable)} -I {liar.folder}/fetch.py\n" + script.read_text())
    with pytest.raises(Transient):
        await relocked(host, job(locked(write, WAS), NOW), program, monkeypatch, index="http://127.0.0.1:1/simple")
