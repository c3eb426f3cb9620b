"""Two attestations that npm's public registry has of sigstore 0.4.0: who built it, and that it was published.

Public facts, as the transparency log holds them for everybody (entries 10960845 and 10960848 of Rekor). They were taken
from test/fixtures/sigstore/valid-attestations.json of github.com/npm/pacote (ISC licence, copyright npm, Inc.); what
follows from the rest of it is put together here.
"""

from __future__ import annotations

import base64
import hashlib
import json
from typing import Any
from urllib.parse import urlsplit

from packageurl.contrib import purl2url

NAME, VERSION = "sigstore", "0.4.0"
# The registry's key that signed in those years, as its list of keys has it, and the word by which bundles name it.
KEY_ID = "SHA256:jl3bwswu80PjjokCgh0o2w5c2U4LhQAE57gj9cz1kzA"
KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i6UPp+IhuteBJbuHcA5UogKo0EWtlWwW6KSaKoTNEYL7JlCQiVnkh"
    "BktUgg=="
)
_LEAF = (
    "MIIDnDCCAyKgAwIBAgIUEg2LbBC+v12QtPBt2jawiYrF33UwCgYIKoZIzj0EAwMwNzEVMBMGA1UEChMMc2lnc3RvcmUuZGV2MR4wHAYDVQQDExVz"
    "aWdzdG9yZS1pbnRlcm1lZGlhdGUwHhcNMjMwMTExMTczMTUyWhcNMjMwMTExMTc0MTUyWjAAMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEscmo"
    "8xVdr+olWHVVpTlLdKdTwTDvNpINwLXi6W2OlPwTkMbJj0zCpO99heNH4ZxF1+NmO6NyjcbynKjf/GPUV6OCAkEwggI9MA4GA1UdDwEB/wQEAwIH"
    "gDATBgNVHSUEDDAKBggrBgEFBQcDAzAdBgNVHQ4EFgQUdsZZ492PIgVwGjT/q8AwgHhDkj4wHwYDVR0jBBgwFoAU39Ppz1YkEZb5qNjpKFWixi4Y"
    "ZD8wZAYDVR0RAQH/BFowWIZWaHR0cHM6Ly9naXRodWIuY29tL3NpZ3N0b3JlL3NpZ3N0b3JlLWpzLy5naXRodWIvd29ya2Zsb3dzL3B1Ymxpc2gu"
    "eW1sQHJlZnMvdGFncy92MC40LjAwOQYKKwYBBAGDvzABAQQraHR0cHM6Ly90b2tlbi5hY3Rpb25zLmdpdGh1YnVzZXJjb250ZW50LmNvbTAVBgor"
    "BgEEAYO/MAECBAdyZWxlYXNlMDYGCisGAQQBg78wAQMEKDhhMmVlMmZkMjBkZGE1OGZmYTRhOGQ4MDhhNjVjYjFlMDQ3MTFjMDMwFQYKKwYBBAGD"
    "vzABBAQHcHVibGlzaDAiBgorBgEEAYO/MAEFBBRzaWdzdG9yZS9zaWdzdG9yZS1qczAeBgorBgEEAYO/MAEGBBByZWZzL3RhZ3MvdjAuNC4wMIGK"
    "BgorBgEEAdZ5AgQCBHwEegB4AHYA3T0wasbHETJjGR4cmWc3AqJKXrjePK3/h4pygC8p7o4AAAGFoeNlfwAABAMARzBFAiBqYOxNKEMS4gXVBqU3"
    "Mr/w+yYXYtZDYa6daYOZJZB++wIhANat2b2mVTeHERPyhATU/Z8HOfC6iqY/IwiXnwWKsp9xMAoGCCqGSM49BAMDA2gAMGUCMQD5OzgtStQId/HN"
    "XGwVM1Ydjux8x2d4cr7tzWreGSbMUJhRuVlJliOdJKsu8ufHQfYCMC8M76uThWeCI2A5GndGj0TTaI1Cq92T8oXm5iHHFPxmvZtjXtnwCuGzLAKH"
    "ILlmlg=="
)
_LOG = "wNI9atQGlz+VWfO6LRygH4QUfY/8W4RFwiT5i5WRgB0="
_DIGEST = (
    "282c0c5fa936d264321643581b65d3de5c0af6ed4fdfac12f5851115df39cc25cfaf0ad22d908487bfef30114d61c25746206d1834be4f8fd165"
    "9178f77cc004"
)
_SUBJECT = [{"name": "pkg:npm/sigstore@0.4.0", "digest": {"sha512": _DIGEST}}]
_COMMIT, _REF, _REPOSITORY = "8a2ee2fd20dda58ffa4a8d808a65cb1e04711c03", "refs/tags/v0.4.0", "sigstore/sigstore-js"
_WORKFLOW = f"{_REPOSITORY}/.github/workflows/publish.yml@{_REF}"
_BUILT = {
    "_type": "https://in-toto.io/Statement/v0.1",
    "subject": _SUBJECT,
    "predicateType": "https://slsa.dev/provenance/v0.2",
    "predicate": {
        "buildType": "https://github.com/npm/cli/gha@v0",
        "builder": {"id": "https://github.com/npm/cli@9.2.0"},
        "invocation": {
            "configSource": {
                "uri": f"git+https://github.com/{_REPOSITORY}@{_REF}",
                "digest": {"sha1": _COMMIT},
                "entryPoint": _WORKFLOW,
            },
            "parameters": {},
            "environment": {
                "GITHUB_ACTOR_ID": "398027", "GITHUB_EVENT_NAME": "release", "GITHUB_JOB": "publish",
                "GITHUB_REF": _REF, "GITHUB_REF_TYPE": "tag", "GITHUB_REPOSITORY": _REPOSITORY,
                "GITHUB_REPOSITORY_ID": "495574555", "GITHUB_REPOSITORY_OWNER_ID": "71096353",
                "GITHUB_RUN_ATTEMPT": "1", "GITHUB_RUN_ID": "3895197725", "GITHUB_RUN_NUMBER": "7",
                "GITHUB_SHA": _COMMIT, "GITHUB_WORKFLOW": "publish", "GITHUB_WORKFLOW_REF": _WORKFLOW,
                "GITHUB_WORKFLOW_SHA": _COMMIT, "IMAGE_OS": "ubuntu22", "IMAGE_VERSION": "20221212.1",
                "RUNNER_ARCH": "X64", "RUNNER_NAME": "Hosted Agent", "RUNNER_OS": "Linux",
            },
        },
        "metadata": {
            "buildInvocationId": "3895197725-1",
            "completeness": {"parameters": False, "environment": False, "materials": False},
            "reproducible": False,
        },
        "materials": [{"uri": f"git+https://github.com/{_REPOSITORY}", "digest": {"sha1": _COMMIT}}],
    },
}  # fmt: skip
_BUILT_SIGNATURE = "MEQCIBk8ec2/Gm2vSIaYnW5YublLxLctqFWDkUVBhQHhYbkPAiBb1W0l/SyhDL8hRibad9C7f8jwwp9gRaKyaiXd3AH8oQ=="
_BUILT_PROMISE = "MEYCIQDzgIQqH7VfIGmZ3wQ7WQ5wnGnhZrv6/3Q90rOK2vsWrgIhAJUvX2WQ/BDp4oti3LEdFzG8KpJIU7sMfSRehK8BRQ+r"
_PUBLISHED_SIGNATURE = (
    "MEUCIQC/3eKnpFiqgvTYH4YBEv56PrZG+YQi5HZYUKaPci52HAIgZu30KpSwBUKiZBK887sQAJFAfkxBAyfHLALJ9F6Z0l0="
)
_PUBLISHED_PROMISE = "MEQCIEEIjIhzK2F4a9yt9peEarFYCBQETNkLAvHh4Q+suCbvAiAMOAoaKdW/+cU07wHSiG//gSJTeFDB30dl0dSx9dRG4g=="


