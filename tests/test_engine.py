"""The engine's promises on an SQLite file, and that such a file has room for one process."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.register_assert_rewrite("tests.store.engines")

from bot.core.errors import ConfigProblem  # noqa: E402
from bot.engine import Engine  # noqa: E402
from tests.store.engines import *  # noqa: E402, F403 (the tests themselves)
from tests.store.engines import Engines, kill  # noqa: E402


@pytest.fixture
def engines(tmp_path: Path) -> Engines:
    return Engines(f"sqlite:///{tmp_path}/surefoot.sqlite", tmp_path)


async def test_a_second_process_is_refused(engines: Engines) -> None:
    """It learns which folder, which process, and what to do; when the first is gone, however it went, it may start."""
    first = engines.storm(0, seconds=0)
    await engines.until("started", 1)
    second = Engine(engines.url, data_dir=engines.folder, work=engines.note)
    with pytest.raises(ConfigProblem) as refused:
        await second.start()
    kill(first)
    text = str(refused.value)
    assert str(engines.folder) in text and f"process {first.pid}" in text and "SUREFOOT_DATA_DIR" in text
    async with engines.engine() as engine:
        engines.ask(engine, "u:1")
        assert await engine.idle(20)
    assert engines.worked == ["u:1"]


def test_one_file_has_room_for_one_even_from_two_folders(tmp_path: Path) -> None:
    """Two data directories that name the same SQLite file by DATABASE_URL do not get it both."""
    url = f"sqlite:///{tmp_path}/shared/x.sqlite"
    first, second = (Engine(url, data_dir=tmp_path / name, work=print) for name in "ab")  # type: ignore[arg-type]
    first.claim()
    with pytest.raises(ConfigProblem, match="shared"):
        second.claim()


def test_a_claim_is_made_once_and_makes_its_folder(tmp_path: Path) -> None:
    """The folder need not be there; claiming twice is claiming once; no second engine gets in."""
    folder = tmp_path / "new" / "data"
    first, second = (Engine(f"sqlite:///{folder}/x.sqlite", data_dir=folder, work=print) for _ in range(2))  # type: ignore[arg-type]
    first.claim()
    first.claim()
    with pytest.raises(ConfigProblem, match="another surefoot"):
        second.claim()
