"""One pin as long as a file may be: it is read or refused in the time that its length takes, whoever wrote it."""

from __future__ import annotations

import contextlib

import pytest

from bot.adapters import Tools, manifests, open_one
from bot.core.errors import ConfigProblem
from bot.core.ports import Manifest
from bot.tools.http import Http

TEXTS = {
    "terraform": ("main.tf", 'terraform {{\n required_providers {{\n  aws = {{\n version = "{}!"\n }}\n }}\n}}\n'),
    "helm_chart": (
        "Chart.yaml",
        'apiVersion: v2\nname: x\ndependencies:\n- name: a\n  repository: https://charts.example\n  version: "{}!"\n',
    ),
    "requirements": ("requirements.txt", "a=={}!\n"),
    "composer_json": ("composer.json", '{{"require": {{"a/b": "{}!"}}}}'),
    "gemfile": ("Gemfile", 'gem "a", "{}!"\n'),
    "package_json": ("package.json", '{{"dependencies": {{"a": "{}!"}}}}'),
    "poetry": ("pyproject.toml", '[tool.poetry.dependencies]\na = "{}!"\n'),
}


@pytest.mark.parametrize("kind", TEXTS)
@pytest.mark.parametrize("piece", [" ", "1", "1_"])
def test_a_long_pin_holds_nobody_up(kind: str, piece: str) -> None:
    """A hostile repository cannot keep the bot from all others (a slower reading would hit the time limit)."""
    path, text = TEXTS[kind]
    reader: Manifest = open_one(manifests, kind, {}, Tools(http=Http()))

    with contextlib.suppress(ConfigProblem):
        assert {path} >= {pin.path for pin in reader.read(path, text.format(piece * (200_000 // len(piece))))}
