"""A real nginx over a folder of files, with corners that are closed, listed or misleading."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.real.serving import free_port, plain, program, running

MEND = "On Debian: apt-get install nginx"
CONFIG = """\
daemon off; master_process off; pid {place}/pid; error_log {place}/errors warn;
events {{ worker_connections 64; }}
http {{
  default_type application/octet-stream;
  types {{ text/xml xml pom; application/java-archive jar; text/plain sha1 md5 sha256 txt; text/html html; }}
  log_format plain '$status $request_method $request_uri';
  access_log {place}/log plain;
  gzip on; gzip_min_length 1; gzip_types text/xml text/plain;
  client_body_temp_path {place}/t1; proxy_temp_path {place}/t2; fastcgi_temp_path {place}/t3;
  uwsgi_temp_path {place}/t4; scgi_temp_path {place}/t5;
  server {{
    listen 127.0.0.1:{port};
    root {place}/files;
    location /closed/ {{ auth_basic "releases"; auth_basic_user_file {place}/htpasswd; }}
    location /dist/ {{ autoindex on; }}
    location /json/ {{ alias {place}/files/dist/; autoindex on; autoindex_format json; }}
    location /portal/ {{ try_files $uri /portal/index.html; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """A running nginx over a folder."""

    url: str
    files: Path
    log: Path

    def asked(self, begin: str) -> list[str]:
        """What was asked for below this path and how it was answered, by the server's own log."""
        lines = re.findall(r"(\d+) (\w+) (\S+)", self.log.read_text())
        return [f"{status} {path.removeprefix(begin)}" for status, _, path in lines if path.startswith(begin)]


@contextmanager
def nginx(place: Path) -> Iterator[Server]:
    """An nginx over an empty folder.

    closed/ needs the login of me with pass; portal/ has a page for what is not there; dist/ is listed, as json/ too.
    """
    for one in ("closed", "portal", "dist"):
        (place / "files" / one).mkdir(parents=True)
    (place / "files/portal/index.html").write_text("<!doctype html><title>Welcome</title>")
    secret = base64.b64encode(hashlib.sha1(b"pass").digest()).decode()
    (place / "htpasswd").write_text(f"me:{{SHA}}{secret}\n")
    port = free_port()
    (place / "nginx.conf").write_text(CONFIG.format(place=place, port=port))
    words = [program("nginx", MEND), "-p", str(place), "-c", str(place / "nginx.conf"), "-e", str(place / "errors")]
    url = f"http://127.0.0.1:{port}"
    with running(words, f"{url}/", place / "out", env=plain(place / "home")):
        yield Server(url=url, files=place / "files", log=place / "log")
