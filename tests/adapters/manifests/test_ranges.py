"""Ranges in manifests: widened where they stand and in the author's hand, and every other byte stays."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.adapters import Tools, manifests, open_all
from bot.core import ecosystems, versions
from bot.core.errors import ConfigProblem
from bot.core.model import Pin
from bot.core.rewriting import moving, rewritten
from bot.tools.http import Http
from bot.tools.pip import IndexSettings
from tests.adapters.manifests.pinned import release

KINDS = open_all(manifests, Tools(http=Http(), index=IndexSettings))
POM = "<project><dependencies><dependency><groupId>g</groupId><artifactId>a</artifactId><version>{}</version>{}"
TERRAFORM = 'terraform {{\n  required_providers {{\n    a = {{ source = "o/a", version = "{}" }}\n  }}\n}}\n'
CHART = "dependencies:\n  - name: a\n    repository: https://charts.example/x\n    version: {}  # ours\n"

# A file of each kind with a place for a range, and ranges before and after 2.3.4 came, as that kind writes them.
FILES: dict[str, tuple[str, str, list[tuple[str, str]]]] = {
    "package_json": ("package.json", '{{"dependencies": {{"a" : " {} ", "b": "^1"}}}}',
                     [("^1.2.0", "^2.3.4"), ("1.x || 2.0.x", "1.x || 2.0.x || 2.3.x"), (">=1 <2", ">=1 <3")]),
    "cargo": ("Cargo.toml", "[dependencies]\na = {{ version = '{}', features = ['x'] }}\nb = '1'\n",
              [("1.2", "2.3"), (">=1.2, <2.0.0", ">=1.2, <3.0.0"), ("~1.2", "~2.3")]),
    "pyproject": ("pyproject.toml", '[project]\ndependencies = ["a[x] {} ; os_name == \'nt\'", "b<2"]\n',
                  [(">=1, <2", ">=1, <3"), ("~=1.2", "~=2.3"), ("==1.2.*,!=1.2.5", "==2.3.*,!=1.2.5")]),
    "poetry": ("pyproject.toml", '[tool.poetry.dependencies]\na = {{ version = "{}", optional = true }}\nb = "^1"\n',
               [("^1.2", "^2.3"), ("~1.2", "~2.3"), (">=1,<2.0", ">=1,<3.0"), ("1.*", "2.*")]),
    "setup_cfg": ("setup.cfg", "[options]\ninstall_requires =\n    a {} ; os_name == 'nt'\n    b<2\n",
                  [(">=1,<2", ">=1,<3"), ("<=1.9", "<=2.3.4")]),
    "requirements": ("requirements.txt", "a {}  # ours\nb<2\n", [("~=1.2", "~=2.3"), (">1.0,<2.1", ">1.0,<2.4")]),
    "gemfile": ("Gemfile", 'gem "a", "{}", require: false\ngem "b", "~> 1"\n', [("~> 1.2", "~> 2.3"), ("< 2", "< 3")]),
    "composer_json": ("composer.json", '{{"require": {{"o/a": "{}", "o/b": "^1"}}}}',
                      [("^1.2", "^2.3"), ("^1.0|^2.0,<2.1", "^1.0|^2.0,<2.4")]),
    "pom": ("pom.xml", POM.format("{}", "</dependency></dependencies></project>"),
            [("[1,2)", "[1,3)"), ("(,1.0],[1.2, 2.0)", "(,1.0],[1.2, 3.0)")]),
    "dotnet": ("a.csproj", '<Project><ItemGroup><PackageReference Include="A" Version="{}" /></ItemGroup></Project>',
               [("[1.0,2.0)", "[1.0,3.0)"), ("1.*", "2.*")]),
    "helm_chart": ("Chart.yaml", CHART, [("^1.2.0", "^2.3.4"), ('">=1.2.0 <2.0.0"', '">=1.2.0 <3.0.0"')]),
    "terraform": ("main.tf", TERRAFORM, [("~> 1.2", "~> 2.3"), (">= 1.0, < 2.0", ">= 1.0, < 3.0")]),
}  # fmt: skip
CASES = [(kind, before, after) for kind, (_, _, pairs) in FILES.items() for before, after in pairs]


def first(kind: str, path: str, text: str) -> Pin:
    """The component that is named a."""
    (found,) = [pin for pin in KINDS[kind].read(path, text) if pin.component.name.lower().endswith("a")]
    return found


@pytest.mark.parametrize(("kind", "before", "after"), CASES)
def test_only_the_characters_of_the_range_change(kind: str, before: str, after: str) -> None:
    """Quotes, blanks, comments, markers and all other dependencies stay; what was written takes the release."""
    path, shape, _ = FILES[kind]
    pin = first(kind, path, shape.format(before))
    assert pin.version is None and pin.widens
    new = KINDS[kind].rewrite(shape.format(before), pin, release("2.3.4"))

    assert new == shape.format(after)
    again = first(kind, path, new)
    assert versions.satisfies(ecosystems.scheme_of(pin.component), "2.3.4", again.requirement)
    assert KINDS[kind].rewrite(new, again, release("2.3.4")) == new


@given(case=st.sampled_from(CASES), numbers=st.tuples(st.integers(2, 40), st.integers(4, 40), st.integers(6, 40)))
def test_what_is_written_takes_the_release(case: tuple[str, str, str], numbers: tuple[int, int, int]) -> None:
    """Whatever comes after the range, in every kind; and done twice it is done once."""
    kind, before, _ = case
    path, shape, _ = FILES[kind]
    text, target = shape.format(before), release(".".join(map(str, numbers)))
    head, tail = shape.format("|").split("|")
    pins = moving([first(kind, path, text)], target, widen=True)
    done = rewritten({path: text}, pins, target, KINDS)

    new = done[path]
    pin = first(kind, path, new)
    assert versions.satisfies(ecosystems.scheme_of(pin.component), target.version, pin.requirement)
    assert new.startswith(head) and new.endswith(tail)
    assert rewritten({path: new}, pins, target, KINDS) == {}
    assert not moving([pin], target, widen=True)


@pytest.mark.parametrize(
    ("kind", "path", "text"),
    [
        ("package_json", "package.json", '{"dependencies": {"a": "^\\u0031.2"}}'),
        ("package_json", "package.json", '{"peerDependencies": {"a": "^1.2"}}'),
        ("cargo", "Cargo.toml", '[dependencies]\na = { version = "1.2", path = "a" }\n'),
        ("pyproject", "pyproject.toml", '[project]\ndependencies = ["a>=1,\\u003c2"]\n'),
        ("requirements", "requirements.txt", "a>=1,\\\n  <2\n"),
        ("requirements", "requirements.txt", "a<2 --hash=sha256:aaaa\n"),
        ("gemfile", "Gemfile", 'gem "a", ">= 1", "< 2"\n'),
        ("helm_chart", "Chart.yaml", CHART.format("1.2")),
        ("dotnet", "a.props", '<P><PropertyGroup><V>[1,2)</V></PropertyGroup><ItemGroup>'
         '<PackageVersion Include="A" Version="$(V)"/><PackageVersion Include="B" Version="$(V)"/></ItemGroup></P>'),
    ],
)  # fmt: skip
def test_what_cannot_be_written_safely_is_left(kind: str, path: str, text: str) -> None:
    """Escapes, joined lines, hashes, peers and shared variables: such a range is told, and never moves."""
    pin = first(kind, path, text)

    assert pin.version is None and not pin.widens
    assert not moving([pin], release("2.3.4"), widen=True)
    with pytest.raises(ConfigProblem, match=r"no longer pins|cannot be widened"):
        KINDS[kind].rewrite(text, pin, release("2.3.4"))


def test_two_ranges_of_one_component_are_told_apart() -> None:
    """Each is edited in its own place, whichever comes first."""
    text = json.dumps({"dependencies": {"a": "^1"}, "optionalDependencies": {"a": "~1.4.0"}}, indent=1)
    pins = KINDS["package_json"].read("package.json", text)
    (new,) = rewritten({"package.json": text}, pins, release("2.3.4"), KINDS).values()

    assert new == text.replace("^1", "^2").replace("~1.4.0", "~2.3.4")
    assert KINDS["package_json"].rewrite(text, pins[1], release("2.3.4")) == text.replace("~1.4.0", "~2.3.4")


def test_a_range_that_nobody_can_widen_names_its_place() -> None:
    """The person is led to the line."""
    text = '{"dependencies": {"a": "latest"}}'
    (pin,) = KINDS["package_json"].read("package.json", text)
    with pytest.raises(ConfigProblem, match=r"package.json:1: the range 'latest' cannot be widened to 2\.3\.4"):
        KINDS["package_json"].rewrite(text, pin, release("2.3.4"))
