"""NuGet packages of .NET projects: `*.csproj`, `*.fsproj`, `*.vbproj`, `*.props`, `*.targets`, and two other files.

Read are

- `PackageReference`, `PackageVersion` (`Directory.Packages.props`), `GlobalPackageReference`, `PackageDownload` and
  `DotNetCliToolReference`, their `Version` or `VersionOverride` as an attribute or as an element of its own;
- `packages.config`;
- the tools of `dotnet-tools.json`.

`1.2.3` counts as exact though NuGet calls it a minimum, for that is the version which it installs; so does `[1.2.3]`.
Everything else (`[1.0,2.0)`, `1.*`) is a range: answered, and edited only where ranges are widened. A version that is a
property of the same file (`$(SerilogVersion)`) is pinned where the property is; where several packages share it, it is
answered and not edited, for what one has published another may not have.

Left alone: properties that are set elsewhere or more than once, the .NET SDK (`global.json`), SDKs of MSBuild, and
`NuGet.config`. `packages.lock.json` must be made anew by NuGet after a change.

A rewrite changes the characters of one version or range.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from functools import partial

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _exact, _folders, _json, _xml
from bot.adapters.manifests._exact import pinned
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._reader import Reader
from bot.adapters.manifests._spots import Found, Spot
from bot.adapters.manifests._tree import Table, Text
from bot.adapters.manifests._variables import settled
from bot.adapters.manifests._xml import Element
from bot.core.model import Component

KIND = "dotnet"

_FILE = re.compile(r".+\.(?:[cfv][sb]proj|props|targets)|packages\.config|dotnet-tools\.json", re.IGNORECASE)
_ITEMS = frozenset(
    {"PackageReference", "PackageVersion", "GlobalPackageReference", "PackageDownload", "DotNetCliToolReference"}
)
_VERSIONS = ("version", "versionoverride")
_NAME = re.compile(r"\w[\w.-]*")
_NUMBERS = r"\d+(?:\.\d+){0,3}(?:-[0-9A-Za-z.-]+)?(?:\+[0-9A-Za-z.-]+)?"
_EXACT = re.compile(rf"(?P<open>\[\s*)?(?P<version>{_NUMBERS})(?(open)\s*\])", re.ASCII)
_PROPERTY = re.compile(r"\$\((?P<name>[A-Za-z_][\w-]*)\)")

Properties = Mapping[str, Text]


def open(options: Options, tools: Tools) -> Reader[Spot]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=partial(_folders.named, names=_FILE), find=_found, write=_exact.rewrite)


def _found(path: str, text: str) -> list[Found]:
    file = reading(path, text, KIND)
    if path.lower().endswith(".json"):
        return list(_tools(file))
    top = _xml.root(file)
    if top is None:
        return []
    listed = _configured(file, top) if top.name == "packages" else _referenced(file, top)
    return settled(listed, lambda component: component.name.lower(), "[{}]")


def _tools(file: File) -> Iterator[Found]:
    for name, tool in _json.table(file).table("tools").items():
        version = tool.text("version") if isinstance(tool, Table) else None
        if version:
            yield from _pin(file, name, version, {})


def _configured(file: File, top: Element) -> Iterator[Found]:
    for one in top.all("package"):
        name, version = one.attributes.get("id"), one.attributes.get("version")
        if name and version:
            yield from _pin(file, name, version, {})


def _referenced(file: File, top: Element) -> Iterator[Found]:
    properties = _properties(top)
    for _, item in _xml.walk(top):
        name = item.attributes.get("Include") or item.attributes.get("Update")
        if item.name in _ITEMS and name:
            # To MSBuild names of metadata are the same in capitals.
            given = [(key, value) for key, value in item.attributes.items() if key.lower() in _VERSIONS]
            given += [(one.name, one.text) for one in item.children if one.text and one.name.lower() in _VERSIONS]
            for _, version in given:
                yield from _pin(file, name, version, properties)


def _properties(top: Element) -> Properties:
    """Those that are set once: of several, a condition decides when the project is built."""
    found = [one for holder, one in _xml.walk(top) if holder.name == "PropertyGroup"]
    times = Counter(one.name.lower() for one in found)
    return {one.name.lower(): one.text for one in found if one.text and times[one.name.lower()] == 1}


def _pin(file: File, name: Text, version: Text, properties: Properties) -> Iterator[Found]:
    variable = _PROPERTY.fullmatch(version.value)
    wanted = properties.get(variable["name"].lower()) if variable else version
    if wanted is None or re.search(r"[$@%]\(|\{\{", wanted.value) or not _NAME.fullmatch(name.value):
        return
    component = Component(name=name.value, ecosystem="nuget")
    yield pinned(file, component, wanted.at if variable else name.at, wanted, _EXACT)
