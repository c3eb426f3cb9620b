"""pom.xml: what has its version in the file is found, also by a property, and a rewrite changes that version alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import ConfigProblem
from bot.core.rewriting import rewritten
from tests.adapters.manifests.pinned import ENDS, MARKS, VERSIONS, moved, opened, release, short

FILE = opened("pom")


def read(text: str) -> list[tuple[int, int, str, str | None]]:
    return short(FILE.read("pom.xml", text))


def pom(inside: str) -> str:
    return f'<project xmlns="http://maven.apache.org/POM/4.0.0">\n{inside}\n</project>\n'


def artifact(name: str, version: str, kind: str = "dependency", group: str = "g", more: str = "") -> str:
    return (
        f"<{kind}><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>{more}</{kind}>"
    )


def test_every_place_of_an_artifact_is_read() -> None:
    """Parent, dependencies, managed ones, plugins with theirs, extensions, processors, reports and profiles."""
    text = """\
<?xml version="1.0" encoding="UTF-8"?>
<project xmlns="http://maven.apache.org/POM/4.0.0">
  <parent>
    <groupId>org.springframework.boot</groupId>
    <artifactId>spring-boot-starter-parent</artifactId>
    <version>3.2.0</version>
    <relativePath/>
  </parent>
  <groupId>com.acme</groupId><artifactId>shop</artifactId><version>1.0.0</version>
  <dependencyManagement><dependencies><dependency>
    <groupId>com.acme</groupId><artifactId>bom</artifactId><version>2.0</version><type>pom</type>
  </dependency></dependencies></dependencyManagement>
  <dependencies>
    <!-- <dependency><artifactId>no</artifactId></dependency> -->
    <dependency>
      <artifactId>
        junit
      </artifactId><groupId>junit</groupId>
      <version> 4.13.2 </version> <!-- pinned -->
      <exclusions><exclusion><groupId>x</groupId><artifactId>y</artifactId></exclusion></exclusions>
    </dependency>
    <dependency><groupId>managed</groupId><artifactId>elsewhere</artifactId></dependency>
  </dependencies>
  <build>
    <extensions><extension>
      <groupId>kr.motd</groupId><artifactId>os</artifactId><version>1.7.1</version>
    </extension></extensions>
    <plugins><plugin>
      <artifactId>maven-compiler-plugin</artifactId>
      <version>3.11.0</version>
      <configuration>
        <source>17</source>
        <annotationProcessorPaths><path>
          <groupId>org.mapstruct</groupId><artifactId>processor</artifactId><version>1.5.5.Final</version>
        </path></annotationProcessorPaths>
      </configuration>
      <dependencies><dependency>
        <groupId>org.ow2.asm</groupId><artifactId>asm</artifactId><version>9.6</version>
      </dependency></dependencies>
    </plugin></plugins>
  </build>
  <reporting><plugins><plugin><artifactId>site</artifactId><version>3.0</version></plugin></plugins></reporting>
  <profiles><profile><dependencies><dependency>
    <groupId>p</groupId><artifactId>q</artifactId><version>[1.0,2.0)</version>
  </dependency></dependencies></profile></profiles>
