"""A pattern out of an earlier run finds what it always found, and a file that is spoilt does no harm."""

from __future__ import annotations

import marshal
import re
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.tools import patterns

# One of each kind of what a pattern may hold.
PATTERNS: list[tuple[str | bytes, int]] = [
    (r"a+b*?c{2,3}", 0), (r"(?P<year>\d{4})-(?P<month>\d\d)|none", 0), (r"^\s*#.*$", re.MULTILINE),
    (r"[à-ÿ\u4e00-\u9fff_]+", re.IGNORECASE), (r"(?<=x)y(?!z)(?:(a)|b)\1?", 0), (rb"\x00|(?P<rest>.)", re.DOTALL),
    (r"(?x) a  # a comment" "\n b", 0), (r"a++b", 0), (r"[^\W\d]+", re.ASCII), (r"", 0),
]  # fmt: skip


@pytest.fixture(autouse=True)
def nothing_remembered() -> None:
    """What `re` itself remembers would hide what we do."""
    re.purge()


def found(pattern: re.Pattern[str] | re.Pattern[bytes], text: str) -> list[tuple[object, ...]]:
    """All that it finds, with its groups."""
    said = text if isinstance(pattern.pattern, str) else text.encode()
    return [(one.span(), one.groups(), one.groupdict()) for one in pattern.finditer(said)]  # type: ignore[arg-type]  # of one kind


def of_file(path: Path) -> list[re.Pattern[str] | re.Pattern[bytes]]:
    """Each of them, made while the file is in use."""
    re.purge()
    with patterns.kept(path) as keep:
        made: list[re.Pattern[str] | re.Pattern[bytes]] = [re.compile(one, flags) for one, flags in PATTERNS]
        keep()
    return made


@settings(max_examples=60, deadline=None)
@given(st.text(st.sampled_from("abcxyz 0123-\n#à漢Ä_\x01"), max_size=30))
def test_it_finds_what_it_would_find(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    """The first run and the next one, which reads what the first kept, find the same as `re` alone."""
    path = tmp_path_factory.getbasetemp() / "patterns-kept"
    plain = [re.compile(one, flags) for one, flags in PATTERNS]
    for made in (of_file(path), of_file(path)):
        assert [one.flags for one in made] == [one.flags for one in plain]
        assert [one.groupindex for one in made] == [one.groupindex for one in plain]
        assert [found(one, text) for one in made] == [found(one, text) for one in plain]


def test_the_next_run_compiles_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """All comes out of the file, in another process as well as in this one."""
    of_file(tmp_path / "p")
    monkeypatch.setattr("re._parser.parse", lambda *_: pytest.fail("it was compiled again"))
    assert len(of_file(tmp_path / "p")) == len(PATTERNS)


def test_what_is_no_pattern_is_refused_as_ever(tmp_path: Path) -> None:
    """The message and the place are those of `re`."""
    with pytest.raises(re.error) as plain:
        re.compile("a(b")
    with patterns.kept(tmp_path / "p"), pytest.raises(re.error) as ours:
        re.compile("a(b")
    assert (str(ours.value), ours.value.pos) == (str(plain.value), plain.value.pos)


@pytest.mark.parametrize("spoilt", [b"", b"junk", b"\xe9\x00", marshal.dumps(7), marshal.dumps(("another Python", {}))])
def test_a_spoilt_file_is_none(tmp_path: Path, spoilt: bytes) -> None:
    """Half a file, or one of another Python: everything is compiled, and kept anew."""
    path = tmp_path / "p"
    path.write_bytes(spoilt)
    assert found(of_file(path)[0], "aabcc")
    assert path.read_bytes() != spoilt


def test_a_program_that_the_engine_refuses_is_compiled(tmp_path: Path) -> None:
    """It looks at each before it takes it, so a wrong one costs time and nothing else."""
    path = tmp_path / "p"
    of_file(path)
    version, known = marshal.loads(path.read_bytes())
    path.write_bytes(marshal.dumps((version, {key: (0, b"\xff\xff\xff\x7f", 0, {}, (None,)) for key in known})))
    assert found(of_file(path)[0], "aabcc")


def test_a_folder_that_cannot_be_written_costs_nothing_but_time(tmp_path: Path) -> None:
    """Where a file stands in the way of the folder, all is compiled each time."""
    (tmp_path / "file").write_text("")
    assert found(of_file(tmp_path / "file/p")[0], "aabcc")
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_few_new_ones_are_not_worth_a_file(tmp_path: Path) -> None:
    """Some patterns are others each time that a program starts: for them alone nothing is written."""
    with patterns.kept(tmp_path / "p") as keep:
        re.compile("one more")
        keep()
    assert not (tmp_path / "p").exists()


def test_afterwards_all_is_as_before(tmp_path: Path) -> None:
    """Nobody who compiles a pattern later meets us, also when something went wrong meanwhile."""
    usual = re._compiler.compile  # type: ignore[attr-defined]  # of no public face
    with pytest.raises(ZeroDivisionError), patterns.kept(tmp_path / "p"):
        assert re._compiler.compile is not usual  # type: ignore[attr-defined]  # the same
        raise ZeroDivisionError
    assert re._compiler.compile is usual  # type: ignore[attr-defined]  # the same


def test_where_python_is_other_inside_nothing_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A Python whose `re` is made otherwise compiles as it does."""
    monkeypatch.delattr("re._compiler._code")
    with patterns.kept(tmp_path / "p") as keep:
        keep()
    assert not (tmp_path / "p").exists()


def test_what_hangs_on_the_locale_is_not_kept(tmp_path: Path) -> None:
    """It means something else where the locale is another."""
    code = (
        "import re, marshal, sys; from pathlib import Path; from bot.tools import patterns\n"
        "with patterns.kept(Path(sys.argv[1])) as keep:\n"
        "    for n in range(20): re.compile(b'\\\\w%d' % n, re.LOCALE if n % 2 else 0)\n"
        "    keep()\n"
        "print(len(marshal.loads(Path(sys.argv[1]).read_bytes())[1]))\n"
    )
    ran = subprocess.run([sys.executable, "-c", code, str(tmp_path / "p")], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "10"
