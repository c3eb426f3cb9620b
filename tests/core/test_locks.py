"""A manifest that is bound by a lock file is never moved without it."""

from __future__ import annotations

import pytest

from bot.core.locks import bound, locks_of
from bot.core.model import Component, Pin, Release
from bot.core.rewriting import moving


@pytest.mark.parametrize(
    ("path", "files", "locks"),
    [
        ("package.json", {"package-lock.json"}, ("package-lock.json",)),
        ("web/app/package.json", {"web/yarn.lock", "yarn.lock"}, ("web/yarn.lock",)),
        ("web/package.json", {"api/package-lock.json"}, ()),
        ("pyproject.toml", {"uv.lock", "poetry.lock"}, ("uv.lock", "poetry.lock")),
        ("infra/main.tf", {"infra/.terraform.lock.hcl"}, ("infra/.terraform.lock.hcl",)),
        ("src/shop.csproj", {"src/packages.lock.json"}, ("src/packages.lock.json",)),
        ("Dockerfile", {"uv.lock", "package-lock.json"}, ()),
        ("requirements.txt", {"uv.lock"}, ()),
    ],
)
def test_the_nearest_lock_file_binds(path: str, files: set[str], locks: tuple[str, ...]) -> None:
    """Beside the manifest, or above it in a workspace; a neighbour's has nothing to do with it."""
    assert locks_of(path, files) == locks


def test_a_bound_pin_is_told_and_so_is_a_range_that_moves() -> None:
    """The sentence names the lock file and the manifest; a range is asked about only where it is to be widened."""
    pin = Pin(path="web/Chart.yaml", line=3, column=5, manifest="helm_chart",
              component=Component(name="web", ecosystem="helm"), requirement="1.0.0", version="1.0.0")  # fmt: skip
    ranged = Pin(path="web/Chart.yaml", line=3, column=5, manifest="helm_chart",
                 component=Component(name="web", ecosystem="helm"), requirement="^1.0", widens=True)  # fmt: skip
    two = Release(version="2.0.0")

    why = bound(moving([ranged, pin], two, widen=False), {"Chart.lock"})
    assert "web/Chart.yaml is bound by a lock file: Chart.lock is not made anew" in why
    assert bound(moving([ranged], two, widen=False), {"Chart.lock"}) == ""
    assert bound(moving([ranged], two, widen=True), {"Chart.lock"}) == why
    assert bound(moving([ranged], Release(version="1.9.0"), widen=True), {"Chart.lock"}) == ""
    assert bound([pin], {"web/Chart.yaml"}) == ""


def test_what_is_made_anew_binds_nobody() -> None:
    """A lock file whose tool is started here follows its manifest."""
    pin = Pin(path="package.json", line=3, column=5, manifest="package_json", component=Component(name="left-pad"),
              requirement="1.0.0", version="1.0.0")  # fmt: skip

    assert bound([pin], {"package-lock.json"}) == ""
    assert "bun.lockb is not made anew: it is no text" in bound([pin], {"bun.lockb", "package-lock.json"})
