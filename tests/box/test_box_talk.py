"""Issues, comments, reactions and labels, as people and bots use them on pull requests."""

from tests.box.stage import stage


async def test_comments_are_written_edited_and_removed():
    """By their writer; an App touches only its own, a writer also others'."""
    async with stage() as it:
        number = (await it.pull())["number"]
        url = it.at(f"/issues/{number}/comments")
        made = await it.ask("POST", url, {"body": "hello"})
        assert made.json["user"]["login"] == "surefoot[bot]" and made.json["performed_via_github_app"]
        theirs = await it.ask("POST", url, {"body": "/surefoot status"}, token=it.reviewer)
        one = it.at(f"/issues/comments/{made.json['id']}")
        assert (await it.ask("PATCH", one, {"body": "hello again"})).json["body"] == "hello again"
        other = it.at(f"/issues/comments/{theirs.json['id']}")
        assert (await it.ask("PATCH", other, {"body": "x"})).status == 403
        eve = it.box.add_user("eve")
        assert (await it.ask("PATCH", other, {"body": "x"}, token=eve)).status == 403
        assert len((await it.ask("GET", url)).json) == 2
        assert len((await it.ask("GET", it.at("/issues/comments?sort=updated&direction=desc"))).json) == 2
        assert (await it.ask("GET", f"{url}?since=2999-01-01T00:00:00Z")).json == []
        assert (await it.ask("DELETE", other, token=it.owner)).status == 204
        assert (await it.ask("GET", other)).status == 404
        assert (await it.ask("GET", one)).json["author_association"] == "NONE"
        for bad in ({}, {"body": "  "}, {"body": "x" * 70000}, {"body": 5}):
            assert (await it.ask("POST", url, bad)).status == 422
        await it.settle()
        assert {f"issue_comment.{what}" for what in ("created", "edited", "deleted")} <= set(it.ear.names())
        assert it.ear.last("issue_comment.created")["issue"]["pull_request"]


async def test_a_locked_conversation_is_for_persons_who_may_write():
    """No App, no stranger and no reaction until it is unlocked; who may write goes on, and everybody can read."""
    async with stage() as it:
        number = (await it.pull())["number"]
        one, eve = it.at(f"/issues/{number}"), it.box.add_user("eve")
        said = await it.ask("POST", f"{one}/comments", {"body": "hi"}, token=it.reviewer)
        assert (await it.ask("PUT", f"{one}/lock", token=eve)).status == 403
        assert (await it.ask("PUT", f"{one}/lock", {"lock_reason": "spam"}, token=it.reviewer)).status == 204
        shown = (await it.ask("GET", it.at(f"/pulls/{number}"))).json
        assert (True, "spam") == (shown["locked"], shown["active_lock_reason"])
        for who, wanted in ((it.token, 403), (eve, 403), (it.reviewer, 201)):
            assert wanted == (await it.ask("POST", f"{one}/comments", {"body": "me"}, token=who)).status
        for place in (f"{one}/reactions", it.at(f"/issues/comments/{said.json['id']}/reactions")):
            assert 403 == (await it.ask("POST", place, {"content": "eyes"}, token=it.reviewer)).status
        review = {"event": "COMMENT", "body": "look"}
        assert 422 == (await it.ask("POST", it.at(f"/pulls/{number}/reviews"), review, token=eve)).status
        assert 200 == (await it.ask("POST", it.at(f"/pulls/{number}/reviews"), review, token=it.reviewer)).status
        assert (await it.ask("DELETE", f"{one}/lock", token=it.reviewer)).status == 204
        assert (await it.ask("POST", f"{one}/comments", {"body": "at last"})).status == 201
        await it.settle()
        assert {"pull_request.locked", "pull_request.unlocked"} <= set(it.ear.names())


