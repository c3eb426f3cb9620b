"""Does a registry's signature hold? Of strangers' bytes no more than one point and two numbers reaches the library."""

from __future__ import annotations

import base64
import binascii

# What stands before the 65 bytes of a point of P-256 in a public key's DER (RFC 5480, section 2.1).
_P256 = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d030107034200")
_POINT = 65
_MOST_SIGNATURE = 72  # bytes: two numbers of 256 bits, in DER
_LONGEST = 200  # signs of base64 in which either fits


def holds(key: str, signature: str, signed: str) -> bool | None:
    """Whether this key (base64 of its DER) made this signature (base64) of this text: ECDSA, P-256, SHA-256.

    None for a key of another kind, or none at all. What is no signature does not hold.
    """
    # Only who has packages of a registry with keys needs it, and loading it costs 30 ms.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.hazmat.primitives.hashes import SHA256

    der, made = _bytes(key), _bytes(signature)
    if len(der) != len(_P256) + _POINT or not der.startswith(_P256):
        return None
    try:
        point = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), der[len(_P256) :])
    except ValueError:  # not on the curve
        return None
    if not made or len(made) > _MOST_SIGNATURE:
        return False
    try:
        point.verify(made, signed.encode("utf-8", "surrogatepass"), ec.ECDSA(SHA256()))
    except InvalidSignature:
        return False
    return True


def _bytes(text: str) -> bytes:
    """Nothing of what is no base64, or too long to be meant."""
    try:
        return base64.b64decode(text, validate=True) if len(text) <= _LONGEST else b""
    except (binascii.Error, ValueError):
        return b""
