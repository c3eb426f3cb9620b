"""A Pipfile: every package with a version is found at its name, and a rewrite changes an exact one alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import BLANKS, ENDS, MARKS, VERSIONS, moved, opened, release, short

FILE = opened("pipfile")

WHOLE = """\
[[source]]
url = "https://index.example/simple"
verify_ssl = true
name = "pypi"

[[source]]
url = "https://me:secret@acme.example/simple/"
verify_ssl = true
name = "acme"

[[source]]
url = "https://${HOST}/simple"
name = "hidden"

[packages]
requests = {extras = ["socks"], version = "==2.31.0"}
"Flask_Login" = "==0.6.3"
django = ">=4.2,<5"
any = "*"
own = {version = "==1.0", index = "acme", markers = "python_version < '3.12'"}
secret = {version = "==1.0", index = "hidden"}
lost = {version = "==1.0", index = "nowhere"}
local = {path = ".", editable = true}
forked = {git = "https://git.example/x.git", ref = "v1.0", version = "==1.0"}
records = '===0.5.0'

[dev-packages]
pytest = "== 8.0.0"
odd = "1.0"

[docs]
sphinx = "==7.2.6"

[requires]
python_version = "3.11"

[scripts]
start = "==1.0"

[pipenv]
allow_prereleases = true
"""


def read(text: str) -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read("Pipfile", text))


def test_every_category_is_read() -> None:
    """As text and as table; what comes from elsewhere, and what no file says the place of, is no pin."""
    assert read(WHOLE) == [
        (16, 1, "requests", "2.31.0"),
        (17, 2, "flask-login", "0.6.3"),
        (18, 1, "django", None),
        (19, 1, "any", None),
        (20, 1, "own", "1.0"),
        (25, 1, "records", "0.5.0"),
        (28, 1, "pytest", "8.0.0"),
        (29, 1, "odd", None),
        (32, 1, "sphinx", "7.2.6"),
    ]
    pins = {pin.component.name: pin for pin in FILE.read("Pipfile", WHOLE)}
    assert pins["own"].component.registry == "https://acme.example/simple"
    assert pins["requests"].component.registry == "" and pins["any"].requirement == ""
    assert {pin.component.ecosystem for pin in pins.values()} == {"pypi"}


def test_the_first_source_is_where_packages_come_from() -> None:
    """A project of a company's own index asks the public one for nothing."""
    text = '[[source]]\nname = "acme"\nurl = "https://acme.example/simple"\n[packages]\na = "==1.0"\n'
    assert [pin.component.registry for pin in FILE.read("Pipfile", text)] == ["https://acme.example/simple"]
    assert [pin.component.registry for pin in FILE.read("Pipfile", '[packages]\na = "==1.0"\n')] == [""]
    assert read(text.replace("https://", "https://$USER@")) == []


@pytest.mark.parametrize("version", ['1.0.1"\nevil = "1.0', "1.*", "*"])
def test_a_version_that_the_file_would_not_say_is_not_written(version: str) -> None:
    """Who publishes a package gets nothing else into the file."""
    text = '[packages]\na = "==1.0"\n'
    with pytest.raises(ConfigProblem, match=r"Pipfile:2: would not be read as pinning a to "):
        FILE.rewrite(text, FILE.read("Pipfile", text)[0], release(version))


def test_a_broken_file_names_its_place() -> None:
    """The person is led to the line."""
    with pytest.raises(ConfigProblem, match=r"Pipfile:2:5: is no valid TOML"):
        FILE.read("Pipfile", "[packages]\na = =\n")


@pytest.mark.parametrize(
    ("path", "ours"), [("Pipfile", True), ("a/Pipfile", True), ("vendor/a/Pipfile", False), ("Pipfile.lock", False)]
)
def test_files_are_known_by_name(path: str, ours: bool) -> None:
    """Any file of this very name, but those of code that others wrote."""
    assert FILE.matches(path) is ours


PACKAGES = st.tuples(VERSIONS, st.integers(0, 2), st.sampled_from(['"', "'"]), BLANKS)


def written(packages: list[tuple[str, int, str, str]], end: str) -> str:
    text = ["[requires]", 'python_version = "3.11"', "[packages] # ==1.0.0"]
    for number, (version, form, quote, blank) in enumerate(packages):
        value = f"{quote}=={blank}{version}{quote}"
        text += [
            [f"p{number}{blank}={blank}{value}{blank}# '==1.0.0'"],
            [f"'p{number}' = {{{blank}editable = true,{blank}version{blank}={value}}}"],
            [f"p{number} = {{version = {value}, markers = \"python_version < '3.12'\"}}"],
        ][form]
    return end.join([*text, "[dev-packages]", "y = '~=1.0'", ""])


@given(st.lists(PACKAGES, min_size=1, max_size=4), VERSIONS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_version_and_nothing_else(
    packages: list[tuple[str, int, str, str]], version: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the forms, quotes, comments and line ends: as if the new version had been written at once."""
    text = mark + written(packages, end)
    at = data.draw(st.integers(0, len(packages) - 1))
    after = moved(FILE, "Pipfile", text, at, release(version))
    packages[at] = (version, *packages[at][1:])
    assert after == mark + written(packages, end)
