"""JUnit files that a command wrote by itself are read together, and as the claim of a stranger."""

from __future__ import annotations

import contextlib
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.differential import Came
from bot.lab import programsettings, reports
from bot.lab.junit import Unreadable
from bot.lab.ready import INSIDE
from tests.lab.world import tree


def framed(*files: str) -> bytes:
    """As the jail hands them over."""
    return b"".join(b"surefoot %d\n%s" % (len(file.encode()), file.encode()) for file in files)


SUREFIRE = """<?xml version="1.0" encoding="UTF-8"?>
<testsuite name="com.acme.ShopTest" time="0.05" tests="3" errors="0" skipped="1" failures="1">
  <properties><property name="java.version" value="17"/></properties>
  <testcase name="sells" classname="com.acme.ShopTest" time="0.01"/>
  <testcase name="buys" classname="com.acme.ShopTest" time="0.01">
    <failure message="expected: 1 but was: 2" type="java.lang.AssertionError"><![CDATA[at com.acme]]></failure>
    <system-out>words</system-out>
  </testcase>
  <testcase name="later" classname="com.acme.ShopTest"><skipped/></testcase>
</testsuite>"""
PHPUNIT = """<?xml version="1.0"?>
<testsuites><testsuite name="unit"><testsuite name="ShopTest" file="/home/sim/tree/tests/ShopTest.php">
  <testcase name="testSells" class="ShopTest" classname="ShopTest" file="/home/sim/tree/tests/ShopTest.php" line="9"/>
</testsuite></testsuite></testsuites>"""
RSPEC = """<testsuite><testcase classname="spec.shop_spec" name="Shop sells" file="./spec/shop_spec.rb" time="0.1">
<error message="no"/></testcase></testsuite>"""


def test_files_of_many_runners_are_one_report() -> None:
    """Surefire's, PHPUnit's with the jail's own paths, RSpec's with a point before them."""
    found = reports.read(framed(SUREFIRE, PHPUNIT, RSPEC))
    assert {test: one.came for test, one in found.items()} == {
        "com.acme.ShopTest::sells": Came.PASSED,
        "com.acme.ShopTest::buys": Came.FAILED,
        "com.acme.ShopTest::later": Came.SKIPPED,
        "ShopTest::testSells": Came.PASSED,
        "spec.shop_spec::Shop sells": Came.ERROR,
    }
    assert "expected: 1 but was: 2" in found["com.acme.ShopTest::buys"].message
    assert (found["ShopTest::testSells"].path, found["ShopTest::testSells"].line) == ("tests/ShopTest.php", 9)
    assert found["spec.shop_spec::Shop sells"].path == "spec/shop_spec.rb"


def test_of_one_test_in_two_files_the_worse_counts() -> None:
    """A later file cannot hide a failure of an earlier one."""
    bad = '<testsuite><testcase name="a"><failure/></testcase></testsuite>'
    good = '<testsuite><testcase name="a"/></testsuite>'
    for files in ((bad, good), (good, bad)):
        assert reports.read(framed(*files))["a"].came is Came.FAILED


@pytest.mark.parametrize("path", ["/etc/passwd", "../x", "a/../../x", "C:\\x", ".."])
def test_a_place_outside_of_the_repository_is_none(path: str) -> None:
    """No annotation is made of it."""
    one = reports.read(framed(f'<testsuite><testcase name="a" file="{path}" line="3"/></testsuite>'))["a"]
    assert (one.path, one.line) == (None, None)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, "larger than the bound"),
        (b"", "no report was written where one is named"),
        (b"<testsuite/>", "cannot be told apart"),
        (b"surefoot 99\n<testsuite/>", "cut off"),
        (framed("<testsuite>"), "not well-formed"),
        (framed(""), "no report was written"),
        (framed('<!DOCTYPE x [<!ENTITY a "b">]><testsuite/>'), "document type"),
    ],
)
def test_what_cannot_be_used_is_said(data: bytes | None, words: str) -> None:
    """In words, and never taken for a report without tests."""
    with pytest.raises(Unreadable, match=words):
        reports.read(data)


