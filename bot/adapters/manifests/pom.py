"""`pom.xml`: the artifacts and plugins of a Maven project; also `.mvn/extensions.xml`.

Read are the parent, `dependencies`, `dependencyManagement`, plugins with their dependencies, extensions, and the paths
of annotation processors, also in profiles. A component is named `group:artifact`.

A bare `1.0` counts as exact, as Maven takes it where nothing else speaks against it, and so does `[1.0]`; everything
else in brackets is a range: answered, and edited only where ranges are widened. A version that is a property of the
same file (`${junit.version}`) is pinned where the property is. A property that artifacts of several groups share is
answered, not edited, for what one group has published another may not have; within a group it moves for all.

Left alone: what has no version here, properties that stand elsewhere (`${project.version}`, `${revision}`, those of a
parent, and outside of a profile its own), a parent with a `relativePath`, the scope `system`, and `repositories`.

A rewrite changes the characters of one version or range.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from bot.adapters import Options, Tools, no_options
from bot.adapters.manifests import _exact, _folders, _xml
from bot.adapters.manifests._exact import pinned
from bot.adapters.manifests._file import File, reading
from bot.adapters.manifests._reader import Reader
from bot.adapters.manifests._spots import Found, Spot
from bot.adapters.manifests._tree import Text
from bot.adapters.manifests._variables import settled
from bot.adapters.manifests._xml import Element
from bot.core.model import Component

KIND = "pom"
PLUGINS = "org.apache.maven.plugins"

_FILE = re.compile(r"pom\.xml")
_EXTENSIONS = re.compile(r"(?:.*/)?\.mvn/extensions\.xml")
_HOLDERS = frozenset(
    {
        ("project", "parent"),
        ("dependencies", "dependency"),
        ("plugins", "plugin"),
        ("extensions", "extension"),
        ("annotationProcessorPaths", "path"),
    }
)
_EXACT = re.compile(r"(?P<open>\[\s*)?(?!(?:LATEST|RELEASE)(?:\s*\])?\Z)(?P<version>[^\s\[\](),${}]+)(?(open)\s*\])")
_PROPERTY = re.compile(r"\$\{(?P<name>[^${}]+)\}")
# What Maven itself answers, whatever stands in <properties>, or is given when it is started.
_ELSEWHERE = re.compile(r"(?:project|pom|env|settings|java|os|user)\..*|revision|sha1|changelist|version|basedir")
MOST_HOPS = 10  # from a property to a property

Properties = Mapping[str, Text]


def open(options: Options, tools: Tools) -> Reader[Spot]:
    """No options, and it needs nothing of what is lent."""
    no_options(options, KIND)
    return Reader(owns=_is_ours, find=_found, write=_exact.rewrite)


def _is_ours(path: str) -> bool:
    return _folders.named(path, _FILE) or _EXTENSIONS.fullmatch(path) is not None


def _found(path: str, text: str) -> list[Found]:
    file = reading(path, text, KIND)
    top = _xml.root(file)
    if top is None:
        return []
    common = _properties(top)
    found = list(_pins(file, top, common, frozenset({"profiles"})))
    for profile in top.all("profiles", "profile"):
        found += _pins(file, profile, {**common, **_properties(profile)}, frozenset())
    return settled(found, _group, "[{}]")


def _group(component: Component) -> str:
    return component.name.partition(":")[0]


def _properties(holder: Element) -> Properties:
    return {one.name: one.text for one in holder.all("properties")[:1] for one in one.children if one.text}


def _pins(file: File, top: Element, properties: Properties, but: frozenset[str]) -> Iterator[Found]:
    # The document's own element stands in no other.
    around = [(Element(name="", attributes={}), top), *_xml.walk(top, but=but)]
    for holder, element in around:
        if (holder.name, element.name) in _HOLDERS and (found := _pin(file, element, properties)):
            yield found


def _pin(file: File, element: Element, properties: Properties) -> Found | None:
    artifact, version = element.child("artifactId"), element.child("version")
    if artifact is None or version is None or _is_local(element):
        return None
    group = element.child("groupId") or (Text(value=PLUGINS, at=0) if element.name == "plugin" else None)
    names = [_resolved(one, properties) for one in (group, artifact) if one]
    wanted = _resolved(version, properties)
    if len(names) < 2 or wanted is None or not all(names):
        return None
    component = Component(name=":".join(one.value for one in names if one), ecosystem="maven")
    return pinned(file, component, (artifact if wanted is version else wanted).at, wanted, _EXACT)


def _is_local(element: Element) -> bool:
    """Whether the file says that it is found on a path of the machine."""
    scope = element.child("scope")
    return element.child("relativePath") is not None or (scope is not None and scope.value == "system")


def _resolved(text: Text, properties: Properties) -> Text | None:
    """A text, or the property of this file that it names; None where more than one or another file would tell."""
    for _ in range(MOST_HOPS):
        found = _PROPERTY.fullmatch(text.value)
        if found is None:
            return None if "${" in text.value or "{{" in text.value else text
        name = found["name"]
        if _ELSEWHERE.fullmatch(name) or name not in properties:
            return None
        text = properties[name]
    return None
