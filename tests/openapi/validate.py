"""GitHub's word on a request, an answer or a webhook: every check here reads the published description, never us."""

import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs

from tests.openapi.parameters import described, path_faults, query_faults
from tests.openapi.routes import Routes
from tests.openapi.shapes import BASE, Fault, Json, Strangers, converted, faults
from tests.openapi.waivers import WAIVERS, corrected

SLICE = Path(__file__).parent / "slice"
# The two shapes of a refusal, for those that an operation lists without their body or not at all.
ERROR = {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("basic-error", "validation-error")]}


class Schemas:
    """The slice, ready to check with. Each question answers with the list of what is wrong; an empty one is a yes."""

    def __init__(self, api: Json, hooks: Json) -> None:
        """Take the two files of the slice, parsed."""
        schemas = converted(api["components"]["schemas"] | hooks["components"]["schemas"])
        self._paths: Json = api["paths"]
        self._components: Json = api["components"]
        self._hooks: Json = hooks["x-webhooks"]
        # One registry for all validators: with the components inside each of them, they would take gigabytes.
        self._registry = jsonschema_rs.Registry([(BASE, {"components": {"schemas": schemas}})])
        self._strangers = Strangers(components=schemas)
        self._compiled: dict[str, tuple[Json, Any]] = {}
        self._routes = Routes(self._paths, {path: self._slashed(path) for path in self._paths})

    @staticmethod
    @cache
    def load() -> "Schemas":
        """The committed slice; read and prepared once for a test run."""
        api, hooks = (json.loads((SLICE / f"{name}.json").read_text()) for name in ("api", "webhooks"))
        return Schemas(corrected(api), hooks)

    def request(self, method: str, path: str, query: Mapping[str, str], body: object) -> list[str]:
        """What GitHub would refuse or silently ignore. `path` as in the URL, `body` parsed JSON or None for none."""
        found = self._routes.find(method, path)
        if found is None:
            return [_unknown(method, path)]
        where, operation = self._operation(method, found[0])

        def check(name: str, schema: Json, value: object) -> list[Fault]:
            return self._body(f"{where} {name}", schema, value)

        wrong = path_faults(described(operation, self._components, "path"), found[1], check)
        wrong += query_faults(described(operation, self._components, "query"), query, check)
        return _told(where, wrong + self._request_body(where, operation.get("requestBody", {}), body))

    def response(self, method: str, path: str, status: int, body: object) -> list[str]:
        """Where an answer differs from GitHub's. `body`: parsed JSON; None for none; bytes where it is not JSON."""
        found = self._routes.find(method, path)
        if found is None:
            return [_unknown(method, path)]
        where, operation = self._operation(method, found[0])
        answers = operation["responses"]
        known = str(status) in answers
        wrong = self._answer(where, status, answers[str(status)], body) if known else self._other(where, status, body)
        return _told(f"{where} {status}", wrong)

    def webhook(self, event: str, payload: object) -> list[str]:
        """Where a webhook differs from GitHub's. `event` as in the header X-GitHub-Event."""
        action = payload.get("action") if isinstance(payload, dict) else None
        name = event if event in self._hooks else f"{event}.{action}"
        if name not in self._hooks:
            return [f"HOOK {name}: GitHub sends no such webhook, or paths.txt lacks it"]
        return _told(f"HOOK {name}", self._body(f"HOOK {name}", self._hooks[name], payload))

    def template(self, method: str, path: str) -> str | None:
        """The path of the description that a concrete path belongs to, for counting what was covered."""
        found = self._routes.find(method, path)
        return found[0] if found else None

    def operations(self) -> set[tuple[str, str]]:
        """Every (METHOD, path) of the slice."""
        return {(method.upper(), path) for path, each in self._paths.items() for method in each}

    def _operation(self, method: str, template: str) -> tuple[str, Json]:
        return f"{method.upper()} {template}", self._paths[template][method.lower()]

    def _slashed(self, path: str) -> set[str]:
        every = (described(operation, self._components, "path") for operation in self._paths[path].values())
        return {name for known in every for name, each in known.items() if each.get("x-multi-segment")}

    def _body(self, where: str, schema: Json, body: object) -> list[Fault]:
        if where not in self._compiled:
            ready = converted(schema)
            self._compiled[where] = (
                ready,
                jsonschema_rs.Draft202012Validator(ready, registry=self._registry, validate_formats=True),
            )
        ready, validator = self._compiled[where]
        return faults(validator, body) + self._strangers.of(ready, body)

    def _request_body(self, where: str, known: Json, body: object) -> list[Fault]:
        if body is None:
            missing = Fault(pointer="", rule="required", says="this operation needs a body")
            return [missing] if known.get("required") else []
        if isinstance(body, bytes):
            return [Fault(pointer="", rule="type", says="the body is no JSON")]
        if "schema" not in known:
            return [] if body == {} else [Fault(pointer="", rule="unknown", says="this operation takes no body")]
        return self._body(where, known["schema"], body)

    def _answer(self, where: str, status: int, known: Json, body: object) -> list[Fault]:
        if "$ref" in known:
            known = self._components["responses"][known["$ref"].rsplit("/", 1)[1]]
        if isinstance(body, bytes):
            return []
        if "schema" in known:
            return self._body(f"{where} {status}", known["schema"], body)
        if body is None:
            return []
        if status >= 400:
            return self._body("any error", ERROR, body)  # listed by its status alone; it has the common shape
        return [Fault(pointer="", rule="unknown", says="this answer has no JSON body")]

    def _other(self, where: str, status: int, body: object) -> list[Fault]:
        """An answer that the operation does not list: an error in the common shape, a 304, or a mistake.

        GitHub's pages on redirects: a renamed repository leads on from its old name, whatever was asked of it.
        """
        if status >= 400 or (status in (301, 307) and " /repos/{owner}/{repo}" in where):
            return self._body("any error", ERROR, body)
        if status == 304 and where.startswith("GET") and body is None:
            return []
        return [Fault(pointer="", rule="status", says="GitHub's description lists no such answer here")]


def _unknown(method: str, path: str) -> str:
    return f"{method.upper()} {path}: GitHub has no such operation, or paths.txt lacks it"


def _told(where: str, wrong: Iterable[Fault]) -> list[str]:
    """The faults that no waiver covers, each with its place."""
    return [f"{where} {fault}" for fault in wrong if not any(waiver.covers(where, fault) for waiver in WAIVERS)]