def document() -> dict[str, Any]:
    """What the registry answers to the question for its attestations; its own URL was signed too."""
    registry = "https://" + urlsplit(purl2url.get_download_url("pkg:npm/x@1") or "").netloc  # type: ignore[no-untyped-call]  # it has no types
    published = {
        "_type": "https://in-toto.io/Statement/v0.1",
        "subject": _SUBJECT,
        "predicateType": "https://github.com/npm/attestation/tree/main/specs/publish/v0.1",
        "predicate": {"name": NAME, "version": VERSION, "registry": registry},
    }
    envelope = "2557adccb1bdf1606711b903e1bdb8c02aa61633" + "8c6463657bbd03ebb4f74211"
    built = _bundle(
        _BUILT, _BUILT_SIGNATURE, envelope, {}, {"publicKey": _pem("CERTIFICATE", _wrapped(_LEAF), "\n")},
        {"x509CertificateChain": {"certificates": [{"rawBytes": _LEAF}]}},
        (10960845, 1673458312, _BUILT_PROMISE),
    )  # fmt: skip
    own = _bundle(
        published, _PUBLISHED_SIGNATURE, "14347f4126014b91743d659dcfcfd6fb658a0f9f3d310c507f5e35c70f00dcdd",
        {"keyid": KEY_ID}, {"publicKey": _pem("PUBLIC KEY", KEY, "")}, {"publicKey": {"hint": KEY_ID}},
        (10960848, 1673458314, _PUBLISHED_PROMISE),
    )  # fmt: skip
    every = ((_BUILT["predicateType"], built), (published["predicateType"], own))
    return {"attestations": [{"predicateType": kind, "bundle": bundle} for kind, bundle in every]}