def test_more_than_a_report_has_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Many files, and many tests in all of them."""
    monkeypatch.setattr(reports, "_MOST_FILES", 1)
    with pytest.raises(Unreadable, match="more than 1 files"):
        reports.read(framed("<a/>", "<a/>"))
    monkeypatch.setattr(reports, "_MOST_TESTS", 1)
    with pytest.raises(Unreadable, match="more than 1 tests"):
        reports.read(framed('<t><testcase name="a"/><testcase name="b"/></t>'))


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_a_report_or_none(data: bytes) -> None:
    """Nothing else comes of them."""
    with contextlib.suppress(Unreadable):
        assert isinstance(reports.read(b"surefoot %d\n" % len(data) + data), dict)


def run(place: Path, command: str, *patterns: str) -> tuple[int, bytes]:
    """The script of the jail, here."""
    env = {"PATH": "/usr/bin:/bin", "SUREFOOT_REPORTS": "\n".join(patterns), "SUREFOOT_RESULTS": str(place / "results")}
    words = ["/bin/sh", str(INSIDE / "surefoot_reports.sh"), "/bin/sh", "-c", command]
    ended = subprocess.run(words, cwd=place, env=env, check=False)
    return ended.returncode, (place / "results").read_bytes()


def test_only_what_the_command_wrote_is_handed_over(tmp_path: Path) -> None:
    """Files by patterns at any depth, odd names too, no links; the command's own exit code is passed on."""
    tree(tmp_path, {"a b/TEST-old.xml": "old", "keep.xml": "kept", "spaced [x].xml": "old"})
    command = (
        "[ ! -e 'a b/TEST-old.xml' ] && mkdir -p deep/er && printf new >deep/er/TEST-1.xml && "
        "printf no >'a b/TEST-2.txt' && ln -s /etc/passwd TEST-link.xml && printf odd >'spaced [x].xml'; exit 3"
    )
    code, data = run(tmp_path, command, "*/TEST-*.xml", "TEST-*.xml", "spaced *.xml")
    assert code == 3 and (tmp_path / "keep.xml").read_text() == "kept"
    assert sorted(reports._files(data)) == [b"new", b"odd"]
    assert run(tmp_path, "true", "*/TEST-*.xml") == (0, b"")


def test_settings_of_programs_are_shown_without_secrets(tmp_path: Path) -> None:
    """What starts Maven, and which extensions PHP has; no login that stands beside them."""
    etc = tree(
        tmp_path / "etc",
        {
            "maven/m2.conf": "main is x",
            "maven/settings.xml": "<password>hunter2</password>",
            "php/8.2/cli/conf.d/10-a.ini": "; words\nzend_extension=opcache.so\nmysqli.default_pw=hunter2\n",
            "php/8.2/cli/conf.d/20-b.ini": " extension = dom.so \nextension=x.so ; hunter2\n",
            "java-17-openjdk/net.properties": "",
        },
    )
    programsettings.copied(tmp_path / "out", etc)
    found = {path.relative_to(tmp_path / "out").as_posix(): path.read_text() for path in (tmp_path / "out").rglob("*.*")
             if path.is_file()}  # fmt: skip
    assert found == {
        "maven/m2.conf": "main is x",
        "php/8.2/cli/conf.d/extensions.ini": "zend_extension=opcache.so\nextension = dom.so\n",
    }
    assert programsettings.placed(tmp_path / "out") == {
        "/etc/maven": tmp_path / "out/maven",
        "/etc/php": tmp_path / "out/php",
    }
    assert programsettings.visible(etc) == (etc / "java-17-openjdk",)
    programsettings.copied(tmp_path / "none", tmp_path / "nowhere")
    assert programsettings.placed(tmp_path / "none") == {}
