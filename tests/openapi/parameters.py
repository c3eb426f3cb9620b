"""What stands in a URL, checked: every value is of its kind, and no query parameter is one that GitHub ignores."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.openapi.shapes import Fault, Json

# Asks whether a value fits a schema; the first argument names the schema, so that it is compiled once.
Check = Callable[[str, Json, object], list[Fault]]


def read(schema: Json, text: str) -> Any:
    """`text` as the JSON value that `schema` wants; where it cannot be one, `text` itself, which then fails."""
    match schema.get("type"):
        case "integer" if text.removeprefix("-").isdecimal():
            return int(text)
        case "boolean" if text in ("true", "false"):
            return text == "true"
        case "array":
            return [read(schema.get("items", {}), each) for each in text.split(",")]
        case _:
            return text


def described(operation: Json, components: Json, place: str) -> dict[str, Json]:
    """The parameters of `operation` that stand in `place` (`path` or `query`), by name."""
    resolved = (
        components["parameters"][raw["$ref"].rsplit("/", 1)[1]] if "$ref" in raw else raw
        for raw in operation["parameters"]
    )
    return {each["name"]: each for each in resolved if each["in"] == place}


def path_faults(known: Mapping[str, Json], values: Mapping[str, str], check: Check) -> list[Fault]:
    """The values in the path that are not of their kind, such as a word for a number."""
    return [
        Fault(pointer=f"{{{name}}}", rule=fault.rule, says=fault.says)
        for name, value in values.items()
        for fault in check(f"{{{name}}}", known[name]["schema"], read(known[name]["schema"], value))
    ]


def query_faults(known: Mapping[str, Json], query: Mapping[str, str], check: Check) -> list[Fault]:
    """Query parameters that are unknown, missing, or not of their kind."""
    wrong = [
        Fault(pointer=f"?{name}", rule="unknown", says="GitHub knows no such query parameter here")
        for name in sorted(query.keys() - known.keys())
    ]
    wrong += [
        Fault(pointer=f"?{name}", rule="required", says="this query parameter is required")
        for name, each in known.items()
        if each.get("required") and name not in query
    ]
    return wrong + [
        Fault(pointer=f"?{name}", rule=fault.rule, says=fault.says)
        for name in sorted(query.keys() & known.keys())
        for fault in check(f"?{name}", known[name]["schema"], read(known[name]["schema"], query[name]))
    ]
