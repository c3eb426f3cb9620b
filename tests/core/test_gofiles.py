"""What Go is given of a module: its manifests, and its source up to the imports."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core import gofiles, lockfiles, locks
from bot.core.lockreaders import golang

MOD = """module app.example/app

go 1.22

require (
\tpad.example/pad v1.1.0
\t"quoted.example/x" v0.0.0-20240101000000-abcdef123456 // indirect
)

require tie.example/tie v1.0.0 // indirect

replace own.example/own => ../own // a comment
replace far.example/far => far.example/fork v1.0.0
"""
SUM = "pad.example/pad v1.0.0 h1:aa=\npad.example/pad v1.0.0/go.mod h1:ab=\ntie.example/tie v1.0.0/go.mod h1:bb=\n"


@pytest.mark.parametrize(
    ("source", "kept"),
    [
        ('package a\nimport "x"\nfunc main() {}\n', 'package a\nimport "x"\n'),
        ('package a; import "x"; import `y`; var z = 1', 'package a; import "x"; import `y`\n'),
        ('// c\n//go:build linux\n\npackage a\nimport (\n// a\n. "x" /* ) */\n_ "y"; b "z"\n)\nx', None),
        ("package a\n\nconst importer = 1\n", "package a\n"),
        ("package a", "package a\n"),
        ('/* #inc <x> */\npackage a\nimport "C"\n//go:embed x\nvar y z', '/* #inc <x> */\npackage a\nimport "C"\n'),
        ("func main() {}", "func main() {}"),
        ("package", "package"),
        ('package a\nimport (\n"x"', "package a\n"),
        ("package a\nimport 7", "package a\n"),
        ("/* never closed", "/* never closed"),
        ("", ""),
    ],
)  # fmt: skip
def test_of_a_file_go_sees_what_it_imports(source: str, kept: str | None) -> None:
    """And nothing that comes after; what cannot be read it sees whole, and complains."""
    assert gofiles.imports(source) == (kept if kept is not None else source.rpartition("\nx")[0] + "\n")


@given(st.text(alphabet='package import"()/*`;\n_ x.', max_size=120))
def test_every_text_is_read_to_an_end(text: str) -> None:
    """What is kept is the beginning of what was there, however odd."""
    kept = gofiles.imports(text)
    assert text.startswith(kept) or text.startswith(kept[:-1])


def test_what_lies_where_go_does_not_look_is_left_alone() -> None:
    """Other modules but those that stand for one, vendored code, test data, and what begins with a dot or a line."""
    files = [
        "app/go.mod", "app/go.sum", "app/a.go", "app/in/b.go", "app/vendor/x/c.go", "app/testdata/d.go", "app/_e/e.go",
        "app/.f/f.go", "app/tools/go.mod", "app/tools/g.go", "own/go.mod", "own/h.go", "own/go.sum", "i.go",
        "far/go.mod",
    ]  # fmt: skip
    assert gofiles.needed("app/go.sum", files, MOD) == (
        "app/a.go", "app/go.mod", "app/go.sum", "app/in/b.go", "own/go.mod", "own/h.go",
    )  # fmt: skip
    assert lockfiles.needed("go.sum", ["go.sum", "go.mod", "a.go", "x/go.mod"], "replace a => ../../x") == (
        "a.go", "go.mod", "go.sum"
    )  # fmt: skip


def test_only_imports_leave_the_repository() -> None:
    """What is no source is given as it is."""
    assert gofiles.heads({"a.go": "package a\nvar x = 1\n", "go.mod": MOD}) == {"a.go": "package a\n", "go.mod": MOD}


@pytest.mark.parametrize(
    ("text", "version"),
    [("go 1.19\n", (1, 19)), ("go 1.22.1\n", (1, 22)), ("go 1.20\ntoolchain go1.22.0\n", (1, 21)), ("module a\n", ()),
     ("go 1.21rc1\n", (1, 21)), ("go 1.9.1\n", (1, 21))],
)  # fmt: skip
def test_which_go_a_manifest_is_for(text: str, version: tuple[int, ...]) -> None:
    """By what it says, and by how: three numbers and a toolchain are known since 1.21."""
    assert gofiles.go_of(f"module a\n\n{text}") == version


def test_a_manifest_is_what_is_required_and_the_rest() -> None:
    """In blocks and out of them."""
    assert gofiles.required(MOD) == {
        "pad.example/pad": "v1.1.0",
        "quoted.example/x": "v0.0.0-20240101000000-abcdef123456",
        "tie.example/tie": "v1.0.0",
    }
    assert gofiles.rest(MOD)[:2] == ["module app.example/app", "go 1.22"] and len(gofiles.rest(MOD)) == 4


def test_what_a_manifest_was_follows_from_its_sums() -> None:
    """What they do not know in its new version, and in one other, has moved; the rest is as it was."""
    was = gofiles.was(MOD, golang.lines(SUM))
    assert was == MOD.replace("pad.example/pad v1.1.0", "pad.example/pad v1.0.0")
    twice = SUM + "pad.example/pad v0.9.0 h1:cc=\n"
    assert gofiles.was(MOD, golang.lines(twice)) == MOD


def test_of_sums_modules_are_read_that_are_fetched() -> None:
    """Where only the requirements count there is no code."""
    (pad,) = lockfiles.read(SUM, "x/go.sum")
    assert (pad.name, pad.version, pad.origin, pad.files) == ("pad.example/pad", "v1.0.0", "", {"v1.0.0.zip": "h1:aa="})
    assert lockfiles.moved(SUM, SUM.replace("v1.0.0", "v1.1.0"), "go.sum") == (("pad.example/pad", "v1.0.0", "v1.1.0"),)
    with pytest.raises(Exception, match=r"go\.sum: cannot be read"):
        lockfiles.read("what", "go.sum")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (["a/vendor/modules.txt"], "run `go mod vendor`"),
        (["go.work.sum"], "run `go work sync`"),
        (["a/go.work.sum"], "run `go work sync`"),
        (["vendor/modules.txt", "b/go.work.sum", "a/x/go.work.sum"], ""),
    ],
)
def test_what_would_have_to_follow_as_well_holds_it(files: list[str], why: str) -> None:
    """A vendored tree, and the sums of a workspace; with what a person does instead."""
    said = lockfiles.why_not("a/go.sum", files)
    assert why in said and bool(said) == bool(why)


def test_a_lock_of_another_folder_binds_no_module() -> None:
    """Go's, Bundler's and Pipenv's locks lie beside their manifests; a gemspec belongs to the Gemfile above it."""
    files = ["go.sum", "Gemfile.lock", "gems.locked", "Pipfile.lock", "a/Pipfile.lock"]
    for manifest, bound in (
        ("go.mod", ("go.sum",)), ("a/go.mod", ()), ("a/Gemfile", ()), ("Gemfile", ("Gemfile.lock",)),
        ("a/gems.rb", ()), ("a/Pipfile", ("a/Pipfile.lock",)), ("b/Pipfile", ()), ("a/x.gemspec", ("Gemfile.lock",)),
    ):  # fmt: skip
        assert locks.locks_of(manifest, files) == bound, manifest