def _bundle(
    said: Any, signature: str, envelope: str, key_id: Any, key: Any, material: Any, logged: tuple[int, int, str]
) -> dict[str, Any]:
    payload = json.dumps(said, separators=(",", ":")).encode()
    index, at, promise = logged
    signed = {**key_id, **key, "sig": base64.b64encode(signature.encode()).decode()}
    body = {
        "apiVersion": "0.0.2",
        "kind": "intoto",
        "spec": {
            "content": {
                "envelope": {"payloadType": "application/vnd.in-toto+json", "signatures": [signed]},
                "hash": {"algorithm": "sha256", "value": envelope},
                "payloadHash": {"algorithm": "sha256", "value": hashlib.sha256(payload).hexdigest()},
            }
        },
    }
    entry = {
        "logIndex": str(index), "logId": {"keyId": _LOG}, "kindVersion": {"kind": "intoto", "version": "0.0.2"},
        "integratedTime": str(at), "inclusionPromise": {"signedEntryTimestamp": promise}, "inclusionProof": None,
        "canonicalizedBody": base64.b64encode(json.dumps(body, separators=(",", ":")).encode()).decode(),
    }  # fmt: skip
    return {
        "mediaType": "application/vnd.dev.sigstore.bundle+json;version=0.1",
        "verificationMaterial": {
            **material, "tlogEntries": [entry], "timestampVerificationData": {"rfc3161Timestamps": []},
        },
        "dsseEnvelope": {
            "payload": base64.b64encode(payload).decode(),
            "payloadType": "application/vnd.in-toto+json",
            "signatures": [{"sig": signature, "keyid": key_id.get("keyid", "")}],
        },
    }  # fmt: skip


def _wrapped(text: str) -> str:
    return "\n".join(text[at : at + 64] for at in range(0, len(text), 64))


def _pem(kind: str, inside: str, end: str) -> str:
    return base64.b64encode(f"-----BEGIN {kind}-----\n{inside}\n-----END {kind}-----{end}".encode()).decode()
