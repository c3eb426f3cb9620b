"""A signature holds or it does not: what somebody changed, forged or signed elsewhere is never taken for verified."""

from __future__ import annotations

import base64
import copy
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.lab.inside import surefoot_vouched as vouched
from bot.lab.inside import surefoot_vouched_said as said
from tests.lab import signing
from tests.lab.signing import Build, Sigstore, about, as_pep740, b64, spki

FILE, SHA = "greeter-1.1-py3-none-any.whl", "a" * 64
OURS = Sigstore()
GOOD = OURS.bundle(about(FILE, sha256=SHA), Build())
KEY = signing._key()
BY_KEY = {"bundle": OURS.by_key(about("pkg:npm/x@1.0.0", sha512="b" * 128), KEY, "SHA256:x"), "key": b64(spki(KEY))}


@pytest.fixture(scope="module")
def roots(tmp_path_factory: pytest.TempPathFactory) -> list[vouched.Root]:
    """Our own Sigstore is trusted beside the public one."""
    path = tmp_path_factory.mktemp("root") / "trusted_root.json"
    path.write_text(json.dumps(OURS.trusted_root()))
    return vouched.roots_of(str(path))


def test_what_holds_is_verified_with_who_signed_and_what(roots: list[vouched.Root]) -> None:
    """Chain, logs, proof, promise, time and signature hold; both forms of publishing say the same."""
    found = vouched.heard({"bundle": GOOD}, roots)
    assert found["standing"] == "verified"
    assert found["claims"]["repository"] == "https://github.com/acme/greeter"
    assert found["claims"]["environment"] == "release"
    assert found["statement"]["subjects"] == [{"name": FILE, "digest": {"sha256": SHA}}]
    assert vouched.heard({"attestation": as_pep740(GOOD)}, roots) == found


