"""Promises about production: a deploy moves traffic only onto what is up and healthy, and leaves nothing behind."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest

from bot.demo import leash, releases, service
from bot.demo.control import Control
from bot.demo.fleet import Fleet, NotDeployed
from bot.demo.index import Index
from bot.demo.proxy import Proxy
from bot.demo.traffic import Traffic
from tests.demo.worlds import get, pool_of, tar_of

OLD, NEW, NEWER = "a" * 40, "b" * 40, "c" * 40


@pytest.fixture
async def fleet(tmp_path):
    """Production with one release serving everybody."""
    index, proxy = Index(), Proxy()
    for version in releases.VERSIONS:
        index.publish(releases.wheel_of(version))
    await index.start()
    await proxy.start()
    made = Fleet(proxy=proxy, folder=tmp_path, index=index.url, size=1)
    await made.take(OLD, tree(releases.FIRST))
    await made.deploy(OLD, stable=OLD, weight=100)
    yield made
    await made.close()
    await proxy.close()
    await index.close()


@pytest.fixture
async def door(fleet):
    control = Control(fleet=fleet)
    await control.start()
    yield control.url
    await control.close()


def tree(library: str, **changed: str) -> bytes:
    return tar_of({**service.files(site="http://site", fleet="http://fleet", library=library), **changed})


async def served(fleet: Fleet, many: int = 1) -> list[str]:
    """Which version of the library answers, request by request."""
    pool = pool_of(fleet.proxy.url)
    found = [json.loads((await pool.exchange(get("/healthz"))).body)["library"] for _ in range(many)]
    pool.close()
    return found


async def test_each_release_runs_with_the_library_that_its_commit_pins(fleet):
    """And gets its share: two commits differ in production exactly as they differ in git."""
    await fleet.take(NEW, tree(releases.MAJOR))
    await fleet.deploy(NEW, stable=OLD, weight=25)
    assert sorted(await served(fleet, 100)) == [releases.FIRST] * 75 + [releases.MAJOR] * 25


async def test_a_release_can_be_installed_before_it_gets_traffic(fleet):
    """Weight 0: up, and nobody sees it."""
    await fleet.take(NEW, tree(releases.MAJOR))
    await fleet.deploy(NEW, stable=OLD, weight=0)
    assert NEW in fleet.up
    assert set(await served(fleet, 10)) == {releases.FIRST}


async def test_at_all_traffic_the_old_one_stays_for_the_way_back(fleet):
    """It is taken down when the next release comes."""
    await fleet.take(NEW, tree(releases.PATCH))
    await fleet.take(NEWER, tree(releases.MAJOR))
    await fleet.deploy(NEW, stable=OLD, weight=100)
    old = fleet.up[OLD][0].process
    assert old.returncode is None
    await fleet.deploy(OLD, stable=NEW, weight=100)
    assert fleet.up[OLD][0].process is old
    await fleet.deploy(NEWER, stable=NEW, weight=50)
    assert set(fleet.up) == {NEW, NEWER}
    assert old.returncode is not None


async def test_a_deploy_under_load_drops_nobody(fleet):
    """From the first replica to the last drained one, every visitor gets an answer."""
    await fleet.take(NEW, tree(releases.PATCH))
    traffic = Traffic(site=fleet.proxy.url, rate=150, seed=1)
    traffic.start()
    for release, stable, weight in ((NEW, OLD, 0), (NEW, OLD, 50), (NEW, OLD, 100), (NEW, NEW, 100)):
        await fleet.deploy(release, stable=stable, weight=weight)
    await traffic.stop()
    assert set(fleet.up) == {NEW}
    assert traffic.failed == 0
    assert traffic.sent > 0


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"app.py": "raise SystemExit('no such thing')"}, "no such thing"),
        ({"app.py": "print('hello', flush=True)"}, "ended before it listened"),
        ({"requirements.txt": f"{releases.PROJECT}==9.9.9\n"}, "9.9.9"),
    ],
)
async def test_a_release_that_cannot_start_gets_no_traffic(fleet, changed, said):
    """The order fails with its own words, and everybody is served as before."""
    await fleet.take(NEW, tree(releases.FIRST, **changed))
    with pytest.raises(NotDeployed, match=said):
        await fleet.deploy(NEW, stable=OLD, weight=50)
    assert fleet.proxy.weights == {OLD: 100}
    assert set(await served(fleet, 4)) == {releases.FIRST}


async def test_an_unhealthy_release_gets_no_traffic(fleet):
    """It listens and says that it is not well."""
    sick = service.APP.replace('return 200, {"ok"', 'return 503, {"ok"')
    await fleet.take(NEW, tree(releases.FIRST, **{"app.py": sick}))
    with pytest.raises(NotDeployed, match="did not start"):
        await fleet.deploy(NEW, stable=OLD, weight=50)
    assert NEW not in fleet.up


async def test_what_is_no_tree_is_refused(fleet):
    """A name that leads elsewhere, a file that is no tar, and a tar that climbs out."""
    for release, tar in (("../x", tree(releases.FIRST)), (NEW, b"no tar"), (NEW, tar_of({"../../x": "out"}))):
        with pytest.raises(NotDeployed):
            await fleet.take(release, tar)


async def test_closing_leaves_no_process(fleet):
    """Whatever was up."""
    process = fleet.up[OLD][0].process
    await fleet.close()
    assert process.returncode is not None
    assert fleet.up == {}


async def test_the_door_takes_orders_and_says_why_not(fleet, door):
    """A deploy job learns by status and words how its order went."""
    async with aiohttp.ClientSession() as http:

        async def ask(method, path, **data):
            async with http.request(method, door + path, **data) as response:
                return response.status, await response.text()

        assert (await ask("GET", f"/releases/{NEW}"))[0] == 404
        status, text = await ask("POST", "/deploy", json={"sha": NEW, "stable": OLD, "weight": 5})
        assert status == 409
        assert "PUT /releases" in text
        assert (await ask("PUT", f"/releases/{NEW}", data=b"no tar"))[0] == 400
        assert (await ask("PUT", f"/releases/{NEW}", data=tree(releases.PATCH)))[0] == 201
        assert (await ask("GET", f"/releases/{NEW}"))[0] == 200
        for order in ({"sha": NEW}, {"sha": NEW, "stable": OLD, "weight": 101}, [], "5"):
            assert (await ask("POST", "/deploy", json=order))[0] == 400
        status, text = await ask("POST", "/deploy", json={"sha": NEW, "stable": OLD, "weight": 5})
        assert (status, json.loads(text)) == (200, {"weights": {OLD: 95, NEW: 5}})


@pytest.fixture
def checkout(tmp_path, door):
    """The service's repository as a runner would have it: its folder, and three commits: old, new, broken."""
    home = tmp_path / "checkout"
    shas = []
    broken = "raise SystemExit('broken')"
    for version, app in ((releases.FIRST, None), (releases.PATCH, None), (releases.MAJOR, broken)):
        files = service.files(site="http://site", fleet=door, library=version)
        for path, text in {**files, "app.py": app or files["app.py"]}.items():
            (home / path).parent.mkdir(parents=True, exist_ok=True)
            (home / path).write_text(text)
        git = ("git", "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false")
        subprocess.run([*git, "init", "-q", "-b", "main"], cwd=home, check=True)
        subprocess.run([*git, "add", "."], cwd=home, check=True)
        subprocess.run([*git, "commit", "-q", "-m", version], cwd=home, check=True)
        head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=home, check=True, capture_output=True, text=True)
        shas.append(head.stdout.strip())
    return home, *shas


