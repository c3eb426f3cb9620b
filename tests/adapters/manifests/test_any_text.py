"""Whatever stands in a file of a package manager: it is read, or refused with a place; nothing else happens."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import Tools, manifests, open_one
from bot.core.errors import ConfigProblem
from bot.core.ports import Manifest
from bot.tools.http import Http

SOUPS = {
    "package_json": [
        "{",
        "}",
        "[",
        "]",
        '"dependencies"',
        '"overrides"',
        ":",
        ",",
        '"a"',
        '"1.0.0"',
        '"',
        "\\",
        "1",
        "null",
    ],
    "composer_json": ["{", "}", '"require"', ":", ",", '"a/b"', '"1.0"', '"', "\ufeff", "{{"],
    "cargo": [
        "[",
        "]",
        "dependencies",
        "target",
        ".",
        "=",
        '"=1.0.0"',
        "{",
        "}",
        ",",
        "\n",
        "a",
        "version",
        "'",
        '"""',
        "#",
    ],
    "poetry": [
        "[tool.poetry",
        ".dependencies",
        "]",
        "\n",
        "a",
        "=",
        '"^1 || 2"',
        '"1"',
        "{version",
        "}",
        "[",
        ".",
        "'",
        "1",
    ],
    "go_mod": [
        "require",
        " ",
        "(",
        ")",
        "\n",
        "a/b",
        "v1.0.0",
        "//",
        "indirect",
        "=>",
        "replace",
        '"',
        "`",
        "\ufeff",
        "\r",
    ],
    "pom": [
        "<project>",
        "<parent>",
        "</parent>",
        "<dependency>",
        "<version>",
        "1",
        "${a}",
        "</",
        "version>",
        "&",
        ";",
        "<a",
    ],
    "dotnet": [
        "<P>",
        "</P>",
        "<PackageReference ",
        'Include="a"',
        " Version='1'",
        "/>",
        ">",
        "<Version>",
        "$(A)",
        "<",
        "=",
    ],
    "setup_cfg": [
        "[options]",
        "\n",
        "install_requires",
        "=",
        " ",
        "a==1",
        ";",
        "#",
        "[",
        "]",
        ":",
        "\ufeff",
        "\r",
        "b",
    ],
}
MANIFESTS: dict[str, Manifest] = {kind: open_one(manifests, kind, {}, Tools(http=Http())) for kind in SOUPS}


@pytest.mark.parametrize("kind", SOUPS)
@given(data=st.data())
def test_any_text_is_read_or_refused(kind: str, data: st.DataObject) -> None:
    """Whatever stands in a file: pins stand where they say, or the person is told a place; nothing else happens."""
    text = "".join(data.draw(st.lists(st.sampled_from(SOUPS[kind]), max_size=20)))
    try:
        pins = MANIFESTS[kind].read("a/file", text)
    except ConfigProblem as problem:
        assert problem.where.startswith("a/file:")
        return
    lines = text.split("\n")
    assert all(pin.column <= len(lines[pin.line - 1]) for pin in pins)
    assert all(pin.version in lines[pin.line - 1] for pin in pins if pin.version and kind != "pom")
