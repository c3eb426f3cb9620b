"""Cuts the slice of GitHub's published API description that we check against: shapes only, no prose.

The description is the npm package `@octokit/openapi` (MIT). `python tests/openapi/cut.py` fetches it with `npm pack`,
`python tests/openapi/cut.py PACKAGE.tgz` takes one that is already here. Which operations and webhooks are kept is
said in `paths.txt`. The same package and table give the same bytes, so a diff of the slice is a diff of the API.
"""

import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

PACKAGE = "@octokit/openapi@23.0.2"
SHA256 = "71a18407dd5e8464f4e0525daf03deabbe65abd9287d6adc7b5d98f516cd0d0c"
HERE = Path(__file__).parent

Json = dict[str, Any]

# What a validator reads. Everything else in a schema (description, example, title, default, deprecated, x-…) is prose.
# fmt: off
KEYWORDS = frozenset({
    "$ref", "additionalProperties", "allOf", "anyOf", "enum", "format", "items", "maxItems", "maxLength",
    "maxProperties", "maximum", "minItems", "minLength", "minimum", "not", "nullable", "oneOf",
    "pattern", "properties", "required", "type", "uniqueItems",
})
# fmt: on


def schema(raw: Any) -> Any:
    """The shape that `raw` describes: its validating keywords, in a fixed order, all the way down."""
    if isinstance(raw, list):
        return [schema(each) for each in raw]
    if not isinstance(raw, dict):
        return raw
    kept = {}
    for word in sorted(KEYWORDS & raw.keys()):
        value = raw[word]
        if word == "properties":
            value = {name: schema(each) for name, each in sorted(value.items())}
        elif word not in ("enum", "required"):
            value = schema(value)
        kept[word] = value
    return kept


def content(raw: Mapping[str, Any]) -> Json:
    """The JSON schema of a body, or nothing where the body is not JSON (a diff, a redirect, an empty answer)."""
    body = raw.get("content", {}).get("application/json")
    return {"schema": schema(body["schema"])} if body and "schema" in body else {}


def parameter(raw: Mapping[str, Any]) -> Json:
    """Where a parameter stands and what it may be. `x-multi-segment` says that its value may hold slashes."""
    if "$ref" in raw:
        return {"$ref": raw["$ref"]}
    kept: Json = {"name": raw["name"], "in": raw["in"]}
    if raw.get("required"):
        kept["required"] = True
    if raw.get("x-multi-segment"):
        kept["x-multi-segment"] = True
    return kept | {"schema": schema(raw["schema"])}


def answer(raw: Mapping[str, Any]) -> Json:
    """One documented answer of an operation: a reference to a shared one, or its own body."""
    return {"$ref": raw["$ref"]} if "$ref" in raw else content(raw)


def operation(raw: Mapping[str, Any]) -> Json:
    """One method of one path: parameters, request body, answers by status."""
    kept: Json = {"parameters": [parameter(each) for each in raw.get("parameters", [])]}
    if body := raw.get("requestBody"):
        kept["requestBody"] = {"required": bool(body.get("required"))} | content(body)
    kept["responses"] = {status: answer(each) for status, each in sorted(raw["responses"].items())}
    return kept


def references(part: Any) -> Iterator[str]:
    """Every `#/components/…` that `part` names."""
    if isinstance(part, dict):
        if isinstance(part.get("$ref"), str):
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


CUT = {"schemas": schema, "parameters": parameter, "responses": answer}


def closure(parts: Any, components: Json, *, known: Mapping[str, Json] | None = None) -> dict[str, Json]:
    """Every component that `parts` reach, by kind and name; those in `known` are left out, with what they reach."""
    seen: dict[str, Json] = {kind: {} for kind in CUT}
    queue = list(references(parts))
    while queue:
        _, _, kind, name = queue.pop().split("/")
        if name in seen[kind] or name in (known or {}).get(kind, {}):
            continue
        seen[kind][name] = CUT[kind](components[kind][name])
        queue += references(seen[kind][name])
    return {kind: dict(sorted(found.items())) for kind, found in seen.items()}


def table(text: str) -> list[tuple[str, str]]:
    """The lines of `paths.txt` as (METHOD or HOOK, path or event)."""
    lines = (line.split("#")[0].split() for line in text.splitlines())
    return [(words[0], words[1]) for words in lines if words]


