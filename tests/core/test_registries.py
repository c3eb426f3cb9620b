"""Whom a file may name: the operator's list decides, however a place is written, and what is no host never passes."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from bot.core.model import Component
from bot.core.registries import refusal

ALLOW = {
    "npm": ("registry.example", "*.acme.example:8443"),
    "docker": ("docker.io", "*.acme.example"),
    "terraform": ("registry.example",),
    "git": ("git.example",),
    "http": (),
}


def named(ecosystem: str, name: str = "pad", registry: str = "") -> Component:
    """A component as its file names it."""
    return Component(name=name, ecosystem=ecosystem, registry=registry)


@pytest.mark.parametrize(
    "component",
    [
        named("npm"),
        named("npm", registry="https://registry.example/npm/"),
        named("npm", registry="https://Registry.Example:4873"),
        named("npm", registry="https://npm.acme.example:8443"),
        named("cargo", registry="sparse+https://anywhere.example/index"),
        named("docker", "python"),
        named("docker", "library/python"),
        named("docker", "docker.io/library/python"),
        named("docker", "images.acme.example:5000/shop"),
        named("docker", "quay.io/shop", "https://mirror.acme.example"),
        named("docker", "shop", "oci://mirror.acme.example/team"),
        named("terraform", "hashicorp/aws"),
        named("terraform", "registry.example/acme/aws"),
        named("git", "acme/tool"),
        named("git", "git.example/acme/tool", "https://git.example/acme/tool"),
        named("http"),
    ],
)
def test_what_is_on_the_list_may_come(component: Component) -> None:
    """And what names no place at all, and every ecosystem that the list does not speak of."""
    assert refusal(component, ALLOW) == ""


@pytest.mark.parametrize(
    ("component", "host"),
    [
        (named("npm", registry="https://evil.example/npm"), "evil.example"),
        (named("npm", registry="https://registry.example.evil.example"), "registry.example.evil.example"),
        (named("npm", registry="https://registry.example@evil.example/"), "evil.example"),
        (named("npm", registry="https://evil.example/registry.example"), "evil.example"),
        (named("npm", registry="https://evil.example?registry.example"), "evil.example"),
        (named("npm", registry="https://evil.example#.registry.example"), "evil.example"),
        (named("npm", registry="//registry.example"), "''"),
        (named("npm", registry="https://npm.acme.example"), "npm.acme.example"),
        (named("npm", registry="https://npm.acme.example:443"), "npm.acme.example:443"),
        (named("npm", registry="https://[::1]/"), "[::1]"),
        (named("docker", "quay.io/shop"), "quay.io"),
        (named("docker", "localhost/shop"), "localhost"),
        (named("docker", "docker.io/shop", "https://quay.io"), "quay.io"),
        (named("terraform", "evil.example/acme/aws", "https://registry.example"), "evil.example"),
        (named("git", "evil.example/tool", "https://git.example/tool"), "evil.example"),
        (named("git", "evil.example:8443/tool"), "evil.example:8443"),
        (named("http", registry="https://status.example/v"), "status.example"),
    ],
)
def test_what_is_not_is_named_with_its_host(component: Component, host: str) -> None:
    """However it tries to look like another place."""
    assert f"{component.name} may not be taken from {host}: the operator allows " in refusal(component, ALLOW)


@pytest.mark.parametrize("trick", ["registry.example\\@evil.example", "evil.example\\.acme.example:8443", "a b", "\t"])
def test_what_is_no_host_never_passes(trick: str) -> None:
    """Two readers of one URL may differ about it, so nobody is asked."""
    said = refusal(named("npm", registry=f"https://{trick}/"), {"npm": ("registry.example", "*.example:8443")})

    assert "may not be taken from" in said


def test_an_endpoint_is_a_place_too() -> None:
    """Its URL stands in the repository's file as a registry's does."""
    assert "status.example" in refusal(named("http"), ALLOW, "https://status.example/version")
    assert refusal(named("http"), {"http": ["status.example"]}, "https://status.example/version") == ""


@given(st.text(alphabet="ab.:/?#@\\[]1 \t%", max_size=20))
def test_who_is_asked_is_who_was_judged(rest: str) -> None:
    """Property: a URL that passes leads to a host on the list, as the client that asks reads it."""
    url = f"https://a.b{rest}"
    if refusal(named("npm", registry=url), {"npm": ("a.b",)}) == "":
        with suppress(ValueError):  # the client asks nobody then
            assert URL(url, encoded=True).raw_host == "a.b"
