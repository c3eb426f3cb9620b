"""A repository's own turns: its name, its archive, and the record of who moved its branches."""

from bot.demo.box.git import NO_SHA
from tests.box.stage import stage


async def test_the_record_says_who_moved_a_branch_and_how():
    """Creation, pushes, a force and a deletion, the latest first, whatever address stands in the commits."""
    async with stage() as it:
        first = await it.branch("topic")
        await it.branch("other", text="other\n")
        second = await it.branch("third", text="third\n")
        ref = it.at("/git/refs/heads/topic")
        await it.ask("PATCH", ref, {"sha": second, "force": True}, token=it.reviewer)
        await it.ask("DELETE", ref, token=it.owner)
        seen = (await it.ask("GET", it.at("/activity?ref=topic"))).json
        told = [(one["activity_type"], one["before"], one["after"], one["actor"]["login"]) for one in seen]
        assert [
            ("branch_deletion", second, NO_SHA, "ann"),
            ("force_push", first, second, "rob"),
            ("branch_creation", NO_SHA, first, "surefoot[bot]"),
        ] == told
        mine = (await it.ask("GET", it.at("/activity?actor=rob"))).json
        assert seen[1:2] == mine
        assert seen[:1] == (await it.ask("GET", it.at("/activity?activity_type=branch_deletion"))).json
        assert list(reversed(seen)) == (await it.ask("GET", it.at("/activity?ref=topic&direction=asc"))).json


async def test_the_record_is_turned_over_by_cursors():
    """Page by page by the Link header, nothing twice and nothing left out; a merge is told as one."""
    async with stage() as it:
        pull = await it.pull()
        assert (await it.ask("PUT", it.at(f"/pulls/{pull['number']}/merge"), {})).status == 200
        seen, path = [], it.at("/activity?per_page=1")
        while path:
            got = await it.ask("GET", path)
            seen += got.json
            link = got.headers.get("Link", "")
            path = link.partition("<")[2].partition(">")[0].removeprefix(it.box.url)
        assert seen == (await it.ask("GET", it.at("/activity"))).json
        assert "pr_merge" == seen[0]["activity_type"] and "refs/heads/main" == seen[0]["ref"]


async def test_an_archive_is_read_only_for_all():
    """Only an admin archives; then nobody changes anything, by API or by git, until it is taken back."""
    async with stage() as it:
        number = (await it.pull())["number"]
        assert (await it.ask("PATCH", it.at(), {"archived": True}, token=it.reviewer)).status == 404
        assert (await it.ask("PATCH", it.at(), {"archived": True})).status == 403
        assert (await it.ask("PATCH", it.at(), {"archived": True}, token=it.owner)).json["archived"]
        said = await it.ask("POST", it.at(f"/issues/{number}/comments"), {"body": "hi"}, token=it.owner)
        assert (403, "Repository was archived so is read-only.") == (said.status, said.json["message"])
        push = f"/{it.repo.full_name}.git/info/refs?service=git-receive-pack"
        assert (await it.ask("GET", push)).status == 403
        assert (await it.ask("PATCH", it.at(), {"name": "new"}, token=it.owner)).status == 403
        assert (await it.ask("GET", it.at(f"/pulls/{number}"))).status == 200
        assert not (await it.ask("PATCH", it.at(), {"archived": False}, token=it.owner)).json["archived"]
        assert (await it.ask("POST", it.at(f"/issues/{number}/comments"), {"body": "hi"})).status == 201
        await it.settle()
        assert ["repository.archived", "repository.unarchived"] == [one for one in it.ear.names() if "arch" in one]


async def test_a_new_name_is_followed_from_the_old_one():
    """It is the same repository, by its number; the old name leads on until another repository takes it."""
    async with stage() as it:
        before = (await it.ask("GET", it.at())).json["id"]
        assert (await it.ask("PATCH", it.at(), {"name": "store"}, token=it.owner)).json["full_name"] == "acme/store"
        led = await it.ask("GET", "/repos/acme/shop/branches?per_page=1")
        assert (301, f"{it.box.url}/repos/acme/store/branches?per_page=1") == (led.status, led.headers["Location"])
        assert (await it.ask("POST", "/repos/acme/shop/labels", {"name": "x"})).status == 307
        assert (await it.ask("GET", "/repos/acme/store")).json["id"] == before
        await it.settle()
        told = it.ear.last("repository.renamed")
        was = told["changes"]["repository"]["name"]["from"]
        assert ("shop", "acme/store") == (was, told["repository"]["full_name"])

        await it.box.add_repo("acme", "shop", {"README.md": "another\n"})
        assert (await it.ask("PATCH", it.at(), {"name": "shop"}, token=it.owner)).status == 422
        again = await it.ask("GET", "/repos/acme/shop")
        assert again.status == 200 and again.json["id"] != before
