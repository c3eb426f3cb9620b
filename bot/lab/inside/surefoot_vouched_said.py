"""Reads, in the jail, what a certificate says of who signed, and what was signed; both are verified by then.

Nothing but the standard library and cryptography.
"""

from __future__ import annotations

import json
from typing import Any

MOST_SUBJECTS, LONGEST = 10, 500
# What the authority of Sigstore writes, and how it wrote it before 2023 (sigstore/fulcio, docs/oid-info.md).
_ARC = "1.3.6.1.4.1.57264.1"
_CLAIMS = {"issuer": 8, "signer": 9, "runner": 11, "repository": 12, "commit": 13, "ref": 14, "config": 18}
_CLAIMS |= {"environment": 23}
_OLD_CLAIMS = {"issuer": 1, "commit": 3, "ref": 6}
_OLD_REPOSITORY = 5


def claims(certificate: Any) -> dict[str, str]:
    """What a certificate says of who signed, in the shape of `bot.core.attestations.Claims`."""
    from cryptography.hazmat.asn1 import decode_der
    from cryptography.x509 import ExtensionNotFound, SubjectAlternativeName

    every = {one.oid.dotted_string: one.value for one in certificate.extensions}
    old = {name: every[place].value.decode() for name, n in _OLD_CLAIMS.items() if (place := f"{_ARC}.{n}") in every}
    if (place := f"{_ARC}.{_OLD_REPOSITORY}") in every:
        old["repository"] = f"https://github.com/{every[place].value.decode()}"
    new = {
        name: decode_der(str, every[place].value) for name, n in _CLAIMS.items() if (place := f"{_ARC}.{n}") in every
    }
    try:
        names = certificate.extensions.get_extension_for_class(SubjectAlternativeName).value
        subject = next((str(one.value) for one in names if isinstance(one.value, str)), "")
    except ExtensionNotFound:
        subject = ""
    # Before 2023 the subject was all that named the workflow.
    config = {"config": subject} if old.get("repository") and subject.startswith(old["repository"]) else {}
    found = {**config, **old, **new, "subject": subject}
    return {name: text[:LONGEST] for name, text in found.items()}


def statement(payload: bytes) -> dict[str, Any]:
    """What was signed, in the shape of `bot.core.attestations.Statement`. Whoever builds can write anything there."""
    said = json.loads(payload)
    if not isinstance(said, dict):
        raise ValueError("what is signed is no statement")
    subjects = said.get("subject")
    return {
        "type": _text(said, "_type"),
        "predicate": _text(said, "predicateType"),
        "subjects": [_subject(one) for one in (subjects if isinstance(subjects, list) else [])[:MOST_SUBJECTS]],
        **_predicate(said.get("predicate")),
    }


def _subject(said: Any) -> dict[str, Any]:
    digest = said.get("digest") if isinstance(said, dict) else None
    kept = {str(kind): text for kind, text in list(digest.items())[:9]} if isinstance(digest, dict) else {}
    return {"name": _text(said, "name"), "digest": {kind: one for kind, one in kept.items() if isinstance(one, str)}}


def _predicate(said: Any) -> dict[str, str]:
    """From where, by both versions of the predicate (slsa.dev/spec); GitLab writes no path of a workflow."""
    new, old = _text(said, "buildDefinition", "externalParameters", "workflow", "repository"), ""
    workflow = _text(said, "buildDefinition", "externalParameters", "workflow", "path")
    ref = _text(said, "buildDefinition", "externalParameters", "workflow", "ref")
    if not new:
        new = _text(said, "buildDefinition", "externalParameters", "source")
        old = _text(said, "invocation", "configSource", "uri")
    repository, _, behind = (new or old).removeprefix("git+").partition("@refs/")
    entry = _text(said, "invocation", "configSource", "entryPoint")
    if not workflow and (owned := repository.partition("://")[2].partition("/")[2]) and entry.startswith(f"{owned}/"):
        workflow = entry[len(owned) + 1 :].rpartition("@")[0]
    place = {"repository": repository.removesuffix(".git"), "workflow": workflow}
    return {**place, "ref": ref or (f"refs/{behind}" if behind else ""), **_published(said)}


def _published(said: Any) -> dict[str, str]:
    return {name: _text(said, name) for name in ("name", "version")}


def _text(said: Any, *keys: str) -> str:
    for key in keys:
        said = said.get(key) if isinstance(said, dict) else None
    return said[:LONGEST] if isinstance(said, str) else ""
