"""Requirements that contradict each other are told in plain words, whatever the resolver says today."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.core.model import Grade
from bot.lab import environments, resolver
from bot.lab.cache import Cache
from bot.lab.resolver import NotPrepared, Uv
from tests.lab import world


@pytest.fixture(scope="module")
def uv(tmp_path_factory: pytest.TempPathFactory) -> Uv:
    """With an index in which a tool wants an older library."""
    folder = world.with_pytest(tmp_path_factory.mktemp("wheels"))
    for version in ("1.5", "2.1"):
        world.wheel(folder, "sflibrary", version, {"sflibrary.py": ""})
    world.wheel(folder, "sftool", "1.0", {"sftool.py": ""}, requires=["sflibrary<2"])
    world.wheel(folder, "sfbundle", "3.0", {"sfbundle.py": ""}, requires=["sftool==1.0"])
    return resolver.find_uv(world.index(folder))


CASES = {
    "sftool==1.0\nsflibrary==2.1\n": "wants `sflibrary<2`, and this repository asks for `sflibrary==2.1`. No ",
    "sfbundle\nsflibrary>=2\n": "wants `sflibrary<2`, and this repository asks for `sflibrary>=2` (`sfbundle` brings ",
    "sflibrary==2.1\nsflibrary<2\n": "this repository asks for `sflibrary==2.1` and `sflibrary<2` at once. No solution",
}


@pytest.mark.parametrize("asked", CASES)
async def test_who_wants_what_of_whom(asked: str, uv: Uv, tmp_path: Path) -> None:
    """First in a sentence of ours, then in the resolver's own words; the update is at fault."""
    tree = world.tree(tmp_path / "tree", {"requirements.txt": asked})
    with pytest.raises(NotPrepared) as caught:
        async with environments.prepared(tree, uv=uv, cache=Cache(folder=tmp_path / "cache")):
            pass
    assert CASES[asked] in str(caught.value), caught.value
    assert caught.value.grade is Grade.FAILED