async def test_the_services_own_deploy_script_moves_the_traffic(fleet, door, checkout):
    """Run as its workflow runs it, from a checkout, with the inputs in the environment."""
    home, old, new, broken = checkout
    status, out = await script(home, door, new, old, 25)
    assert (status, json.loads(out)) == (0, {"weights": {old: 75, new: 25}})
    assert sorted(await served(fleet, 100)) == [releases.FIRST] * 75 + [releases.PATCH] * 25
    status, out = await script(home, door, old, new, 100)
    assert status == 0
    assert set(await served(fleet, 4)) == {releases.FIRST}
    status, out = await script(home, door, broken, old, 25)
    assert status == 1
    assert "broken" in out


async def script(home: Path, door: str, sha: str, stable: str, weight: int) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "deploy.py",
        cwd=home,
        env={
            "PATH": os.environ["PATH"],
            "FLEET_URL": door,
            "GITHUB_SERVER_URL": f"file://{home.parent}",
            "GITHUB_REPOSITORY": home.name,
            "DEPLOY_ID": "one",
            "SHA": sha,
            "STABLE_SHA": stable,
            "WEIGHT": str(weight),
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    out, _ = await process.communicate()
    return process.returncode or 0, out.decode()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells a child that its parent died")
def test_a_program_on_the_leash_ends_with_its_parent(tmp_path):
    """Even when the parent was killed and could clean up nothing."""
    (tmp_path / "child.py").write_text("import os, time; print(os.getpid(), flush=True); time.sleep(60)")
    parent = (
        "import subprocess, sys, time\n"
        f"subprocess.Popen([sys.executable, {leash.__file__!r}, 'child.py'], start_new_session=True)\n"
        "time.sleep(60)"
    )
    process = subprocess.Popen([sys.executable, "-c", parent], cwd=tmp_path, stdout=subprocess.PIPE, text=True)
    child = int(process.stdout.readline())
    process.send_signal(signal.SIGKILL)
    # The pipe ends when its last holder, the child, has gone.
    assert process.stdout.read() == ""
    process.wait()
    assert not Path(f"/proc/{child}/cmdline").exists() or not Path(f"/proc/{child}/cmdline").read_bytes()


def test_a_module_runs_on_the_leash_as_it_does_without(tmp_path):
    """Its arguments and its folder are its own."""
    (tmp_path / "tool.py").write_text("import sys, os; print(sys.argv[1:], sys.path[0] == os.getcwd(), __name__)")
    command = [sys.executable, leash.__file__, "-m", "tool", "a", "b"]
    shown = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert shown.stdout == "['a', 'b'] True __main__\n"