</project>
"""
    assert read(text) == [
        (5, 17, "org.springframework.boot:spring-boot-starter-parent", "3.2.0"),
        (11, 44, "com.acme:bom", "2.0"),
        (17, 9, "junit:junit", "4.13.2"),
        (26, 45, "kr.motd:os", "1.7.1"),
        (29, 19, "org.apache.maven.plugins:maven-compiler-plugin", "3.11.0"),
        (34, 55, "org.mapstruct:processor", "1.5.5.Final"),
        (38, 51, "org.ow2.asm:asm", "9.6"),
        (42, 43, "org.apache.maven.plugins:site", "3.0"),
        (44, 37, "p:q", None),
    ]
    assert {(pin.component.ecosystem, pin.manifest) for pin in FILE.read("pom.xml", text)} == {("maven", "pom")}


@pytest.mark.parametrize(
    ("version", "exact"),
    [
        ("1.0", "1.0"),
        ("1.0-SNAPSHOT", "1.0-SNAPSHOT"),
        ("RELEASE-1", "RELEASE-1"),
        ("[1.0]", "1.0"),
        ("[ 1.0 ]", "1.0"),
        ("[1.0,)", None),
        ("[1.0", None),
        ("(,1.0],[1.2,)", None),
        ("LATEST", None),
        ("[RELEASE]", None),
        ("1<!-- -->.0", None),
    ],
)
def test_what_is_exact_for_maven(version: str, exact: str | None) -> None:
    """Ranges and words are answered and not edited; what is written in pieces is not either."""
    (pin,) = FILE.read("pom.xml", pom(f"<dependencies>{artifact('a', version)}</dependencies>"))
    assert pin.version == exact
    assert pin.requirement == version.replace("<!-- -->", "")


@pytest.mark.parametrize(
    "version",
    ["${project.version}", "${revision}", "${elsewhere}", "1.${minor}", "${env.V}", "${loop}", "{{ v }}", ""],
)
def test_a_version_that_stands_elsewhere_is_left_alone(version: str) -> None:
    """Another file or the command line would tell it."""
    properties = "<properties><minor>2</minor><revision>1</revision><loop>${loop}</loop></properties>"
    assert read(pom(f"{properties}<dependencies>{artifact('a', version)}</dependencies>")) == []


@pytest.mark.parametrize(
    "inside",
    [
        "<parent><groupId>g</groupId><artifactId>a</artifactId><version>1</version><relativePath>../p</relativePath></parent>",
        f"<dependencies>{artifact('a', '1', more='<scope>system</scope>')}</dependencies>",
        f"<dependencies>{artifact('a', '1', group='${project.groupId}')}</dependencies>",
        "<dependencies><dependency><artifactId>a</artifactId><version>1</version></dependency></dependencies>",
        f"<repositories>{artifact('a', '1', kind='repository')}</repositories>",
    ],
)
def test_what_comes_from_elsewhere_is_left_alone(inside: str) -> None:
    """Paths of this machine, modules of this project, and what has no name."""
    assert read(pom(inside)) == []


def test_a_property_is_pinned_where_it_stands() -> None:
    """Also by another property, and in a profile by its own; a name may hold one too."""
    text = pom(
        "<properties>\n<a.version>1.0</a.version><b>${a.version}</b><group>com.g</group></properties>\n"
        f"<dependencies>{artifact('x', '${b}', group='${group}')}</dependencies>\n"
        f"<profiles><profile>\n<properties><a.version>2.0</a.version></properties>\n"
        f"<dependencies>{artifact('y', '${a.version}')}</dependencies></profile></profiles>"
    )
    assert read(text) == [(3, 12, "com.g:x", "1.0"), (6, 24, "g:y", "2.0")]
    assert moved(FILE, "pom.xml", text, 0, release("1.1")) == text.replace(">1.0<", ">1.1<")
    assert moved(FILE, "pom.xml", text, 1, release("2.1")) == text.replace(">2.0<", ">2.1<")


def test_a_property_moves_for_all_of_its_group() -> None:
    """Artifacts of one group that share a property stay together; one that is named twice is one pin."""
    text = pom(
        "<properties><v>1.0</v></properties><dependencies>"
        + artifact("a", "${v}")
        + artifact("b", "${v}")
        + artifact("a", "${v}", more="<type>test-jar</type>")
        + "</dependencies>"
    )
    a, b = FILE.read("pom.xml", text)
    assert (a.component.name, b.component.name, a.version, b.version) == ("g:a", "g:b", "1.0", "1.0")
    after = rewritten({"pom.xml": text}, [a], release("1.1"), {"pom": FILE})["pom.xml"]
    assert after == text.replace("<v>1.0", "<v>1.1")
    assert [pin.version for pin in FILE.read("pom.xml", after)] == ["1.1", "1.1"]


def test_a_property_of_several_groups_is_not_edited() -> None:
    """What one group has published another may not have; the answer says that only this version will do."""
    text = pom(
        "<properties><v>1.0</v></properties><dependencies>"
        + artifact("a", "${v}")
        + artifact("a", "${v}", group="h")
        + "</dependencies>"
    )
    pins = FILE.read("pom.xml", text)
    assert [(pin.component.name, pin.version, pin.requirement) for pin in pins] == [
        ("g:a", None, "[1.0]"),
        ("h:a", None, "[1.0]"),
    ]
    with pytest.raises(ConfigProblem, match="no longer pins g:a to"):
        FILE.rewrite(text, pins[0], release("1.1"))


@pytest.mark.parametrize("version", ["1.1</version><x>1", "${revision}", "1.1&x;", "[1.1,)", "1.1<!--"])
def test_a_version_that_the_file_would_not_say_is_not_written(version: str) -> None:
    """Who publishes an artifact gets nothing else into the file."""
    text = pom(f"<dependencies>{artifact('a', '1.0')}</dependencies>")
    with pytest.raises(ConfigProblem, match=r"pom.xml:2: would not be read as pinning g:a to "):
        FILE.rewrite(text, FILE.read("pom.xml", text)[0], release(version))


def test_extensions_of_the_build_are_read() -> None:
    """Maven's core extensions stand in a file of their own."""
    text = f"<extensions>{artifact('a', '1.0', kind='extension')}</extensions>"
    assert short(FILE.read(".mvn/extensions.xml", text)) == [(1, 56, "g:a", "1.0")]


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ("<project>\n<dependencies>", r"a/pom.xml:2:\d+: is no valid XML: no element found"),
        ("<!DOCTYPE p [<!ENTITY a 'b'>]><project/>", r"a/pom.xml:1:\d+: declares an entity"),
    ],
)
def test_a_broken_file_names_its_place(text: str, where: str) -> None:
    """The person is led to the line."""
    with pytest.raises(ConfigProblem, match=where):
        FILE.read("a/pom.xml", text)


