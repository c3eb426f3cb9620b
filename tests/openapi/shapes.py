"""Shapes of OpenAPI 3.0 made checkable: turned into JSON Schema, errors told in one line, strangers found.

GitHub ignores a field that it does not know, so a typo in a request passes in silence; and a field that our box
invents would be read by the bot and be missing on the day. Therefore a field that no schema lists is an error here.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jsonschema_rs

Json = dict[str, Any]
BASE = "urn:github"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """Something that is wrong at one place of a body. `rule` is the broken keyword, or `unknown`."""

    pointer: str
    rule: str
    says: str

    def __str__(self) -> str:
        return f"{self.pointer or '/'}: {self.says}"


def converted(raw: Any) -> Any:
    """JSON Schema for an OpenAPI 3.0 schema: `nullable` becomes a type, references become absolute.

    `oneOf` becomes `anyOf`: GitHub lists alternatives that overlap (two shapes of the same error), and means "any".
    """
    if isinstance(raw, list):
        return [converted(each) for each in raw]
    if not isinstance(raw, dict):
        return raw
    if isinstance(raw.get("$ref"), str):
        return {"$ref": BASE + raw["$ref"]}
    words = {"anyOf" if word == "oneOf" else word: value for word, value in raw.items() if word != "nullable"}
    made = {word: _converted_word(word, value) for word, value in words.items()}
    return _or_null(made) if raw.get("nullable") is True else made


def _converted_word(word: str, value: Any) -> Any:
    if word == "properties":
        return {name: converted(each) for name, each in value.items()}
    return value if word in ("enum", "required") else converted(value)


def _or_null(made: Json) -> Json:
    if "enum" in made and None not in made["enum"]:
        made = made | {"enum": [*made["enum"], None]}
    if "allOf" in made or "anyOf" in made:
        return {"anyOf": [made, {"type": "null"}]}
    return made | {"type": [made["type"], "null"]} if isinstance(made.get("type"), str) else made


def faults(validator: Any, body: object) -> list[Fault]:
    """What a compiled validator finds wrong in `body`, each with its place."""
    return [_nearest(error) for error in validator.iter_errors(body)]


def _nearest(error: jsonschema_rs.ValidationError) -> Fault:
    """The error, or where a union failed, the first error of the branch that nearly fitted."""
    branches = [branch for branch in getattr(error.kind, "context", []) if branch]
    if branches:
        nearest = max(branches, key=lambda branch: _nearness(branch, len(error.instance_path)))
        return _nearest(max(nearest, key=lambda each: len(each.instance_path)))
    pointer = "".join(f"/{step}" for step in error.instance_path)
    says = error.message if len(error.message) < 300 else f"{error.message[:120]} … {error.message[-120:]}"
    return Fault(pointer=pointer, rule=error.kind.name, says=says)


def _nearness(branch: list[jsonschema_rs.ValidationError], depth: int) -> tuple[bool, int, int]:
    """How near a branch of a union at `depth` came: of the right type at all, then deep in, then with few errors."""
    right_type = not any(error.kind.name == "type" and len(error.instance_path) == depth for error in branch)
    return right_type, max(len(error.instance_path) for error in branch), -len(branch)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strangers:
    """Finds the fields that no schema lists. `components` are the converted ones that references point into."""

    components: Mapping[str, Json]

    def of(self, schema: Json, body: object) -> list[Fault]:
        """The fields of `body`, at any depth, that neither `schema` nor what it refers to knows."""
        return list(self._walk([schema], body, ""))

    def _walk(self, schemas: list[Json], body: object, pointer: str) -> Iterator[Fault]:
        flat = [part for each in schemas for part in self._flat(each)]
        if isinstance(body, list):
            items = [part["items"] for part in flat if "items" in part]
            for index, each in enumerate(body):
                yield from self._walk(items, each, f"{pointer}/{index}")
        elif isinstance(body, dict):
            yield from self._walk_object(flat, body, pointer)

    def _walk_object(self, flat: list[Json], body: Json, pointer: str) -> Iterator[Fault]:
        free = [part for part in flat if _is_free(part)]
        if free or not any("properties" in part for part in flat):
            return
        rest = [part["additionalProperties"] for part in flat if isinstance(part.get("additionalProperties"), dict)]
        for name, value in body.items():
            known = [part["properties"][name] for part in flat if name in part.get("properties", {})]
            if known or rest:
                yield from self._walk(known or rest, value, f"{pointer}/{name}")
            else:
                yield Fault(pointer=f"{pointer}/{name}", rule="unknown", says="GitHub knows no such field here")

    def _flat(self, schema: Json) -> Iterator[Json]:
        """`schema` and every part of its unions, with references followed: what may apply at one place."""
        if "$ref" in schema:
            yield from self._flat(self.components[schema["$ref"].rsplit("/", 1)[1]])
            return
        yield schema
        for word in ("allOf", "anyOf", "oneOf"):
            for part in schema.get(word, ()):
                yield from self._flat(part)


def _is_free(part: Json) -> bool:
    """Does this part let any field in? `{"type": "object"}` alone does; one branch of a union with `true` does not,
    for GitHub writes `additionalProperties: true` there about the fields that the other parts list."""
    lists_fields = any(word in part for word in ("properties", "allOf", "anyOf", "oneOf"))
    is_object = "object" in (kinds if isinstance(kinds := part.get("type"), list) else [kinds])
    return is_object and not lists_fields and part.get("additionalProperties", True) is True
