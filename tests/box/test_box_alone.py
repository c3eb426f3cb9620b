"""The box as a process of its own: it says where it is, and starts with nothing."""

import asyncio
import contextlib

import aiohttp
import pytest

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
