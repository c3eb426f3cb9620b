"""Rust projects without Rust: what is read of a tree, and of what `cargo test` says."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.differential import Came
from bot.core.errors import ConfigProblem
from bot.lab import cargoreports, cargos, suites
from bot.lab.environments import CARGO, Environment, Interpreter
from bot.lab.jobs import Limits
from bot.lab.junit import Unreadable
from tests.lab.world import tree

SAID = """\
   Compiling app v0.1.0 (/home/sim/tree)
     Running unittests src/lib.rs (target/debug/deps/app-66f8bc8fe6ca6cd4)

running 4 tests
test tests::steady ... ok
test tests::loud ... words of its own ... ok
test tests::later ... ignored, why not
test tests::broken - should panic ... FAILED

failures:

---- tests::broken - should panic stdout ----

thread 'tests::broken' panicked at src/lib.rs:14:20:
already
note: run with `RUST_BACKTRACE=1`

failures:
    tests::broken

test result: FAILED. 2 passed; 1 failed; 1 ignored; 0 measured; 0 filtered out
     Running tests/it.rs (target/debug/deps/it-23f8b5bf1af5c4bb)
test hails ... FAILED
---- hails stdout ----
thread 'hails' panicked at 'no', /rustc/abc/library/core.rs:9:9
   Doc-tests app
test src/lib.rs - documented (line 2) ... ok
test tests::steady ... odd ending
"""


def test_each_target_says_its_own() -> None:
    """Tests of one name in two targets are two; the place of a failure is one of the repository, or none."""
    found = cargoreports.read(SAID.encode())
    assert {test: (one.came, one.path, one.line) for test, one in found.items()} == {
        "src/lib.rs::tests::steady": (Came.PASSED, None, None),
        "src/lib.rs::tests::loud": (Came.PASSED, None, None),
        "src/lib.rs::tests::later": (Came.SKIPPED, None, None),
        "src/lib.rs::tests::broken - should panic": (Came.FAILED, "src/lib.rs", 14),
        "tests/it.rs::hails": (Came.FAILED, None, None),
        "Doc-tests app::src/lib.rs - documented (line 2)": (Came.PASSED, None, None),
    }
    assert "already" in found["src/lib.rs::tests::broken - should panic"].message


@pytest.mark.parametrize(("data", "why"), [(None, "larger than the bound"), (b" \n", "no report was written")])
def test_what_is_no_report_says_why(data: bytes | None, why: str) -> None:
    """And is never taken for an empty one; words without any test are one without a test."""
    with pytest.raises(Unreadable, match=why):
        cargoreports.read(data)
    assert cargoreports.read(b"error: could not compile\n") == {}


def test_a_report_without_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """More tests than anyone has."""
    monkeypatch.setattr(cargoreports, "_MOST_TESTS", 1)
    with pytest.raises(Unreadable, match="more than 1 tests"):
        cargoreports.read(b"test a ... ok\ntest b ... ok\n")


@given(st.lists(st.sampled_from([*SAID.splitlines(), "---- x stdout ----", "../x.rs:1:1", "a" * 3000]) | st.text()))
def test_every_claim_is_bounded(lines: list[str]) -> None:
    """Whatever is written, in whatever order."""
    for outcome in cargoreports.read("\n".join(["test a ... ok", *lines]).encode("utf-8", "replace")).values():
        assert len(outcome.test) <= 500 and len(outcome.message) <= 2000
        assert outcome.path is None or not (outcome.path.startswith("/") or ".." in outcome.path.split("/"))
        assert outcome.line is None or outcome.line > 0


@pytest.mark.parametrize(
    ("files", "found"),
    [
        ({"tests/it.rs": ""}, True),
        ({"src/lib.rs": "#[cfg(test)]\nmod t { #[test]\nfn a() {} }"}, True),
        ({"crates/a/src/lib.rs": "#[tokio::test]"}, True),
        ({"src/lib.rs": "fn test() {}"}, False),
        ({"target/x.rs": "#[test]", "vendor/a/tests/x.rs": "#[test]"}, False),
    ],
)
def test_tests_are_found_by_their_mark(files: dict[str, str], found: bool, tmp_path: Path) -> None:
    """Not those of others."""
    made = tree(tmp_path, {"Cargo.toml": "", **files})
    assert [suite.command for suite in suites.find(made, {}, CARGO)] == (["cargo test"] if found else [])


def test_of_sources_nothing_is_handed_over(tmp_path: Path) -> None:
    """cargo wants to see that they are there; no build script of the tree runs while crates are fetched."""
    with pytest.raises(ConfigProblem, match=r"Cargo\.toml: there is none"):
        cargos._read(tmp_path)
    files = {"Cargo.toml": "a", "Cargo.lock": "b", "build.rs": "evil", "m/Cargo.toml": "c", "target/Cargo.toml": "d"}
    assert cargos._read(tree(tmp_path, files)) == {
        "Cargo.toml": "a",
        "Cargo.lock": "b",
        "build.rs": "",
        "m/Cargo.toml": "c",
    }
    (tmp_path / "out.rs").symlink_to("/etc/passwd")
    assert cargos._text(tmp_path, "out.rs") == ""


def test_cargo_is_reached_however_it_is_called() -> None:
    """By a program of its name before it in PATH; crates come from a folder, and nowhere else."""
    rust = Interpreter(path=Path("/rust/bin/cargo"), version="1.95", prefix=Path("/rust"))
    made = Environment(key="k", folder=Path("/c"), interpreter=rust, lock="", ecosystem=CARGO, folders=(Path("/rust"),))
    job = suites.job(suites.Suite(kind="unit", command="make"), Path("/t"), made, Limits())
    assert job.env["PATH"].startswith(f"{suites.INSIDE}/programs:/rust/bin:")
    assert job.env["RUSTC"] == "/rust/bin/rustc" and job.env["CARGO_NET_OFFLINE"] == "true"
    assert job.command[:2] == ("/bin/sh", f"{suites.INSIDE}/surefoot_cargo.sh") and job.command[-1] == "make"
    assert job.placed == {job.env["SUREFOOT_MODULES"]: Path("/c")} and job.roomy
