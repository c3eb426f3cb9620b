"""A walk over every endpoint of the box, right and wrong requests mixed, so that its answers can be judged after."""

import aiohttp

from bot.demo.box import Box
from tests.box import walk_code as code
from tests.box import walk_pulls as work
from tests.box import walk_ship as ship
from tests.box.cast import Heard, cast_in


async def walk(box: Box, http: aiohttp.ClientSession) -> list[Heard]:
    """All chapters in order; answers with everything that was heard."""
    cast = await cast_in(box, http)
    for chapter in (code.the_app, code.people, code.files, code.protection, work.issues):
        await chapter(cast)
    branch = await code.git_data(cast)
    await code.history(cast, branch)
    number, head = await work.pulls(cast, branch)
    await work.reviews(cast, number, head)
    await work.checks(cast, head)
    await work.statuses(cast, head)
    await work.merging(cast, number, head)
    for chapter in (ship.environments, ship.workflows, ship.deployments, ship.releases, ship.settings):
        await chapter(cast)
    await box.settle()
    await ship.delivery_log(cast)
    await box.settle()
    return cast.app.heard
