"""What a workflow uses is updated like all else, by an App that has just what its manifest asks for."""

from __future__ import annotations

from pathlib import Path

from bot.core.model import State
from tests.flows.flow import CONFIG, flowing

TOOLS = "on: workflow_dispatch\njobs:\n  lint:\n    steps:\n      - run: pip install surefoot-demo-greeter==1.2.3\n"
PATH = ".github/workflows/tools.yml"
PINNED = (
    f"{{minimum_age: 0s, files: [{{paths: ['{PATH}'], pattern: 'greeter==(?P<version>[0-9.]+)', ecosystem: pypi,"
    " name: surefoot-demo-greeter}]}"
)


async def test_a_pin_in_a_workflow_is_moved_and_merged(tmp_path: Path) -> None:
    """GitHub takes a change below .github/workflows only from an App that may change workflows."""
    async with flowing(tmp_path, files={PATH: TOOLS, "requirements.txt": "# none\n"}) as flow:
        await flow.configure(CONFIG.replace("{minimum_age: 0s}", PINNED))
        flow.publish("1.2.4")
        await flow.look()
        update = await flow.reach("1.2.4", State.DONE, State.FAILED)

        assert State.DONE is update.state, update.note
        assert TOOLS.replace("1.2.3", "1.2.4") == await flow.rosa.text(PATH, "main")
