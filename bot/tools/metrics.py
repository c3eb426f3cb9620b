"""The few figures that everybody counts with, made once; a name here is a promise to whoever built a dashboard."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from bot.tools import tally

__all__ = ["CONTENT_TYPE", "REGISTRY", "exposition"]

REGISTRY = CollectorRegistry(auto_describe=True)
CONTENT_TYPE = CONTENT_TYPE_LATEST

# Labels are closed sets only: a repository or a component as a label would grow a series for each.
REQUESTS = Counter(
    "surefoot_http_requests", "Requests to indexes and other services, by outcome", ["outcome"], registry=REGISTRY
)
GITHUB = Counter("surefoot_github_requests", "Requests to GitHub, by outcome", ["outcome"], registry=REGISTRY)
DELIVERIES = Counter(
    "surefoot_deliveries",
    "Webhook deliveries, by event and what became of them",
    ["event", "outcome"],
    registry=REGISTRY,
)
STEPS = Counter(
    "surefoot_steps", "Steps that the loop ran, by state and outcome", ["state", "outcome"], registry=REGISTRY
)
STEP_SECONDS = Histogram(
    "surefoot_step_seconds",
    "How long a step took, by state",
    ["state"],
    registry=REGISTRY,
    buckets=(0.01, 0.05, 0.1, 0.5, 1, 5, 15, 60, 300, 900),
)
SIMULATIONS = Counter("surefoot_simulations", "Simulations, by grade", ["grade"], registry=REGISTRY)
SIMULATION_SECONDS = Histogram(
    "surefoot_simulation_seconds",
    "How long a simulation took",
    registry=REGISTRY,
    buckets=(1, 5, 15, 30, 60, 120, 300, 600, 1800),
)
UPDATES = Gauge("surefoot_updates", "Updates that have not ended, by state", ["state"], registry=REGISTRY)
STALE = Gauge(
    "surefoot_stale_sources",
    "Lists of releases that could not be renewed for so long that they are not used any more, by kind",
    ["kind"],
    registry=REGISTRY,
)
LAST_SUCCESS = Gauge(
    "surefoot_last_success_timestamp_seconds",
    "When this last worked (Unix time), by what it is",
    ["what"],
    registry=REGISTRY,
)

_COUNTED = {"requests": REQUESTS}
_PUT = {"stale": STALE, "last_success": LAST_SUCCESS}


def exposition() -> bytes:
    """All figures in the Prometheus text format; send with CONTENT_TYPE."""
    return generate_latest(REGISTRY)


tally.show(
    lambda figure, label, number: _COUNTED[figure].labels(label).inc(number),
    lambda figure, label, value: _PUT[figure].labels(label).set(value),
)
