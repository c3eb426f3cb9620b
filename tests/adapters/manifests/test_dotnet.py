"""NuGet packages: found in every kind of file that names them, and a rewrite changes one version alone."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from tests.adapters.manifests.pinned import ENDS, MARKS, VERSIONS, moved, opened, release, short

FILE = opened("dotnet")


def read(text: str, path: str = "a.csproj") -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read(path, text))


def project(inside: str) -> str:
    return f'<Project Sdk="Microsoft.NET.Sdk">\n{inside}\n</Project>\n'


def test_packages_of_a_project_are_read() -> None:
    """Versions as attributes or elements, overrides, downloads, and those of any condition."""
    text = """\
<Project Sdk="Microsoft.NET.Sdk/1.0.0">
  <PropertyGroup><Version>0.1.0</Version></PropertyGroup>
  <ItemGroup Condition="'$(TargetFramework)' == 'net8.0'">
    <PackageReference Include="Newtonsoft.Json" Version="13.0.1" />
    <PackageReference Version='2.4.0' Include='Serilog' PrivateAssets="all"/>
    <PackageReference Include="Element">
      <PrivateAssets>all</PrivateAssets>
      <Version>
        1.2.3
      </Version>
    </PackageReference>
    <PackageReference Update="Small" version="1.0.0" />
    <PackageReference Include="Overridden" VersionOverride="10.0.2" />
    <PackageReference Include="Central" />
    <!-- <PackageReference Include="No" Version="1.0.0" /> -->
    <PackageDownload Include="Download" Version="[1.0.0]" />
    <DotNetCliToolReference Include="Tool" Version="1.0.0-rc.1" />
    <ProjectReference Include="Other.csproj" Version="1.0.0" />
    <PackageReference Include="$(Name)" Version="1.0.0" />
    <PackageReference Include="A;B" Version="1.0.0" />
  </ItemGroup>
  <Choose><When Condition="x"><ItemGroup>
    <PackageReference Include="Stateless" Version="3.1.0.5" />
  </ItemGroup></When></Choose>
