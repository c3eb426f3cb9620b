"""Where GitHub's description is wrong about GitHub: each place alone, each with its reason."""

from dataclasses import dataclass
from fnmatch import fnmatchcase

from tests.openapi.shapes import Fault, Json

STATUSES = "/repos/{owner}/{repo}/deployments/{deployment_id}/statuses"

NEWER_EVENTS = (
    "dependabot_alert",
    "deployment_protection_rule",
    "merge_group",
    "package",
    "security_advisory",
    "workflow_job",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiver:
    """A fault that is none. All but `why` are patterns of fnmatch: the operation with its status, the place in the
    body, the broken rule, and what the fault says."""

    where: str
    pointer: str
    rule: str
    why: str
    says: str = "*"

    def covers(self, where: str, fault: Fault) -> bool:
        """Is this the fault that we know of?"""
        has = ((where, self.where), (fault.pointer, self.pointer), (fault.rule, self.rule), (fault.says, self.says))
        return all(fnmatchcase(text, pattern) for text, pattern in has)


WAIVERS: tuple[Waiver, ...] = (
    Waiver(
        where="GET *",
        pointer="?created",
        rule="format",
        why="GitHub's pages give this parameter of workflow runs the syntax of its search, as in >=2026-01-01",
    ),
    Waiver(
        where="* 4??",
        pointer="/status",
        rule="unknown",
        why="every error body of GitHub carries its status as text; basic-error lists it, the other shapes forgot it",
    ),
    Waiver(
        where="POST /repos/{owner}/{repo}/deployments 409",
        pointer="/errors/*/contexts",
        rule="unknown",
        why="the description of this refusal is empty; GitHub names in it the contexts that are not green",
    ),
    Waiver(
        where="*",
        pointer="*/email",
        rule="format",
        says='"*[[]bot]@users.noreply.github.com" is not a "email"',
        why="a bot's commit address has brackets, which the format forbids; GitHub makes such addresses all the same",
    ),
    Waiver(
        where="GET /repos/{owner}/{repo}/pulls 200",
        pointer="/*/labels/*/description",
        rule="type",
        why="a label without a description has null there, as in a single pull request; the list's copy forgot it",
    ),
    *(
        Waiver(
            where="HOOK *",
            pointer="*app/events/*",
            rule="enum",
            says=f'"{event}" is not one of *',
            why="the events that an App inside a webhook may have are an old list; the newer events are not on it",
        )
        for event in NEWER_EVENTS
    ),
    *(
        Waiver(
            where=where,
            pointer="*/performed_via_github_app/client_id",
            rule="unknown",
            why="an App carries its client_id everywhere; the copy of its shape inside these webhooks is older",
        )
        for where in ("HOOK deployment*", "HOOK issues.*")
    ),
    Waiver(
        where="HOOK status",
        pointer="/commit/*/user_view_type",
        rule="unknown",
        why="an account carries it everywhere; the copy of its shape inside this webhook is older",
    ),
    *(
        Waiver(
            where=where,
            pointer=f"*/{name}",
            rule="format",
            says='"" is not a "uri"',
            why="an address that was not given is the empty text, as the default in the description of the answer says",
        )
        for name in ("environment_url", "log_url", "target_url")
        for where in ("HOOK deployment_status.created", f"* {STATUSES}*")
    ),
)


def corrected(api: Json) -> Json:
    """The description with what GitHub states in words only, and with one answer that it describes wrongly."""
    # More a page is clamped in silence, and a longer text is refused.
    api["components"]["parameters"]["per-page"]["schema"]["maximum"] = 100
    body = api["paths"][STATUSES]["post"]["requestBody"]["schema"]
    body["properties"]["description"]["maxLength"] = 140
    # The list wants an account that is a person and an enterprise at once (allOf), which GitHub's own example is not;
    # a single installation is described rightly.
    single = {"$ref": "#/components/schemas/installation"}
    api["paths"]["/app/installations"]["get"]["responses"]["200"]["schema"] = {"type": "array", "items": single}
    return api
