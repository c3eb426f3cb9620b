"""The cut: it keeps shapes and drops prose, refuses a misspelled line, and the committed slice is its work."""

import hashlib
import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.openapi import cut

WHOLE: dict[str, Any] = {
    "openapi": "3.0.3",
    "info": {"version": "1.2.3"},
    "paths": {
        "/things/{id}": {
            "get": {
                "summary": "Get a thing",
                "parameters": [{"$ref": "#/components/parameters/id"}],
                "responses": {
                    "200": {
                        "description": "Response",
                        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/thing"}}},
                    },
                    "404": {"$ref": "#/components/responses/not_found"},
                },
            },
            "delete": {"responses": {"204": {"description": "Gone"}}},
        },
    },
    "x-webhooks": {
        "thing-made-anew": {
            "post": {
                "operationId": "thing/made-anew",
                "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/hook"}}}},
            }
        }
    },
    "components": {
        "parameters": {"id": {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}, "x": 1}},
        "responses": {
            "not_found": {
                "description": "No",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/basic-error"}}},
            }
        },
        "schemas": {
            "thing": {
                "title": "Thing",
                "description": "A thing",
                "type": "object",
                "required": ["title"],
                "properties": {
                    "title": {"type": "string", "example": "x", "nullable": True},
                    "description": {"$ref": "#/components/schemas/text"},
                },
            },
            "text": {"type": "string", "default": "", "maxLength": 9},
            "hook": {"type": "object", "properties": {"thing": {"$ref": "#/components/schemas/thing"}}},
            "basic-error": {"type": "object", "properties": {"message": {"type": "string"}}},
            "validation-error": {"type": "object", "properties": {"errors": {"type": "array"}}},
            "unused": {"type": "object"},
        },
    },
}
LINES = [("GET", "/things/{id}"), ("HOOK", "thing")]


def test_shapes_stay_and_prose_goes() -> None:
    """A field that is called `description` stays; a description goes."""
    api, _ = cut.cut(WHOLE, LINES)
    assert api["components"]["schemas"]["thing"] == {
        "properties": {
            "description": {"$ref": "#/components/schemas/text"},
            "title": {"nullable": True, "type": "string"},
        },
        "required": ["title"],
        "type": "object",
    }
    assert api["components"]["schemas"]["text"] == {"maxLength": 9, "type": "string"}


def test_only_what_is_reached_is_kept() -> None:
    """The closure of the operations named, and of the webhooks what the operations do not bring already."""
    api, hooks = cut.cut(WHOLE, LINES)
    assert set(api["paths"]["/things/{id}"]) == {"get"}
    assert set(api["components"]["schemas"]) == {"thing", "text", "basic-error", "validation-error"}
    assert set(hooks["x-webhooks"]) == {"thing.made_anew"}
    assert set(hooks["components"]["schemas"]) == {"hook"}


@pytest.mark.parametrize(
    "line", [("GET", "/thing/{id}"), ("PUT", "/things/{id}"), ("HOOK", "thing.eaten"), ("HOOK", "th")]
)
def test_a_line_that_github_does_not_describe_is_refused(line: tuple[str, str]) -> None:
    """A misspelled path must not end as an operation that nobody checks."""
    with pytest.raises(SystemExit, match=line[1].replace("{", r"\{")):
        cut.cut(WHOLE, [line])


def test_another_package_is_refused(tmp_path: Path) -> None:
    """The slice says which package it is cut from, so that package it is."""
    other = tmp_path / "other.tgz"
    other.write_bytes(b"not it")
    with pytest.raises(SystemExit, match="is not @octokit/openapi"):
        cut.unpacked(other)


def test_the_same_package_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run twice, the cut writes the same three files; the licence stands in the notice."""
    package = tmp_path / "package.tgz"
    with tarfile.open(package, "w:gz") as tar:
        for name, text in (("generated/api.github.com.json", json.dumps(WHOLE)), ("LICENSE", "MIT License")):
            entry = tarfile.TarInfo(f"package/{name}")
            entry.size = len(text)
            tar.addfile(entry, io.BytesIO(text.encode()))
    monkeypatch.setattr(cut, "SHA256", hashlib.sha256(package.read_bytes()).hexdigest())
    monkeypatch.setattr(cut, "HERE", tmp_path)
    (tmp_path / "paths.txt").write_text("# things\nGET /things/{id}  # one\n\nHOOK thing\n")
    written = []
    for _ in range(2):
        cut.main([str(package)])
        written.append({path.name: path.read_bytes() for path in (tmp_path / "slice").iterdir()})
    assert written[0] == written[1]
    assert b"MIT License" in written[0]["NOTICE"]
    assert json.loads(written[0]["api.json"]) == cut.cut(WHOLE, LINES)[0]


def test_one_line_is_one_schema() -> None:
    """What is written reads back the same, and a schema stands on one line."""
    api, _ = cut.cut(WHOLE, LINES)
    text = cut.written(api, depth=3)
    assert json.loads(text) == api
    assert sum('"thing": ' in line for line in text.splitlines()) == 1


def test_the_slice_holds_what_the_table_says() -> None:
    """paths.txt and the committed slice agree; if not, run cut.py again."""
    lines = cut.table((cut.HERE / "paths.txt").read_text())
    api, hooks = (json.loads((cut.HERE / "slice" / f"{name}.json").read_text()) for name in ("api", "webhooks"))
    operations = {(method.upper(), path) for path, each in api["paths"].items() for method in each}
    assert operations == {line for line in lines if line[0] != "HOOK"}
    events = [event for method, event in lines if method == "HOOK"]
    assert all(cut.hook_names(event, hooks["x-webhooks"]) for event in events)
    assert {name for event in events for name in cut.hook_names(event, hooks["x-webhooks"])} == set(hooks["x-webhooks"])
    assert f"@octokit/openapi@{api['info']['version']}" == cut.PACKAGE


def test_every_reference_of_the_slice_leads_somewhere() -> None:
    """The closure is whole."""
    api, hooks = (json.loads((cut.HERE / "slice" / f"{name}.json").read_text()) for name in ("api", "webhooks"))
    parts = {kind: api["components"][kind] | hooks["components"][kind] for kind in cut.CUT}
    for reference in cut.references([api, hooks]):
        _, _, kind, name = reference.split("/")
        assert name in parts[kind]