def wanted_paths(lines: Iterable[tuple[str, str]], paths: Json) -> dict[str, Json]:
    """The operations of the table. One that GitHub does not describe is an error: it may be misspelled."""
    kept: dict[str, Json] = {}
    for method, path in lines:
        if method == "HOOK":
            continue
        if method.lower() not in paths.get(path, {}):
            raise SystemExit(f"paths.txt: GitHub describes no {method} {path}; compare its spelling with {PACKAGE}")
        kept.setdefault(path, {})[method.lower()] = operation(paths[path][method.lower()])
    return {path: dict(sorted(kept[path].items())) for path in sorted(kept)}


def hook_names(event: str, names: Iterable[str]) -> list[str]:
    """The names that `event` or `event.action` stands for. `check_run` is every action of it, and no `check_run_x`."""
    return [name for name in names if name == event or name.startswith(f"{event}.")]


def event_of(raw: Mapping[str, Any]) -> str:
    """The operation `check-run/requested-action` carries the event `check_run` with the action `requested_action`."""
    return str(raw["post"]["operationId"]).replace("-", "_").replace("/", ".")


def wanted_hooks(lines: Iterable[tuple[str, str]], raw: Json) -> dict[str, Json]:
    """The webhooks of the table as `event.action` -> the schema of its payload."""
    known = {event_of(hook): hook for hook in raw.values()}
    kept: dict[str, Json] = {}
    for method, event in lines:
        if method != "HOOK":
            continue
        names = hook_names(event, known)
        if not names:
            raise SystemExit(f"paths.txt: GitHub describes no webhook {event}")
        kept |= {name: content(known[name]["post"]["requestBody"]).get("schema", {}) for name in names}
    return dict(sorted(kept.items()))


def written(part: Mapping[str, Any], *, depth: int) -> str:
    """JSON with one line for every entry down to `depth`: a change of one schema is a change of one line."""
    if depth == 0 or not part:
        return json.dumps(part, separators=(",", ":"), ensure_ascii=False)
    entries = (
        f"{json.dumps(key)}: {written(value, depth=depth - 1) if isinstance(value, dict) else json.dumps(value)}"
        for key, value in part.items()
    )
    return "{\n" + ",\n".join(entries) + "\n}"


def fetched(folder: Path) -> Path:
    """The package, from the registry that npm on this machine is set up for."""
    subprocess.run(["npm", "pack", PACKAGE, "--pack-destination", str(folder)], check=True, stdout=subprocess.DEVNULL)
    return next(folder.glob("*.tgz"))


def unpacked(package: Path) -> tuple[Json, str]:
    """The description and the licence in `package`, after a look that it is the one we know."""
    found = hashlib.sha256(package.read_bytes()).hexdigest()
    if found != SHA256:
        raise SystemExit(f"{package} is not {PACKAGE} (SHA-256 {found}); a new version needs a new PACKAGE and SHA256")
    with tarfile.open(package) as tar:
        texts = [
            tar.extractfile(f"package/{name}").read()  # type: ignore[union-attr]  # it is a file there
            for name in ("generated/api.github.com.json", "LICENSE")
        ]
    return json.loads(texts[0]), texts[1].decode()


def cut(whole: Json, lines: list[tuple[str, str]]) -> tuple[Json, Json]:
    """The two files of the slice: the API, and the webhooks with what only they use."""
    info = {"title": "A slice of GitHub's REST API description, without prose", "version": whole["info"]["version"]}
    head = {"openapi": whole["openapi"], "info": info}
    paths = wanted_paths(lines, whole["paths"])
    # An error that an operation does not list has one of these shapes too; the validator falls back on them.
    errors = [{"$ref": f"#/components/schemas/{name}"} for name in ("basic-error", "validation-error")]
    shared = closure([paths, errors], whole["components"])
    hooks = wanted_hooks(lines, whole["x-webhooks"])
    own = closure(hooks, whole["components"], known=shared)
    return head | {"paths": paths, "components": shared}, head | {"x-webhooks": hooks, "components": own}


def main(arguments: list[str]) -> None:
    """Write `slice/api.json`, `slice/webhooks.json` and `slice/NOTICE`."""
    with tempfile.TemporaryDirectory() as folder:
        whole, licence = unpacked(Path(arguments[0]) if arguments else fetched(Path(folder)))
    api, hooks = cut(whole, table((HERE / "paths.txt").read_text()))
    target = HERE / "slice"
    target.mkdir(exist_ok=True)
    (target / "api.json").write_text(written(api, depth=3) + "\n")
    (target / "webhooks.json").write_text(written(hooks, depth=3) + "\n")
    notice = f"api.json and webhooks.json are cut from the npm package {PACKAGE}, which comes under this licence:\n\n"
    (target / "NOTICE").write_text(notice + licence)


if __name__ == "__main__":
    main(sys.argv[1:])