async def test_a_reaction_is_given_once():
    """201, then 200 for the same again; counted, filtered, taken back only by its giver."""
    async with stage() as it:
        number = (await it.pull())["number"]
        comment = await it.ask("POST", it.at(f"/issues/{number}/comments"), {"body": "hi"}, token=it.reviewer)
        for place in (it.at(f"/issues/comments/{comment.json['id']}/reactions"), it.at(f"/issues/{number}/reactions")):
            made = await it.ask("POST", place, {"content": "eyes"})
            assert made.status == 201
            assert (await it.ask("POST", place, {"content": "eyes"})).json["id"] == made.json["id"]
            assert (await it.ask("POST", place, {"content": "wow"})).status == 422
            assert (await it.ask("GET", f"{place}?content=heart")).json == []
            one = f"{place}/{made.json['id']}"
            assert (await it.ask("DELETE", one, token=it.reviewer)).status == 404
            assert len((await it.ask("GET", place)).json) == 1
            assert (await it.ask("DELETE", one)).status == 204


async def test_labels_are_put_on_and_taken_off():
    """New names make new labels; each change is told; a label of the repository is unique."""
    async with stage() as it:
        number = (await it.pull())["number"]
        made = await it.ask("POST", it.at("/labels"), {"name": "surefoot", "color": "0e8a16", "description": "d"})
        assert made.status == 201
        assert (await it.ask("POST", it.at("/labels"), {"name": "Surefoot"})).json["errors"][0][
            "code"
        ] == "already_exists"
        assert (await it.ask("POST", it.at("/labels"), {"name": "x", "color": "red"})).status == 422
        url = it.at(f"/issues/{number}/labels")
        got = await it.ask("POST", url, {"labels": ["surefoot", "minor"]})
        assert [one["name"] for one in got.json] == ["surefoot", "minor"]
        assert [one["name"] for one in (await it.ask("PUT", url, {"labels": ["major"]})).json] == ["major"]
        assert (await it.ask("DELETE", f"{url}/none")).json["message"] == "Label does not exist"
        assert (await it.ask("DELETE", f"{url}/major")).json == []
        await it.ask("POST", url, ["again"])
        assert (await it.ask("DELETE", url)).status == 204 and (await it.ask("GET", url)).json == []
        assert (await it.ask("GET", it.at("/labels/surefoot"))).json["color"] == "0e8a16"
        assert (await it.ask("DELETE", it.at("/labels/surefoot"))).status == 204
        for method in ("GET", "DELETE"):
            assert (await it.ask(method, it.at("/labels/surefoot"))).status == 404
        assert len((await it.ask("GET", it.at("/labels"))).json) == 3
        await it.settle()
        assert {"pull_request.labeled", "pull_request.unlabeled"} <= set(it.ear.names())


async def test_issues_share_their_numbers_with_pull_requests():
    """An issue and a pull request never have the same number, and both are listed."""
    async with stage() as it:
        issue = await it.ask("POST", it.at("/issues"), {"title": "Broken", "body": "b", "labels": ["bug"]})
        pull = await it.pull()
        assert (issue.json["number"], pull["number"]) == (1, 2)
        found = (await it.ask("GET", it.at("/issues?state=all"))).json
        assert [("pull_request" in one) for one in found] == [True, False]
        for query, count in (
            ("labels=bug", 1),
            ("creator=rob", 0),
            ("since=2999-01-01T00:00:00Z", 0),
            ("state=closed", 0),
        ):
            assert len((await it.ask("GET", it.at(f"/issues?{query}"))).json) == count, query
        url = it.at("/issues/1")
        edited = await it.ask("PATCH", url, {"title": "Fixed", "labels": ["done"], "state": "closed"})
        assert (edited.json["state"], edited.json["state_reason"], edited.json["title"]) == (
            "closed",
            "completed",
            "Fixed",
        )
        assert (await it.ask("PATCH", url, {"state": "open"})).json["state_reason"] == "reopened"
        eve = it.box.add_user("eve")
        assert (await it.ask("PATCH", url, {"title": "x"}, token=eve)).status == 403
        assert (await it.ask("POST", it.at("/issues"), {"title": "Mine"}, token=eve)).status == 201
        assert (await it.ask("PATCH", it.at("/issues/2"), {"state": "closed"})).json["state"] == "closed"
        assert (await it.ask("GET", it.at("/pulls/2"))).json["state"] == "closed"
        assert (await it.ask("PATCH", it.at("/issues/2"), {"state": "open"})).json["state"] == "open"
        assert (await it.ask("POST", it.at("/issues"), {"body": "x"})).status == 422
        assert (await it.ask("GET", it.at("/issues/99"))).status == 404
