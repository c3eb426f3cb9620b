"""The repository that the demo looks after: a small web service, its pinned library, its tests, and two workflows.

All of it is what a person would write: it knows nothing of Surefoot, of scenes, or of which release is a bad one.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.demo.releases import FIRST, MODULE, PROJECT

APP = f'''"""A small web service: greets people by name."""

import json
import os
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import {MODULE}


def badge(name):
    """What is printed on a visitor's badge."""
    return {MODULE}.initials(name) if name.strip() else "?"


def answer(target):
    """Status and body for a GET of this target."""
    url = urlsplit(target)
    name = parse_qs(url.query).get("name", [""])[0]
    if url.path == "/healthz":
        return 200, {{"ok": True, "library": {MODULE}.__version__}}
    if url.path == "/hello":
        return 200, {{"greeting": {MODULE}.greet(name), "badge": badge(name)}}
    return 404, {{"error": "nothing here; try /hello?name=Ada+Lovelace"}}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self):
        try:
            status, body = answer(self.path)
        except Exception as error:
            status, body = 500, {{"error": f"{{type(error).__name__}}: {{error}}"}}
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args):
        pass


def main():
    server = ThreadingHTTPServer(("127.0.0.1", int(os.environ.get("PORT", "8000"))), Handler)
    server.daemon_threads = True
    print(f"listening on {{server.server_address[1]}}", flush=True)
    server.serve_forever()


if __name__ == "__main__":
    main()
'''

TESTS = '''"""What our visitors rely on."""

import json
import threading
from http.server import ThreadingHTTPServer
from urllib.request import urlopen

import pytest

import app


def test_a_visitor_is_greeted_by_name():
    assert app.answer("/hello?name=Ada+Lovelace")[1]["greeting"] == "Hello, Ada Lovelace!"


def test_a_visitor_without_a_name_is_a_stranger():
    assert app.answer("/hello")[1]["greeting"] == "Hello, stranger!"


def test_a_visitor_without_a_name_has_a_question_mark_on_the_badge():
    assert app.answer("/hello?name=")[1]["badge"] == "?"


@pytest.mark.parametrize(
    ("name", "badge"), [("Ada+Lovelace", "AL"), ("grace+hopper", "GH"), ("Al%20Khwarizmi", "AK")]
)
def test_the_badge_shows_the_initials(name, badge):
    assert app.answer(f"/hello?name={name}")[1]["badge"] == badge


def test_spaces_around_a_name_do_not_matter():
    assert app.answer("/hello?name=+Alan+Turing+")[1] == {"greeting": "Hello, Alan Turing!", "badge": "AT"}


def test_the_health_page_names_the_library():
    status, body = app.answer("/healthz")
    assert status == 200
    assert body["library"].count(".") == 2


def test_an_unknown_page_is_not_found():
    assert app.answer("/goodbye")[0] == 404


def test_it_speaks_http():
    server = ThreadingHTTPServer(("127.0.0.1", 0), app.Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        with urlopen(f"http://127.0.0.1:{server.server_address[1]}/hello?name=Ada+Lovelace", timeout=10) as response:
            assert json.load(response)["badge"] == "AL"
    finally:
        server.shutdown()
        server.server_close()
'''

DEPLOY = '''"""Gives a commit its share of the traffic. Reads DEPLOY_ID, SHA, STABLE_SHA, WEIGHT and FLEET_URL."""

import json
import os
import subprocess
import sys
import tempfile
from urllib.error import HTTPError
from urllib.request import Request, urlopen

FLEET = os.environ["FLEET_URL"]
ORIGIN = os.environ["GITHUB_SERVER_URL"] + "/" + os.environ["GITHUB_REPOSITORY"]


def ask(method, path, data):
    request = Request(FLEET + path, data=data, method=method)
    try:
        with urlopen(request, timeout=120) as response:
            return response.status, response.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()


def tree_of(sha):
    """The commit's files as a tar; the checkout around us is of the branch, which may have gone on."""
    with tempfile.TemporaryDirectory() as place:
        git = ["git", "-C", place]
        subprocess.run([*git, "init", "--quiet"], check=True)
        subprocess.run([*git, "fetch", "--quiet", "--depth=1", ORIGIN, sha], check=True)
        archive = subprocess.run([*git, "archive", "--format=tar", "FETCH_HEAD"], check=True, stdout=subprocess.PIPE)
        return archive.stdout


def bring(sha):
    """Hand the fleet the tree of a commit, unless it has it."""
    if ask("GET", f"/releases/{sha}", None)[0] == 200:
        return
    status, said = ask("PUT", f"/releases/{sha}", tree_of(sha))
    if status != 201:
        sys.exit(f"the fleet did not take {sha[:7]}: {said}")


def main():
    sha, stable, weight = os.environ["SHA"], os.environ["STABLE_SHA"], int(os.environ["WEIGHT"])
    for release in {sha, stable}:
        bring(release)
    order = {"deploy_id": os.environ["DEPLOY_ID"], "sha": sha, "stable": stable, "weight": weight}
    status, said = ask("POST", "/deploy", json.dumps(order).encode())
    print(said)
    sys.exit(0 if status == 200 else 1)


if __name__ == "__main__":
    main()
'''

CI = """name: ci
on:
  push:
    branches: [main]
  pull_request:
permissions:
  contents: read
jobs:
  build:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v6
      - name: It compiles
        run: python3 -m compileall -q app.py deploy.py tests
"""

WORKFLOW = """name: deploy
run-name: Deploy ${{ inputs.deploy_id }}
on:
  workflow_dispatch:
    inputs:
      deploy_id: {description: "A name for this act, found again in the run's title", required: true}
      sha: {description: "The commit that gets a share of the traffic", required: true}
      stable_sha: {description: "The commit that keeps the rest", required: true}
      weight: {description: "The share of the new one, in per cent", required: true}
      environment: {description: "Where", required: true}
      version: {description: "What a person calls it", required: false}
permissions:
  contents: read
jobs:
  deploy:
    runs-on: ubuntu-latest
    environment:
      name: production
      url: %(site)s
    env:
      FLEET_URL: %(fleet)s
      DEPLOY_ID: ${{ inputs.deploy_id }}
      SHA: ${{ inputs.sha }}
      STABLE_SHA: ${{ inputs.stable_sha }}
      WEIGHT: ${{ inputs.weight }}
    steps:
      - uses: actions/checkout@v6
      - name: Shift the traffic
        run: python3 deploy.py
"""

README = """# hello

Greets people by name: `/hello?name=Ada+Lovelace`. Every change is compiled by `ci.yml`; `deploy.yml` gives a commit
its share of the traffic of the two or more replicas in production.
"""


def files(*, site: str, fleet: str, library: str = FIRST) -> Mapping[str, str]:
    """The repository, path -> text. site: where people reach the service; fleet: where its deploys are asked for."""
    return {
        "README.md": README,
        "app.py": APP,
        "deploy.py": DEPLOY,
        "requirements.txt": f"{PROJECT}=={library}\n",
        "requirements-dev.txt": "-r requirements.txt\npytest\n",
        "pytest.ini": "[pytest]\npythonpath = .\ntestpaths = tests\n",
        "tests/test_app.py": TESTS,
        ".github/workflows/ci.yml": CI,
        ".github/workflows/deploy.yml": WORKFLOW % {"site": site, "fleet": fleet},
    }