def test_a_template_pins_nothing() -> None:
    """What a template engine must still write."""
    assert read("{{#each x}}<dependency>") == []


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("pom.xml", True),
        ("a/b/pom.xml", True),
        (".mvn/extensions.xml", True),
        ("a/.mvn/extensions.xml", True),
        ("extensions.xml", False),
        ("a/dependency-reduced-pom.xml", False),
        ("node_modules/a/pom.xml", False),
    ],
)
def test_files_are_known_by_name(path: str, ours: bool) -> None:
    """What Maven reads itself, and not what it writes."""
    assert FILE.matches(path) is ours


BLANKS = st.sampled_from(["", " ", "\n    ", "<!-- <version>1.0.0</version> -->"])
ARTIFACTS = st.tuples(VERSIONS, st.integers(0, 3), BLANKS, BLANKS)


def written(artifacts: list[tuple[str, int, str, str]], end: str) -> str:
    properties, listed = "", ""
    for number, (version, form, before, after) in enumerate(artifacts):
        value = version
        if form == 1:
            value = f"${{v{number}}}"
            properties += f"<v{number}>{before.replace('<!-- <version>1.0.0</version> -->', '')}{version}</v{number}>\n"
        elif form == 2:
            value = f"[{version}]"
        elif form == 3:
            value = f"<![CDATA[{version}]]>"
        blank = before.replace("<!-- <version>1.0.0</version> -->", "")
        listed += f"<dependency>{before}<groupId>g{number}</groupId><artifactId>ü</artifactId>{after}\n"
        listed += f"<version>{blank}{value}{blank}</version>{after}</dependency>{before}"
    return pom(f"<properties>{properties}</properties><dependencies>{listed}</dependencies>").replace("\n", end)


@given(st.lists(ARTIFACTS, min_size=1, max_size=4), VERSIONS, ENDS, MARKS, st.data())
def test_a_rewrite_changes_one_version_and_nothing_else(
    artifacts: list[tuple[str, int, str, str]], version: str, end: str, mark: str, data: st.DataObject
) -> None:
    """Whatever the blanks, comments, properties, sections and line ends: as if the new one had been written at once."""
    text = mark + written(artifacts, end)
    pins = FILE.read("pom.xml", text)
    names = [f"g{number}:ü" for number in range(len(artifacts))]
    assert sorted(pin.component.name for pin in pins) == sorted(names)
    at = data.draw(st.integers(0, len(artifacts) - 1))
    place = [pin.component.name for pin in pins].index(names[at])
    after = moved(FILE, "pom.xml", text, place, release(version))
    artifacts[at] = (version, *artifacts[at][1:])
    assert after == mark + written(artifacts, end)