def _of(bundle: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = bundle["verificationMaterial"]["tlogEntries"][0]
    return entry


def _payload(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["payload"] = b64(json.dumps(about(FILE, sha256="f" * 64)).encode())


def _signature(bundle: dict[str, Any]) -> None:
    other = OURS.bundle(about(FILE, sha256="f" * 64), Build())
    bundle["dsseEnvelope"]["signatures"] = other["dsseEnvelope"]["signatures"]


def _entry(bundle: dict[str, Any]) -> None:
    other = OURS.bundle(about(FILE, sha256=SHA), Build())
    bundle["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]


def _certificate(bundle: dict[str, Any]) -> None:
    other = OURS.bundle(about(FILE, sha256=SHA), Build())
    bundle["verificationMaterial"]["certificate"] = other["verificationMaterial"]["certificate"]


def _promise(bundle: dict[str, Any]) -> None:
    _of(bundle)["inclusionPromise"]["signedEntryTimestamp"] = b64(signing._sign(OURS.log, b"something else"))


def _time(bundle: dict[str, Any]) -> None:
    _of(bundle)["integratedTime"] = str(int((OURS.at + timedelta(minutes=1)).timestamp()))


def _late(bundle: dict[str, Any]) -> None:
    """The log did take it in, long after the certificate had ended."""
    late = Sigstore(OURS.authority, OURS.certificates, OURS.log, at=OURS.at + timedelta(days=1))
    body = base64.b64decode(_of(bundle)["canonicalizedBody"])
    bundle["verificationMaterial"]["tlogEntries"] = [late.entry(body)]


def _proof(bundle: dict[str, Any]) -> None:
    _of(bundle)["inclusionProof"]["hashes"][0] = b64(bytes(32))


def _head(bundle: dict[str, Any]) -> None:
    proof = _of(bundle)["inclusionProof"]
    proof["checkpoint"]["envelope"] = proof["checkpoint"]["envelope"].replace("\n4\n", "\n5\n")


FORGED = [_payload, _signature, _entry, _certificate, _promise, _time, _late, _proof, _head]


@pytest.mark.parametrize("forge", FORGED, ids=lambda one: one.__name__)
def test_what_somebody_changed_is_wrong(roots: list[vouched.Root], forge: Callable[[dict[str, Any]], None]) -> None:
    """Everybody who is named is known, and one of the checks fails."""
    forged = copy.deepcopy(GOOD)
    forge(forged)
    found = vouched.heard({"bundle": forged}, roots)
    assert found["standing"] == "wrong", found
    assert found["why"] == "a check failed" and found["detail"]


def test_a_certificate_that_stands_in_no_log_of_certificates_is_wrong(roots: list[vouched.Root]) -> None:
    """An authority that issues in secret is caught by that."""
    secret = Sigstore(OURS.authority, signing._key(), OURS.log)
    bundle = secret.bundle(about(FILE, sha256=SHA), Build())
    assert vouched.heard({"bundle": bundle}, roots)["standing"] == "unknown"  # a log that nobody knows
    forged = Sigstore(OURS.authority, OURS.certificates, OURS.log)
    forged.certificates, key = signing._key(), OURS.certificates
    certificate = forged._issued(signing._key(), Build(), None)
    assert certificate and key
    bare = copy.deepcopy(GOOD)
    material = {"rawBytes": b64(certificate.public_bytes(signing.Encoding.DER))}
    bare["verificationMaterial"]["certificate"] = material
    assert vouched.heard({"bundle": bare}, roots)["standing"] == "wrong"


def _unknown_log(bundle: dict[str, Any]) -> None:
    _of(bundle)["logId"]["keyId"] = b64(b"x" * 32)
    _of(bundle)["inclusionPromise"]["signedEntryTimestamp"] = b64(b"x")


def _media(bundle: dict[str, Any]) -> None:
    bundle["mediaType"] = "application/vnd.dev.sigstore.bundle.v9+json"


def _kind(bundle: dict[str, Any]) -> None:
    _of(bundle)["kindVersion"] = {"kind": "tomorrow", "version": "1.0.0"}


def _no_entry(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["tlogEntries"] = []


def _no_time(bundle: dict[str, Any]) -> None:
    del _of(bundle)["inclusionPromise"]


def _type(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["payloadType"] = "text/plain"


def _nobody(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["certificate"] = None


def _garbage(bundle: dict[str, Any]) -> None:
    bundle["verificationMaterial"]["certificate"]["rawBytes"] = "AAAA"


def _two(bundle: dict[str, Any]) -> None:
    bundle["dsseEnvelope"]["signatures"] *= 2


STRANGE = [_unknown_log, _media, _kind, _no_entry, _no_time, _type, _nobody, _garbage, _two]


@pytest.mark.parametrize("change", STRANGE, ids=lambda one: one.__name__)
def test_what_cannot_be_looked_at_is_unknown(
    roots: list[vouched.Root], change: Callable[[dict[str, Any]], None]
) -> None:
    """Newer forms, and whom the root does not know, are no proof of anything, in neither direction."""
    strange = copy.deepcopy(GOOD)
    change(strange)
    found = vouched.heard({"bundle": strange}, roots)
    assert found["standing"] == "unknown" and found["why"], found


def test_an_authority_that_is_not_trusted_is_unknown(roots: list[vouched.Root]) -> None:
    """A private Sigstore is not known until the operator names its root; the root may also be too old."""
    other = Sigstore().bundle(about(FILE, sha256=SHA), Build())
    found = vouched.heard({"bundle": other}, roots)
    assert found["standing"] == "unknown" and "authority that the trusted root does not know" in found["why"]
    assert vouched.heard({"bundle": GOOD}, vouched.roots_of(""))["standing"] == "unknown"


@settings(deadline=None, max_examples=100)
@given(st.data())
def test_no_change_of_a_letter_makes_it_say_something_else(roots: list[vouched.Root], data: st.DataObject) -> None:
    """Whatever sign of an attestation is changed: it is verified with the same words, or it is not verified."""
    text = json.dumps(GOOD)
    at = data.draw(st.integers(0, len(text) - 1))
    sign = data.draw(st.sampled_from('A/9={}[]",:x'))
    try:
        changed = json.loads(text[:at] + sign + text[at + 1 :])
    except ValueError:
        return
    found = vouched.heard({"bundle": changed}, roots)
    assert found["standing"] != "verified" or found == vouched.heard({"bundle": GOOD}, roots)


def test_the_form_of_early_2023_is_verified_too(roots: list[vouched.Root]) -> None:
    """npm's packages of those years are still installed; their certificates named less, and in another way."""
    who = Build(old_fashioned=True)
    bundle = OURS.old(about(FILE, sha256=SHA), who)
    found = vouched.heard({"bundle": bundle}, roots)
    assert found["standing"] == "verified", found
    assert (found["claims"]["repository"], found["claims"]["config"]) == (who.repository, who.config)
    for forge in (_payload, _promise, _time):
        forged = copy.deepcopy(bundle)
        forge(forged)
        assert vouched.heard({"bundle": forged}, roots)["standing"] == "wrong", forge
    for change in (_unknown_log, _no_time):
        strange = copy.deepcopy(bundle)
        change(strange)
        assert vouched.heard({"bundle": strange}, roots)["standing"] == "unknown", change
    other = OURS.old(about(FILE, sha256=SHA), who)
    bundle["verificationMaterial"]["tlogEntries"] = other["verificationMaterial"]["tlogEntries"]
    assert "something else" in vouched.heard({"bundle": bundle}, roots)["why"]


def test_a_registrys_own_signature_holds_while_its_key_was_good(roots: list[vouched.Root]) -> None:
    """The moment that counts is when the log took it in, not today."""
    before, after = (OURS.at - timedelta(days=1)).isoformat(), (OURS.at + timedelta(days=1)).isoformat()
    assert vouched.heard(BY_KEY, roots)["standing"] == "verified"
    assert vouched.heard({**BY_KEY, "expires": after}, roots)["standing"] == "verified"
    late = vouched.heard({**BY_KEY, "expires": before}, roots)
    assert late["standing"] == "wrong" and "no longer good" in late["why"]


def test_a_registrys_signature_by_another_key_is_wrong(roots: list[vouched.Root]) -> None:
    """Neither another key nor other bytes pass, and a log that nobody knows is unknown."""
    assert vouched.heard({**BY_KEY, "key": b64(spki(signing._key()))}, roots)["standing"] == "wrong"
    for forge in (_payload, _promise, _proof):
        forged = copy.deepcopy(BY_KEY)
        forge(forged["bundle"])
        assert vouched.heard(forged, roots)["standing"] == "wrong", forge
    entry = copy.deepcopy(BY_KEY)
    other = OURS.by_key(about("pkg:npm/y@1.0.0", sha512="b" * 128), KEY, "SHA256:x")
    entry["bundle"]["verificationMaterial"] = other["verificationMaterial"]
    found = vouched.heard(entry, roots)
    assert found["standing"] == "wrong" and "something else" in found["why"]
    for change in (_unknown_log, _two):
        strange = copy.deepcopy(BY_KEY)
        change(strange["bundle"])
        assert vouched.heard(strange, roots)["standing"] == "unknown", change


def test_of_two_roots_the_one_that_knows_all_is_right(roots: list[vouched.Root], tmp_path: Path) -> None:
    """A newer root of the same authority verifies what the older one does not know yet, and says what is wrong."""
    newer = Sigstore(OURS.authority, signing._key(), signing._key())
    path = tmp_path / "newer.json"
    path.write_text(json.dumps(newer.trusted_root()))
    both = [*roots, vouched.Root(vouched.roots_of(str(path))[0].trusted)]
    bundle = newer.bundle(about(FILE, sha256=SHA), Build())
    assert vouched.heard({"bundle": bundle}, roots)["standing"] == "unknown"
    assert vouched.heard({"bundle": bundle}, both)["standing"] == "verified"
    _payload(bundle)
    assert vouched.heard({"bundle": bundle}, both)["standing"] == "wrong"


WORKFLOW = {"ref": "r", "repository": "https://h/a/b", "path": "p"}
CONFIG = {"uri": "git+https://h/a/b@refs/tags/v1", "entryPoint": "a/b/p.yml@refs/tags/v1"}
JOB = {"uri": "git+https://h/a/b", "entryPoint": "job"}


@pytest.mark.parametrize(
    ("predicate", "expected"),
    [
        ({"buildDefinition": {"externalParameters": {"workflow": WORKFLOW}}}, ("https://h/a/b", "p", "r")),
        ({"buildDefinition": {"externalParameters": {"source": "git+https://h/a/b"}}}, ("https://h/a/b", "", "")),
        ({"invocation": {"configSource": CONFIG}}, ("https://h/a/b", "p.yml", "refs/tags/v1")),
        ({"invocation": {"configSource": JOB}}, ("https://h/a/b", "", "")),
        ({"buildDefinition": [1], "invocation": "x"}, ("", "", "")),
        (None, ("", "", "")),
    ],
)
def test_each_version_of_a_predicate_says_from_where(predicate: Any, expected: tuple[str, str, str]) -> None:
    """GitHub's and GitLab's, in both versions; whatever else is written there says nothing."""
    told = said.statement(json.dumps({"_type": "t", "predicateType": "p", "predicate": predicate}).encode())
    assert (told["repository"], told["workflow"], told["ref"]) == expected


@settings(max_examples=30, deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.text() | st.integers(),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    )
)
def test_a_statement_may_be_anything(said_there: Any) -> None:
    """Whoever builds can sign what they like; it is read, or refused, and no reader falls over it."""
    payload = json.dumps(said_there).encode()
    if not isinstance(said_there, dict):
        with pytest.raises(ValueError, match="no statement"):
            said.statement(payload)
        return
    told = said.statement(payload)
    assert all(isinstance(told[name], str) for name in ("type", "predicate", "repository", "workflow"))
