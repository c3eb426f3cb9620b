"""The least that GitHub promises: of a schema only the required fields, and null wherever null is allowed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

SLICE = Path(__file__).parent.parent / "openapi" / "slice"
TEXTS = {"date-time": "2026-03-04T12:00:00Z", "uri": "https://git.example/x", "email": "a@git.example"}
NAMES = {"full_name": "acme/shop"} | dict.fromkeys(
    ("sha", "head_sha", "after", "commit_id", "merge_commit_sha"), "a" * 40
)


@cache
def described(name: str) -> dict[str, Any]:
    """A file of the slice: api or webhooks."""
    return json.loads((SLICE / f"{name}.json").read_text())


def webhook(event: str) -> Any:
    """The barest payload of `event.action`."""
    hooks, api = described("webhooks"), described("api")
    schemas = api["components"]["schemas"] | hooks["components"]["schemas"]  # what both use stands in one of them
    return _barest(hooks["x-webhooks"][event], hooks | {"components": {"schemas": schemas}}, "")


def answer(method: str, path: str, status: str = "200") -> Any:
    """The barest body that an operation may answer."""
    api = described("api")
    schema = _resolved(api["paths"][path][method]["responses"][status]["schema"], api)
    return _barest(schema | {"nullable": False}, api, "")


def _resolved(schema: Any, document: Mapping[str, Any]) -> Any:
    while "$ref" in schema:
        kind, name = schema["$ref"].rsplit("/", 2)[1:]
        schema = document["components"][kind][name]
    return schema


def _barest(schema: Mapping[str, Any], document: Mapping[str, Any], name: str) -> Any:
    schema = _resolved(schema, document)
    types = schema.get("type")
    if schema.get("nullable") or (isinstance(types, list) and "null" in types):
        return None
    if "enum" in schema:
        return schema["enum"][0]
    if "properties" in schema or types == "object":
        return _object(schema, document)
    for word in ("oneOf", "anyOf"):
        if word in schema:
            return _barest(schema[word][0], document, name)
    if "allOf" in schema:
        return {key: value for part in schema["allOf"] for key, value in _barest(part, document, name).items()}
    return _plain(schema, document, name)


def _object(schema: Mapping[str, Any], document: Mapping[str, Any]) -> dict[str, Any]:
    known = schema.get("properties", {})
    return {name: _barest(known[name], document, name) for name in schema.get("required", ()) if name in known}


def _plain(schema: Mapping[str, Any], document: Mapping[str, Any], name: str) -> Any:
    match schema.get("type"):
        case "array":
            return [_barest(schema["items"], document, "")]
        case "integer" | "number":
            return 1
        case "boolean":
            return True
        case _:
            return NAMES.get(name) or TEXTS.get(schema.get("format", ""), "text")
