"""Pages for people: all that a bot wrote can be read, and nothing that anyone wrote can run."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.demo.box.pages.markdown import render
from tests.box.stage import WORKFLOW, stage


async def read(it, path):
    """A page, as a browser without a token gets it."""
    async with it.session.get(it.box.url + path) as got:
        assert got.status == 200, path
        return await got.text()


async def test_a_person_sees_what_the_bot_did():
    """Front page, pull request with checks, comments and reviews, check run, workflow run, deployment."""
    async with stage(files={".github/workflows/ci.yml": WORKFLOW}) as it:
        evil = "<script>alert(1)</script>"
        pull = await it.pull()
        number, sha = pull["number"], pull["head"]["sha"]
        body = f"| a | b |\n|---|---|\n| 1 | 2 |\n\n{evil} `x`"
        comment = (await it.ask("POST", it.at(f"/issues/{number}/comments"), {"body": body})).json
        await it.ask("POST", it.at(f"/issues/comments/{comment['id']}/reactions"), {"content": "rocket"})
        await it.ask("POST", it.at(f"/issues/{number}/labels"), {"labels": [evil[:40]]})
        review = {"event": "REQUEST_CHANGES", "body": evil}
        await it.ask("POST", it.at(f"/pulls/{number}/reviews"), review, token=it.reviewer)
        note = {"path": "a.py", "start_line": 3, "end_line": 3, "annotation_level": "failure", "message": evil}
        output = {"title": "Bad", "summary": "## Why", "annotations": [note | {"raw_details": "trace"}]}
        button = {"label": "Retry", "description": "d", "identifier": "r"}
        check = {"name": "sim", "head_sha": sha, "conclusion": "failure", "output": output, "actions": [button]}
        made = (await it.ask("POST", it.at("/check-runs"), check)).json
        await it.ask("POST", it.at(f"/statuses/{sha}"), {"state": "pending", "context": "other"})
        where = {"ref": "main", "required_contexts": [], "auto_merge": False, "environment": "canary"}
        deployment = (await it.ask("POST", it.at("/deployments"), where)).json
        status = {"state": "in_progress", "description": "25 % of traffic"}
        await it.ask("POST", it.at(f"/deployments/{deployment['id']}/statuses"), status)
        await it.settle()
        shown = await read(it, f"/acme/shop/pull/{number}")
        for text in ("Take topic", "<table>", "🚀 1", "changes requested", "sim", "notes.txt", "other"):
            assert text in shown, text
        page = await read(it, f"/acme/shop/runs/{made['id']}")
        assert "a.py:3" in page and "Retry" in page and "trace" in page
        run = next(iter(it.repo.runs))
        assert "test -f README.md" in await read(it, f"/acme/shop/actions/runs/{run}")
        front = await read(it, "/acme/shop")
        assert "25 % of traffic" in front and "Shop" in front
        for path in ("/", "/acme/shop/pulls", "/acme/shop/blob/main/src", "/acme/shop/blob/main/src/app.py"):
            shown += await read(it, path)
        assert evil not in shown + page + front
        await it.ask("PUT", it.at(f"/pulls/{number}/merge"), {})
        assert "merged" in await read(it, f"/acme/shop/pull/{number}")
        await it.ask("POST", it.at("/issues"), {"title": "An issue"})
        assert "An issue" in await read(it, "/acme/shop/issues/2")
        await it.ask("PATCH", it.at(f"/pulls/{(await it.pull('b', path='b'))['number']}"), {"state": "closed"})
        assert "Closed without merging" in await read(it, "/acme/shop/pull/3")
        for path in ("/acme/none", "/acme/shop/pull/99", "/acme/shop/blob/main/none"):
            assert (await it.ask("GET", path)).status == 404


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("# Title", "<h2>Title</h2>"),
        ("**b** *i* ~~s~~ `c`", "<p><strong>b</strong> <em>i</em> <del>s</del> <code>c</code></p>"),
        ("[x](https://a.b/c)", '<p><a href="https://a.b/c">x</a></p>'),
        ("[x](javascript:1)", "<p>x (javascript:1)</p>"),
        ("see https://a.b/c.", '<p>see <a href="https://a.b/c">https://a.b/c</a>.</p>'),
        ("- a\n  - b\n- [x] c", "<ul><li>a<ul><li>b</li></ul></li><li>☑ c</li></ul>"),
        ("1. a\n2. b", "<ol><li>a</li><li>b</li></ol>"),
        ("```py\n<b>\n```", "<pre><code>&lt;b&gt;</code></pre>"),
        ("> q", "<blockquote><p>q</p></blockquote>"),
        ("---", "<hr>"),
        ("<!-- mark -->hi", "<p>hi</p>"),
        ("`**` **x**", "<p><code>**</code> <strong>x</strong></p>"),
    ],
)
def test_marks_become_html(text, html):
    """The marks that bots use come out as on GitHub."""
    assert render(text).strip() == html


def test_details_and_tables_work_together():
    """A summary that folds a table, as update bots write it."""
    text = "<details>\n<summary>More</summary>\n\n| a \\| b | c |\n|---|---|\n| 1 | 2 |\n\n</details>"
    shown = render(text)
    assert "<details>" in shown and "<summary>More</summary>" in shown and "<th>a | b</th>" in shown


@given(st.text(alphabet="<>&\"'`*_[]()|#-\n !:/ascriptonerrhef=\0", max_size=80))
def test_nothing_that_is_written_runs(text):
    """Whatever the text, only known tags come out, and every link leads to the web or the page."""
    shown = render(text)
    for name, attributes in re.findall(r"<(/?\w+)([^>]*)>", shown):
        allowed = "p|br|hr|h\\d|ul|ol|li|pre|code|table|thead|tbody|tr|th|td|blockquote"
        allowed += "|strong|em|del|a|b|i|sub|sup|kbd|details|summary"
        assert re.fullmatch(f"/?({allowed})", name), shown
        assert re.fullmatch(r'( href="(https?://|/|#|\.{1,2}/)[^"<>]*")?|( open)?', attributes), shown
