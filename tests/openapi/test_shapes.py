"""Turning OpenAPI 3.0 into JSON Schema, telling unions apart, and reading values out of a URL."""

import json
from typing import Any, ClassVar

import jsonschema_rs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.openapi.parameters import read
from tests.openapi.shapes import Strangers, converted, faults
from tests.openapi.validate import SLICE


@pytest.mark.parametrize(
    "schema",
    [
        {"type": "string", "nullable": True},
        {"type": "string", "enum": ["a"], "nullable": True},
        {"allOf": [{"type": "string"}], "nullable": True},
        {"anyOf": [{"type": "string"}, {"type": "integer"}], "nullable": True},
        {"type": "object", "properties": {"nullable": {"type": "boolean"}}, "nullable": True},
    ],
)
def test_nullable_means_null_is_allowed(schema: dict[str, Any]) -> None:
    """In every way that OpenAPI 3.0 writes it; and without the word, null is refused."""
    assert jsonschema_rs.is_valid(converted(schema), None)
    bare = {word: value for word, value in schema.items() if word != "nullable"}
    assert not jsonschema_rs.is_valid(converted(bare), None)


def test_a_field_called_nullable_is_a_field() -> None:
    """Names of fields are not keywords."""
    made = converted({"type": "object", "properties": {"nullable": {"type": "boolean", "nullable": True}}})
    assert made == {"type": "object", "properties": {"nullable": {"type": ["boolean", "null"]}}}


def test_alternatives_may_overlap() -> None:
    """A refusal may fit both shapes that GitHub describes for it."""
    shapes = [{"type": "object", "properties": {"message": {"type": "string"}}}, {"type": "object"}]
    assert jsonschema_rs.is_valid(converted({"oneOf": shapes}), {"message": "no"})
    assert not jsonschema_rs.is_valid(converted({"oneOf": shapes}), "no")


@pytest.mark.parametrize("name", ["api", "webhooks"])
def test_the_slice_writes_alternatives_in_one_way_at_a_time(name: str) -> None:
    """So that turning one word into the other loses nothing."""
    found: list[Any] = [json.loads((SLICE / f"{name}.json").read_text())]
    while found:
        part = found.pop()
        if isinstance(part, dict):
            assert not {"oneOf", "anyOf"} <= part.keys()
            found += part.values()
        elif isinstance(part, list):
            found += part


def test_of_a_union_the_nearest_branch_speaks() -> None:
    """`null` or a person: for a person without a name it says so, not that it should be null."""
    person = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    validator = jsonschema_rs.Draft202012Validator({"properties": {"by": {"anyOf": [{"type": "null"}, person]}}})
    (fault,) = faults(validator, {"by": {"nom": "x"}})
    assert str(fault) == '/by: "name" is a required property'
    (fault,) = faults(validator, {"by": {"name": 5}})
    assert (fault.pointer, fault.rule) == ("/by/name", "type")


def test_a_long_message_is_cut_in_its_middle() -> None:
    """A whole pull request in an error helps nobody."""
    (fault,) = faults(jsonschema_rs.Draft202012Validator({"type": "string"}), {"x": "y" * 5000})
    assert len(str(fault)) < 300
    assert str(fault).endswith('is not of type "string"')


class TestStrangers:
    LISTED: ClassVar[dict[str, Any]] = {"type": "object", "properties": {"a": {"type": "integer"}}}

    def found(self, schema: dict[str, Any], body: object) -> list[str]:
        return [fault.pointer for fault in Strangers(components={"listed": self.LISTED}).of(schema, body)]

    def test_they_are_found_behind_references_lists_and_unions(self) -> None:
        """A field is known if any part that applies lists it."""
        schema = {"items": {"allOf": [{"$ref": "urn:x#/components/schemas/listed"}, {"properties": {"b": {}}}]}}
        assert self.found(schema, [{"a": 1, "b": 1}, {"c": 1}]) == ["/1/c"]

    def test_a_free_object_has_none(self) -> None:
        """A deployment's payload is the caller's own."""
        assert self.found({"type": "object"}, {"x": 1}) == []
        assert self.found({"anyOf": [self.LISTED, {"type": ["object", "null"]}]}, {"x": 1}) == []
        assert self.found({"anyOf": [self.LISTED, {"type": "string"}]}, {"x": 1}) == ["/x"]

    def test_true_in_a_branch_does_not_open_the_whole(self) -> None:
        """The update of a check run lists its fields beside a union whose branches say `true`."""
        branch = {"properties": {"b": {}}, "additionalProperties": True}
        assert self.found(self.LISTED | {"anyOf": [branch]}, {"a": 1, "b": 1, "c": 1}) == ["/c"]

    def test_further_fields_have_their_own_shape(self) -> None:
        """Permissions: some by name, the rest by a pattern; their values are looked into as well."""
        schema = self.LISTED | {"additionalProperties": self.LISTED}
        assert self.found(schema, {"a": 1, "more": {"a": 1, "z": 1}}) == ["/more/z"]


@pytest.mark.parametrize(
    ("schema", "text", "value"),
    [
        ({"type": "integer"}, "-12", -12),
        ({"type": "integer"}, "1.5", "1.5"),
        ({"type": "boolean"}, "true", True),
        ({"type": "boolean"}, "yes", "yes"),
        ({"type": "array", "items": {"type": "integer"}}, "1,2", [1, 2]),
        ({}, "1", "1"),
    ],
)
def test_a_text_is_read_as_its_schema_wants(schema: dict[str, Any], text: str, value: object) -> None:
    """What cannot be read stays text, and then fails its schema."""
    assert read(schema, text) == value


@given(st.integers())
def test_every_number_reads_back(number: int) -> None:
    """Ids are large; none is lost."""
    assert read({"type": "integer"}, str(number)) == number
