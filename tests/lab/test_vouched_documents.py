"""What a registry sends is read, or refused in words: no document makes a reader fall over or believe too much."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Permanent
from bot.lab.vouched import documents

READERS: list[Callable[[bytes], Any]] = [
    lambda body: documents.page(b"{" + body, "https://index.example.org/simple/x/"),
    documents.provenance,
    documents.version,
    lambda body: documents.packument(body, "1.0.0"),
    documents.attestations,
    documents.keys,
]
jsons = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=9),
    lambda one: st.lists(one, max_size=3) | st.dictionaries(st.text(max_size=9), one, max_size=3),
)


@pytest.mark.parametrize("read", READERS)
@given(st.binary(max_size=200) | jsons.map(lambda one: json.dumps(one).encode()))
def test_anything_may_come(read: Callable[[bytes], Any], body: bytes) -> None:
    """Only one kind of error leaves a reader."""
    try:
        read(body)
    except Permanent as problem:
        assert str(problem)


@pytest.mark.parametrize("read", READERS)
def test_depth_without_an_end_is_refused(read: Callable[[bytes], Any]) -> None:
    """Nor does a document of brackets end the process."""
    with pytest.raises(Permanent):
        read(b"[" * 100_000)


@given(st.text())
def test_any_text_is_a_page(text: str) -> None:
    """A page of HTML may be anything; what it names is text, never None."""
    for one in documents.page(f"<a>{text}</a>".encode("utf-8", "replace"), "https://index.example.org/simple/x/"):
        assert one.filename and one.provenance == ""


def test_addresses_of_a_page_are_joined_to_it() -> None:
    """Both forms may be relative."""
    url = "https://index.example.org/simple/x/"
    page = {"files": [{"filename": "x", "hashes": {"sha256": "a"}, "provenance": "../../p/x"}, {"filename": "y"}]}
    first, second = documents.page(json.dumps(page).encode(), url)
    assert (first.provenance, first.sha256) == ("https://index.example.org/p/x", "a")
    assert (second.provenance, second.sha256) == ("", "")
    (anchor,) = documents.page(b'<a href="../../f/x#sha256=a" data-provenance="/p/x">x</a> words', url)
    assert anchor == first


def test_more_than_anybody_signs_is_refused() -> None:
    """Twenty-one attestations of one file are no news but a burden."""
    one = {"envelope": {}}
    bundle = {"publisher": {"kind": "GitHub", "repository": None}, "attestations": [one] * 21}
    with pytest.raises(Permanent, match="21 attestations"):
        documents.provenance(json.dumps({"attestation_bundles": [bundle]}).encode())
    many = {"attestations": [{"bundle": {"dsseEnvelope": {"signatures": []}}}] * 21}
    with pytest.raises(Permanent, match="no more than 20"):
        documents.attestations(json.dumps(many).encode())


def test_keys_may_end() -> None:
    """A time without a zone is UTC."""
    said = [
        {"keyid": "a", "key": "A", "expires": "2025-01-29T00:00:00.000Z"},
        {"keyid": "b", "key": "B", "expires": None},
        {"keyid": "c", "key": "C", "expires": "2025-01-29T00:00:00"},
    ]
    found = documents.keys(json.dumps({"keys": said}).encode())
    at = datetime(2025, 1, 29, tzinfo=UTC)
    assert [found[name].expires for name in "abc"] == [at, None, at]
    with pytest.raises(Permanent):
        documents.keys(json.dumps({"keys": [{"keyid": "a", "key": "A", "expires": "soon"}]}).encode())


def test_a_version_that_is_gone_is_refused() -> None:
    """What the registry no longer lists cannot be vouched for; a version without attestations has none."""
    with pytest.raises(Permanent, match="no longer lists"):
        documents.packument(b'{"versions": {}}', "1.0.0")
    assert not documents.version(b'{"dist": {"attestations": null}}').attested
    assert documents.version(b'{"dist": {"attestations": {"url": "x"}}}').attested
