"""The bytes behind signed addresses: artifacts, logs and archives."""

from __future__ import annotations

import hmac
import io
import zipfile

from bot.demo.box.call import Auth, Call, Reply, Route, known
from bot.demo.box.errors import Refusal
from bot.demo.box.rows import Run
from bot.demo.box.signed import signature

TYPES = {
    "artifact": "application/zip",
    "run": "application/zip",
    "zipball": "application/zip",
    "tarball": "application/x-gzip",
    "job": "text/plain; charset=utf-8",
}


async def blob(call: Call) -> Reply:
    """The bytes behind a signed address; 403 where the signature is not ours."""
    if not hmac.compare_digest(call.query.get("sig", ""), signature(call, call.path)):
        raise Refusal(403, "Signature did not match.")
    name, kind = call.params["name"], call.params["kind"]
    match kind:
        case "artifact":
            data = known(call.repo.artifacts, call.number("name")).data
        case "run":
            data = packed_logs(known(call.repo.runs, call.number("name")))
        case "job":
            data = log_of(call, call.number("name")).encode()
        case _:
            root = f"{call.repo.full_name.replace('/', '-')}-{name[:7]}/"
            data = await call.repo.git.archive(name, "zip" if kind == "zipball" else "tar.gz", root)
    return Reply(data=data, headers={"Content-Type": TYPES[kind]})


def log_of(call: Call, number: int) -> str:
    """The log of a job."""
    return known({job.id: job.log for run in call.repo.runs.values() for job in run.jobs}, number)


def packed_logs(run: Run) -> bytes:
    """The logs of all jobs as a zip."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for number, one in enumerate(run.jobs):
            archive.writestr(f"{number}_{one.name.replace('/', '_')}.txt", one.log)
    return packed.getvalue()


ROUTES = [Route("GET", "/_box/blobs/{owner}/{repo}/{kind}/{name}", blob, Auth.ANY)]
