"""The box as a process of its own: it says where it is, starts with nothing, and knows nothing of the bot."""

import ast
import asyncio
import contextlib
import pkgutil
import tomllib
from pathlib import Path

import aiohttp
import pytest

from bot.demo import box as package
from bot.demo.box import Box, serve
from bot.demo.box.git import GitError


async def test_it_is_served_alone(tmp_path, capsys):
    """One line says the address; there everything can be set up and looked at."""
    task = asyncio.create_task(serve("127.0.0.1", 0, tmp_path, {"A": "b"}))
    said = ""
    for _ in range(500):
        await asyncio.sleep(0.01)
        said += capsys.readouterr().out
        if "http" in said:
            break
    url = said.split()[-1]
    async with aiohttp.ClientSession() as http, http.get(f"{url}/_box/state") as got:
        assert (await got.json())["repos"] == {}
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_an_old_folder_is_refused(tmp_path):
    """Half a memory would be a lie: the error says what to do."""
    for turn in range(2):
        async with Box.start(data_dir=tmp_path) as box:
            box.add_user("ann")
            if turn:
                with pytest.raises(GitError, match="empty data folder"):
                    await box.add_repo("ann", "shop")
            else:
                await box.add_repo("ann", "shop")
                assert box.repo("Ann/Shop").full_name == "ann/shop"


async def test_an_app_on_all_repositories_has_those_to_come():
    """Installed everywhere, it sees what is made later."""
    async with Box.start() as box:
        box.add_user("ann")
        app_id, pem, secret = box.add_app("helper")
        number = box.install_everywhere(app_id, "ann")
        repo = await box.add_repo("ann", "late")
        assert repo.id in box.world.repos_of(box.world.installations[number])
        assert "PRIVATE KEY" in pem and len(secret) == 40


def test_it_shares_nothing_with_the_bot():
    """Client and imitation must not share a mistake: of this project the box imports itself alone."""
    mine = package.__name__
    found = set()
    for path in Path(package.__path__[0]).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                found |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                found.add("." * node.level + (node.module or ""))
    assert mine in found and not any(name.startswith(".") for name in found)
    assert [name for name in found if name.partition(".")[0] == "bot" and not f"{name}.".startswith(f"{mine}.")] == []


def test_the_contract_names_all_of_the_bot():
    """import-linter sees imports by way of others too, but only of what its list names."""
    root = Path(package.__path__[0]).parent.parent
    contracts = tomllib.loads((root.parent / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [named] = [one["forbidden_modules"] for one in contracts if one.get("source_modules") == [package.__name__]]
    there = {f"bot.{one.name}" for one in pkgutil.iter_modules([str(root)])} - {"bot.demo"}
    beside = {f"bot.demo.{one.name}" for one in pkgutil.iter_modules([str(root / "demo")])} - {package.__name__}

    assert sorted(there | beside) == sorted(named)