</Project>
"""
    assert read(text) == [
        (4, 32, "Newtonsoft.Json", "13.0.1"),
        (5, 48, "Serilog", "2.4.0"),
        (6, 32, "Element", "1.2.3"),
        (12, 31, "Small", "1.0.0"),
        (13, 32, "Overridden", "10.0.2"),
        (16, 31, "Download", "1.0.0"),
        (17, 38, "Tool", "1.0.0-rc.1"),
        (23, 32, "Stateless", "3.1.0.5"),
    ]
    assert {(pin.component.ecosystem, pin.manifest) for pin in FILE.read("a.csproj", text)} == {("nuget", "dotnet")}


def test_other_files_that_name_packages_are_read() -> None:
    """Central versions, the older configuration, and tools."""
    central = project(
        '<ItemGroup><PackageVersion Include="A" Version="1.0.0"/>'
        '<GlobalPackageReference Include="B" Version="2.0.0"/></ItemGroup>'
    )
    assert read(central, "Directory.Packages.props") == [(2, 37, "A", "1.0.0"), (2, 90, "B", "2.0.0")]
    older = (
        '<?xml version="1.0" encoding="utf-8"?>\n<packages>\n'
        '  <package id="A" version="1.0.0" allowedVersions="[1,2)"/>\n  <package id="B"/></packages>'
    )
    assert read(older, "src/packages.config") == [(3, 16, "A", "1.0.0")]
    tools = '{"version": 1, "tools": {"dotnet-ef": {"version": "8.0.0", "commands": ["dotnet-ef"]}, "x": {}, "y": 1}}'
    assert read(tools, ".config/dotnet-tools.json") == [(1, 27, "dotnet-ef", "8.0.0")]


@pytest.mark.parametrize(
    ("wanted", "version"),
    [
        ("1.2.3", "1.2.3"),
        ("1.2.3.4-beta.1+meta", "1.2.3.4-beta.1+meta"),
        ("[1.2.3]", "1.2.3"),
        ("[ 1.2.3 ]", "1.2.3"),
        ("1", "1"),
        ("[1.2.3", None),
        ("1.2.3]", None),
        ("[1.2.3,]", None),
        ("[1.2.3,)", None),
        ("(1.2.3, 3.2.1]", None),
        ("1.*", None),
        ("*", None),
        ("1.2.3-*", None),
    ],
)
def test_what_is_exact(wanted: str, version: str | None) -> None:
    """A minimum is what NuGet installs; intervals and floating versions are answered and not edited."""
    (pin,) = FILE.read("a.csproj", project(f'<I><PackageReference Include="A" Version="{wanted}"/></I>'))
    assert (pin.version, pin.requirement) == (version, wanted)


def test_a_property_is_pinned_where_it_stands() -> None:
    """Only where the file sets it once: of several, a condition decides."""
    text = project(
        "<PropertyGroup>\n<SerilogVersion>2.0.0</SerilogVersion><Twice>1.0.0</Twice>\n"
        '<twice Condition="x">2.0.0</twice><Other>$(SerilogVersion)</Other></PropertyGroup><ItemGroup>'
        '<PackageReference Include="Serilog" Version="$(serilogversion)"/>'
        '<PackageReference Include="B" Version="$(Twice)"/><PackageReference Include="C" Version="$(Elsewhere)"/>'
        '<PackageReference Include="D" Version="1.$(Elsewhere)"/><PackageReference Include="E" Version="$(Other)"/>'
        "</ItemGroup>"
    )
    assert read(text) == [(3, 17, "Serilog", "2.0.0")]
    assert moved(FILE, "a.csproj", text, 0, release("2.1.0")) == text.replace("n>2.0.0</S", "n>2.1.0</S")


def test_a_property_of_several_packages_is_not_edited() -> None:
    """What one has published another may not have; the answer says that only this version will do."""
    text = project(
        "<PropertyGroup><V>1.0.0</V></PropertyGroup><ItemGroup>"
        '<PackageReference Include="A" Version="$(V)"/><PackageReference Include="B" Version="$(V)"/></ItemGroup>'
    )
    pins = FILE.read("a.csproj", text)
    assert [(pin.component.name, pin.version, pin.requirement) for pin in pins] == [
        ("A", None, "[1.0.0]"),
        ("B", None, "[1.0.0]"),
    ]


def test_character_references_hide_a_place() -> None:
    """A version that is written with them is known, and never edited."""
    assert read(project('<I><PackageReference Include="A" Version="1&#46;0.0"/></I>')) == [(2, 31, "A", None)]


@pytest.mark.parametrize("version", ['1.0.1"/><Exec Command="x', "1.*", "$(X)", "1.0.1&x;"])
def test_a_version_that_the_file_would_not_say_is_not_written(version: str) -> None:
    """Who publishes a package gets nothing else into the file."""
    text = project('<I><PackageReference Include="A" Version="1.0.0"/></I>')
    with pytest.raises(ConfigProblem, match=r"a.csproj:2: would not be read as pinning A to "):
        FILE.rewrite(text, FILE.read("a.csproj", text)[0], release(version))


@pytest.mark.parametrize(
    ("path", "text", "where"),
    [
        ("a.csproj", "<Project>\n<ItemGroup>", r"a.csproj:2:\d+: is no valid XML"),
        ("a.props", "<!DOCTYPE p [<!ENTITY a 'b'>]><Project/>", r"a.props:1:\d+: declares an entity"),
        ("dotnet-tools.json", '{"tools": ', r"dotnet-tools.json:1:\d+: is no valid JSON"),
    ],
)
def test_a_broken_file_names_its_place(path: str, text: str, where: str) -> None:
    """The person is led to the line."""
    with pytest.raises(ConfigProblem, match=where):
        FILE.read(path, text)


def test_a_template_pins_nothing() -> None:
    """What a template engine must still write."""
    assert read("{{ project }}") == []


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("a.csproj", True),
        ("src/A.B/A.B.fsproj", True),
        ("A.vbproj", True),
        ("Directory.Build.props", True),
        ("build/common.targets", True),
        ("Directory.Packages.props", True),
        ("src/packages.config", True),
        (".config/dotnet-tools.json", True),
        ("global.json", False),
        ("NuGet.config", False),
        ("a.vcxproj", False),
        ("packages.lock.json", False),
        ("node_modules/a/a.csproj", False),
    ],
)
def test_files_are_known_by_name(path: str, ours: bool) -> None:
    """Projects, what they share, and tools."""
    assert FILE.matches(path) is ours


BLANKS = st.sampled_from([" ", "  ", "\n    "])
PACKAGES = st.tuples(VERSIONS, st.integers(0, 3), BLANKS, st.sampled_from(['"', "'"]), st.booleans())


def written(packages: list[tuple[str, int, str, str, bool]], end: str) -> str:
    properties, listed = "", ""
    for number, (version, form, blank, quote, hard) in enumerate(packages):
        value = f"[{version}]" if hard else version
        name = f"Include={quote}P{number}{quote}"
        if form == 1:
            properties += f"<V{number}>{value}</V{number}>"
            value = f"$(V{number})"
        if form == 2:
            listed += f"<PackageReference{blank}{name}{blank}><X>1.0.0</X><Version>{blank}{value}</Version>"
            listed += "</PackageReference>\n"
        elif form == 3:
            listed += f"<PackageVersion{blank}Version{blank}={blank}{quote}{value}{quote}{blank}{name}/>"
        else:
            listed += f"<!-- ü -->{blank}<PackageReference{blank}{name}{blank}X='1.0.0'{blank}"
            listed += f"Version={quote}{value}{quote}{blank}/>"
    return project(f"<PropertyGroup>{properties}</PropertyGroup><ItemGroup>{listed}</ItemGroup>").replace("\n", end)


@given(st.lists(PACKAGES, min_size=1, max_size=4), VERSIONS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_version_and_nothing_else(
    packages: list[tuple[str, int, str, str, bool]], version: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the blanks, quotes, elements and line ends: as if the new version had been written at once."""
    text = mark + written(packages, end)
    names = [pin.component.name for pin in FILE.read("a.csproj", text)]
    assert sorted(names) == [f"P{number}" for number in range(len(packages))]
    at = data.draw(st.integers(0, len(packages) - 1))
    after = moved(FILE, "a.csproj", text, names.index(f"P{at}"), release(version))
    packages[at] = (version, *packages[at][1:])
    assert after == mark + written(packages, end)


@given(VERSIONS, VERSIONS, ENDS)
def test_tools_are_rewritten_too(old: str, new: str, end: str) -> None:
    """JSON with whatever line ends."""
    text = json.dumps({"tools": {"a": {"version": old}, "b": {"version": old}}}, indent=2).replace("\n", end)
    after = moved(FILE, "dotnet-tools.json", text, 1, release(new))
    assert json.loads(after)["tools"] == {"a": {"version": old}, "b": {"version": new}}
