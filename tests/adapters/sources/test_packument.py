"""npm's documents and attestations as strangers wrote them: read as far as they go, and never further."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bot.adapters.sources import _packument
from bot.adapters.sources._attestations import UNNAMED, repository_of
from bot.core.errors import Permanent
from bot.core.model import Trust
from tests.adapters.sources.npm_registry import attestations, document, sha512, version


def test_an_attestation_is_about_one_file() -> None:
    """One that was taken from another file is none, and one that cannot be read names nobody."""
    checksum = "sha512:" + sha512("pad-1.0.0.tgz").hex()

    def read(said: Any) -> str:
        return repository_of(json.dumps(said).encode(), checksum)

    assert read(attestations("1.0.0", "git+https://gitlab.com/acme/pad@refs/tags/v1")) == "https://gitlab.com/acme/pad"
    assert read(attestations("1.0.0", file="other.tgz")) == ""
    assert read(attestations("1.0.0", "not a repository")) == UNNAMED
    assert repository_of(json.dumps(attestations("1.0.0")).encode(), "sha1:00") == UNNAMED  # nothing to compare
    assert read({"attestations": []}) == UNNAMED
    assert read({"nothing": 1}) == UNNAMED
    broken = attestations("1.0.0")
    broken["attestations"][1]["bundle"]["dsseEnvelope"]["payload"] = "e30"
    assert read(broken) == UNNAMED
    old = {"subject": [{"digest": {"sha512": checksum[7:]}}], "predicate": {"invocation": {"configSource": {
        "uri": "git+https://github.com/acme/pad@refs/heads/main"}}}}  # fmt: skip
    broken["attestations"][1]["bundle"]["dsseEnvelope"]["payload"] = base64.b64encode(json.dumps(old).encode()).decode()
    assert read(broken) == "https://github.com/acme/pad"


def test_twenty_years_of_odd_documents_are_read() -> None:
    """Fields of any shape, as old and hostile publishers wrote them, neither stop the list nor get into it."""
    odd = document(
        version("pad", "0.0.1", dist={"integrity": None}, deprecated=False, repository="acme/pad", homepage=["x"]),
        version("pad", "0.0.2", deprecated=True, scripts=["install"], repository=[{"url": "javascript:x"}]),
        version("pad", "0.0.3", scripts={"install": ""}, maintainers="ann", _npmUser="ann <ann@mail.example>"),
        version("pad", "0.0.4", gypfile=True, dist={"integrity": "sha1-!!! sha384-AAAA", "tarball": "file:///x"}),
        version("pad", "0.0.5", dist={"integrity": "sha256-qg==?x"}, hasInstallScript="yes", deprecated="a\n b" * 500),
        version("pad", "0.0.6", dist={"attestations": True}, repository="git@github.com:acme/pad.git"),
        time={"0.0.1": {"x": 1}, "0.0.2": "soon", "0.0.3": None},
    )
    text = json.dumps(odd).replace('"yes"', "1" * 5000)
    read = _packument.read(text.encode(), "pad", "https://r.example/pad", kind="application/json", asked_full=True)
    one, two, three, four, five, six = read.releases.values()
    assert one.artifacts[0].checksum == "sha1:" + hashlib.sha1(b"pad-0.0.1.tgz").hexdigest()
    assert one.deprecated == "" and one.links == (("repository", "https://github.com/acme/pad"),)
    assert two.deprecated == "deprecated" and two.links == (("homepage", "https://pad.example/"),)
    assert three.trust == Trust(provenance="", publisher="ann", install_script=False)
    assert four.artifacts == () and four.trust.install_script is True
    assert five.artifacts[0].sha256 == "aa" and len(five.deprecated) == 500 and five.trust.install_script is False
    assert six.partial and read.attested == {"0.0.6": ""}
    assert six.links[0] == ("repository", "https://github.com/acme/pad")
    assert {release.published for release in read.releases.values()} == {None}


JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=9)
    | st.sampled_from(["https://a.example/[", "sha512-é"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "url", "id", "x"]), inner),
    max_leaves=6,
)
FIELDS = ("deprecated", "scripts", "hasInstallScript", "gypfile", "maintainers", "_npmUser", "repository", "homepage")


@given(st.dictionaries(st.sampled_from(FIELDS), JUNK), JUNK, JUNK)
def test_no_publisher_stops_the_list(fields: dict[str, Any], proof: Any, at: Any) -> None:
    """Whatever a publisher wrote into its manifest, the version is listed, with nothing of the wrong kind in it."""
    said = {"versions": {"1.0.0": {**fields, "dist": {"attestations": proof}}}, "time": {"1.0.0": at}}
    read = _packument.read(json.dumps(said).encode(), "pad", "https://r.example/pad", kind="", asked_full=True)
    (one,) = read.releases.values()
    assert one.version == "1.0.0" and isinstance(one.deprecated, str)
    assert all(url.startswith("http") for _, url in one.links)
    assert one.trust.publisher is None or isinstance(one.trust.publisher, str)


@given(st.binary() | JUNK.map(lambda said: json.dumps({"versions": said, "time": said}).encode()))
def test_no_registry_breaks_us(body: bytes) -> None:
    """What is no document is refused as such, and attestations that are none name nobody."""
    with contextlib.suppress(Permanent):
        _packument.read(body, "pad", "https://r.example/pad", kind="", asked_full=False)
    assert repository_of(body, "sha512:00") == UNNAMED


def test_latest_engines_and_systems_are_read_and_kept() -> None:
    """In the full document, in brief, and out of what is kept of either; odd ones say nothing."""
    said = document(
        version("pad", "1.0.0"),
        version("pad", "1.1.0", engines={"node": ">=18", "npm": "9"}, os=["!win32"], cpu=[]),
        version("pad", "2.0.0", engines=["node >= 4"], os=["linux"], cpu="x64"),
    )
    said["dist-tags"] = {"latest": "1.1.0", "next": "2.0.0"}
    read = _packument.read(json.dumps(said).encode(), "pad", "https://r.example/pad", kind="x", asked_full=True)
    kept = _packument.unpacked(read.packed(), full=True, page="")
    for some in (read.releases.values(), read.brief(), kept.releases.values(), kept.brief()):
        assert [one.latest for one in some] == ["1.1.0"] * 3
        assert [one.node for one in some] == ["", ">=18", ""]
        assert [one.trust.binary for one in some] == [False, False, True]


def test_where_no_version_names_a_system_nothing_is_said_of_them() -> None:
    """Some registries leave it out; a tag of another shape is none."""
    said = document(version("pad", "1.0.0"))
    said["dist-tags"] = ["1.0.0"]
    read = _packument.read(json.dumps(said).encode(), "pad", "https://r.example/pad", kind="x", asked_full=True)

    assert [(one.latest, one.trust.binary) for one in read.releases.values()] == [("", None)]
