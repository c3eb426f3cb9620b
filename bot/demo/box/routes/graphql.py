"""The little of GraphQL that a bot asks: who am I, how much may I ask, and merge this when it is ready.

It answers whole operations that it knows by name and refuses all others; it is no GraphQL server.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from bot.demo.box.automerge import enable
from bot.demo.box.call import Auth, Call, Reply, Route, ok
from bot.demo.box.errors import Refusal
from bot.demo.box.shapes.people import node_id
from bot.demo.box.world import stamp

FIELD = re.compile(r"\b(viewer|rateLimit|enablePullRequestAutoMerge|disablePullRequestAutoMerge)\b")


def failed(message: str, kind: str) -> Reply:
    """GraphQL's errors come with status 200."""
    return ok({"data": None, "errors": [{"type": kind, "message": message}]})


async def query(call: Call) -> Reply:
    """POST /graphql"""
    who = call.me
    text = call.text("query", "GraphQL")
    if not (fields := set(FIELD.findall(text))):
        return failed("The box does not know any field of this query", "undefinedField")
    data: dict[str, Any] = {}
    if "viewer" in fields:
        data["viewer"] = {"login": who.login, "id": node_id(who.kind, who.id)}
    if "rateLimit" in fields:
        bucket = call.world.limits.bucket(call.actor.identity, "graphql")
        kept = {key: value for key, value in bucket.shown().items() if key != "reset"}
        data["rateLimit"] = kept | {"cost": 1, "resetAt": stamp(bucket.reset)}
    for field in sorted(fields & {"enablePullRequestAutoMerge", "disablePullRequestAutoMerge"}):
        given = inputs(text, call.body.get("variables") or {})
        try:
            data[field] = {"pullRequest": await enable(call, given, on=field.startswith("enable"))}
        except Refusal as refusal:
            return failed(refusal.message, "UNPROCESSABLE")
    return ok({"data": data})


def inputs(text: str, variables: Mapping[str, Any]) -> Mapping[str, Any]:
    """The input object of a mutation: written out in the query, or in the variables."""
    given = dict(variables.get("input") or variables)
    for name, quoted, word, variable in re.findall(r'(\w+)\s*:\s*(?:"([^"]*)"|([A-Z_]+)|\$(\w+))', text):
        value = variables.get(variable) if variable else quoted or word
        if name in ("pullRequestId", "mergeMethod") and isinstance(value, str):
            given[name] = value
    return given


ROUTES = [Route("POST", "/graphql", query, Auth.ANY)]
