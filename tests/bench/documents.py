"""Documents as registries send them, made by rule: the same seed gives the same bytes, and the shapes are real ones.

How many versions and files a project has was counted on 77 pages and 635 npm documents of packages in common use
(November 2026); a file's entry takes 380 to 470 bytes there, a version's 0.7 to 3.6 KB. Names, hashes and people are
made up.
"""

from __future__ import annotations

import base64
import json
import random
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

FILES = "https://files.example"  # real pages name their files on another host, whole
LAST = datetime(2026, 1, 15, tzinfo=UTC)
PYTHONS = (None, ">=3.6", ">=3.7", ">=3.8", ">=3.9", ">=3.10")

# (versions, files) of 60 projects, small to large.
PYPI = (
    (2, 6), (4, 8), (11, 17), (12, 18), (10, 20), (13, 23), (27, 35), (27, 39), (34, 51), (25, 50), (28, 56), (38, 58),
    (36, 58), (40, 61), (43, 75), (36, 72), (53, 81), (43, 86), (46, 84), (46, 92), (60, 87), (52, 97), (83, 110),
    (55, 110), (57, 112), (57, 114), (52, 116), (71, 118), (66, 130), (58, 143), (109, 144), (78, 143), (92, 174),
    (69, 188), (109, 192), (149, 217), (163, 244), (193, 355), (207, 414), (41, 657), (542, 1084), (26, 958),
    (36, 1024), (41, 1101), (18, 1184), (17, 1306), (80, 2124), (143, 2250), (273, 2466), (55, 2721), (67, 2633),
    (53, 2860), (97, 2871), (69, 3078), (160, 3742), (139, 5394), (333, 6024), (344, 6796), (433, 7296), (203, 9555),
)  # fmt: skip
# Versions of 40 npm packages that applications name themselves.
NPM = (
    10, 16, 22, 26, 30, 35, 40, 40, 45, 49, 56, 60, 65, 70, 77, 80, 82, 84, 87, 93, 93, 100, 110, 115, 117, 122, 130,
    150, 168, 187, 238, 240, 267, 290, 382, 434, 441, 711, 852, 2346,
)  # fmt: skip
# Deciles of versions over all packages of a few large trees; most that a fleet has are small.
FLEET = (1, 3, 6, 8, 12, 18, 26, 36, 52, 78, 110, 187, 238)
PLATFORMS = (
    "manylinux_2_17_x86_64.manylinux2014_x86_64", "manylinux_2_17_aarch64.manylinux2014_aarch64", "win_amd64",
    "macosx_10_9_universal2", "macosx_11_0_arm64", "musllinux_1_2_x86_64", "musllinux_1_2_aarch64", "win32",
    "win_arm64",
    "manylinux_2_17_s390x.manylinux2014_s390x", "manylinux_2_17_ppc64le.manylinux2014_ppc64le",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Project:
    """A name and how big it is. files: of all versions; npm has one for each."""

    name: str
    versions: int
    files: int
    seed: int


def pypi_projects() -> list[Project]:
    """The sixty."""
    return [Project(f"py-pack-{at:02}", versions, files, at) for at, (versions, files) in enumerate(PYPI)]


def npm_projects() -> list[Project]:
    """The forty; some have a scope."""
    return [Project(f"{'@acme/' if at % 5 == 0 else 'js-'}pack-{at:02}", n, n, 1000 + at) for at, n in enumerate(NPM)]


def fleet_project(name: str) -> Project:
    """One of as many as are wanted, `many-py-<n>` or `many-js-<n>`, with the sizes of a large tree's packages."""
    seed = zlib.crc32(name.encode())
    rng = random.Random(seed)
    at = rng.randrange(len(FLEET) - 1)
    versions = rng.randint(FLEET[at], FLEET[at + 1])
    return Project(name, versions, versions * rng.choice((1, 2, 2, 2, 3, 12)), seed)


def versions_of(project: Project, *, npm: bool) -> list[str]:
    """As makers count: mostly patches, some candidates, sometimes a new major."""
    rng = random.Random(project.seed)
    major, minor, patch = 0 if project.seed % 3 else 1, 1, 0
    found: list[str] = []
    while len(found) < project.versions:
        dice = rng.random()
        if dice < 0.03:
            major, minor, patch = major + 1, 0, 0
        elif dice < 0.33:
            minor, patch = minor + 1, 0
        else:
            patch += 1
        number = f"{major}.{minor}.{patch}"
        if rng.random() < 0.12:
            found += [f"{number}-beta.{n}" if npm else f"{number}rc{n}" for n in range(1, rng.randint(2, 4))]
        found.append(number)
    # The last is a finished one, as in nearly all projects.
    return found[-project.versions :]


def times_of(project: Project) -> list[datetime]:
    """A time of publication for each version, oldest first."""
    rng = random.Random(project.seed + 7)
    gaps = [rng.expovariate(1 / 20) + 0.05 for _ in range(project.versions)]
    at, found = LAST - timedelta(days=rng.uniform(1, 60)), []
    for gap in gaps:
        found.append(at)
        at -= timedelta(days=gap, seconds=rng.random())
    return found[::-1]


def pinned(project: Project, *, npm: bool) -> str:
    """Which version a repository uses: one in five is up to date, the others lie up to a third behind."""
    finished = [one for one in versions_of(project, npm=npm) if "-" not in one and "rc" not in one]
    behind = 0 if project.seed % 5 == 0 else 1 + random.Random(project.seed + 3).randrange(len(finished) // 3 + 1)
    return finished[max(0, len(finished) - 1 - behind)]


def _shares(project: Project) -> list[int]:
    """How many files each version has: the later ones have more wheels."""
    weights = [0.3 + (at / project.versions) ** 2 * 2 for at in range(project.versions)]
    each = project.files / sum(weights)
    return [max(1, round(each * weight)) for weight in weights]


def _filenames(name: str, version: str, count: int) -> Iterator[str]:
    bare = name.replace("-", "_")
    yield f"{bare}-{version}.tar.gz"
    if count == 2:
        yield f"{bare}-{version}-py3-none-any.whl"
        return
    for at in range(count - 1):
        python = f"cp3{6 + at // len(PLATFORMS)}"
        yield f"{bare}-{version}-{python}-{python}-{PLATFORMS[at % len(PLATFORMS)]}.whl"


@dataclass(frozen=True, slots=True)
class _File:
    filename: str
    version: str
    sha256: str
    other: str
    requires: str | None
    size: int
    at: datetime

    @property
    def url(self) -> str:
        return f"{FILES}/packages/{self.other[:2]}/{self.other[2:4]}/{self.other[4:]}/{self.filename}"


def _files(project: Project) -> Iterator[_File]:
    rng = random.Random(project.seed + 1)
    rows = zip(versions_of(project, npm=False), times_of(project), _shares(project), strict=True)
    for at, (version, when, count) in enumerate(rows):
        requires = PYTHONS[at * len(PYTHONS) // project.versions]
        for filename in _filenames(project.name, version, count):
            hashes = f"{rng.getrandbits(256):064x}", f"{rng.getrandbits(256):064x}"
            yield _File(filename, version, *hashes, requires, rng.randrange(10_000, 9_000_000), when)
            when += timedelta(seconds=rng.uniform(0.2, 3))


def simple_page(project: Project) -> bytes:
    """The page of PEP 691 and 700."""
    files = []
    for one in _files(project):
        entry = {
            "filename": one.filename,
            "hashes": {"sha256": one.sha256},
            "requires-python": one.requires,
            "size": one.size,
            "upload-time": f"{one.at:%Y-%m-%dT%H:%M:%S.%fZ}",
            "url": one.url,
            "yanked": False,
        }
        files.append(entry)
    page = {
        "files": files, "meta": {"_last-serial": 30_000_000 + project.seed, "api-version": "1.1"},
        "name": project.name, "versions": versions_of(project, npm=False),
    }  # fmt: skip
    return json.dumps(page, separators=(",", ":")).encode()


def legacy_page(project: Project) -> bytes:
    """The older JSON document of the same project, which other tools ask for: twice as big."""
    releases: dict[str, list[object]] = {}
    for one in _files(project):
        kind = "bdist_wheel" if one.filename.endswith(".whl") else "sdist"
        entry = {
            "comment_text": None, "digests": {"blake2b_256": one.other, "md5": one.sha256[:32], "sha256": one.sha256},
            "downloads": -1, "filename": one.filename, "has_sig": False, "md5_digest": one.sha256[:32],
            "packagetype": kind, "python_version": "py3", "requires_python": one.requires, "size": one.size,
            "upload_time": f"{one.at:%Y-%m-%dT%H:%M:%S}", "upload_time_iso_8601": f"{one.at:%Y-%m-%dT%H:%M:%S.%fZ}",
            "url": one.url, "yanked": False, "yanked_reason": None,
        }  # fmt: skip
        releases.setdefault(one.version, []).append(entry)
    last = list(releases)[-1]
    info = {"name": project.name, "version": last, "summary": "A project", "description": "words " * 1500}
    page = {"info": info, "last_serial": 1, "releases": releases, "urls": releases[last], "vulnerabilities": []}
    return json.dumps(page, separators=(",", ":")).encode()


def is_attested(project: Project) -> bool:
    """Whether its last third is published by a build that vouches for it, as with three in ten packages."""
    return project.seed % 10 in (1, 4, 7)


def packument(project: Project, registry: str, *, short: bool, attested: bool) -> bytes:
    """npm's document, abbreviated or full. attested: whether this registry passes attestations on."""
    rng = random.Random(project.seed + 2)
    versions, times = versions_of(project, npm=True), times_of(project)
    shape = rng.randint(2, 12)  # how many dependencies it has
    made = {}
    for at, version in enumerate(versions):
        said = _version(project, version, registry, rng, shape)
        if attested and is_attested(project) and at * 3 > project.versions * 2:
            said["dist"]["attestations"] = {  # type: ignore[index]  # a mapping there
                "url": f"{registry}/-/npm/v1/attestations/{project.name.replace('/', '%2f')}@{version}",
                "provenance": {"predicateType": "https://slsa.dev/provenance/v1"},
            }
        made[version] = said if short else said | _more(project, version, rng, trusted="attestations" in str(said))
    document: dict[str, object] = {"name": project.name, "dist-tags": {"latest": versions[-1]}}
    if short:
        document |= {"versions": made, "modified": _iso(times[-1])}
    else:
        when = {"created": _iso(times[0]), "modified": _iso(times[-1])}
        when |= {version: _iso(at) for version, at in zip(versions, times, strict=True)}
        head = {"_id": project.name, "_rev": f"{project.versions}-{project.seed:032x}"}
        tail = {"maintainers": PEOPLE, "description": "A package", "readme": "words " * 1200, "license": "MIT"}
        document = head | document | {"versions": made, "time": when} | tail
    return json.dumps(document, separators=(",", ":")).encode()


PEOPLE = [{"name": f"person{n}", "email": f"person{n}@mail.example"} for n in range(3)]


def _iso(at: datetime) -> str:
    return f"{at:%Y-%m-%dT%H:%M:%S.%f}"[:-3] + "Z"


def checksum_of(name: str, version: str) -> bytes:
    """The sha512 that a release says it has."""
    return random.Random(f"{name}@{version}").randbytes(64)


def _version(project: Project, version: str, registry: str, rng: random.Random, shape: int) -> dict[str, object]:
    digest = checksum_of(project.name, version)
    return {
        "name": project.name,
        "version": version,
        "dependencies": {f"dependency-{n}": f"^{n}.{rng.randrange(9)}.{rng.randrange(20)}" for n in range(shape)},
        "devDependencies": {f"tool-{n}": f"^{n}.{rng.randrange(9)}.0" for n in range(shape)},
        "engines": {"node": ">=14"},
        "dist": {
            "integrity": "sha512-" + base64.b64encode(digest).decode(),
            "shasum": digest[:20].hex(),
            "tarball": f"{registry}/{project.name}/-/{project.name.partition('/')[2] or project.name}-{version}.tgz",
            "fileCount": 20 + shape,
            "unpackedSize": 90_000 + shape,
            "signatures": [{"keyid": "SHA256:" + "k" * 43, "sig": base64.b64encode(rng.randbytes(70)).decode()}],
        },
    }


def _more(project: Project, version: str, rng: random.Random, *, trusted: bool) -> dict[str, object]:
    user: dict[str, object] = dict(PEOPLE[0])
    if trusted:
        build = {"id": "github", "oidcConfigId": f"oidc:{project.seed:08x}-0000-4000-8000-000000000000"}
        user = {"name": "GitHub Actions", "email": "npm-oidc-no-reply@mail.example", "trustedPublisher": build}
    return {
        "_id": f"{project.name}@{version}",
        "description": "A package that does what its name says, and has a sentence here to say so",
        "license": "MIT",
        "keywords": ["one", "two", "three"],
        "author": PEOPLE[0],
        "maintainers": PEOPLE,
        "repository": {"type": "git", "url": f"git+https://github.com/acme/pack-{project.seed}.git"},
        "homepage": f"https://github.com/acme/pack-{project.seed}#readme",
        "bugs": {"url": f"https://github.com/acme/pack-{project.seed}/issues"},
        "main": "./dist/index.js",
        "types": "./dist/index.d.ts",
        "exports": {".": {"types": "./dist/index.d.ts", "import": "./dist/index.mjs", "require": "./dist/index.js"}},
        "scripts": {"build": "tsc -p .", "test": "vitest run --coverage", "lint": "eslint .", "prepare": "husky"},
        "gitHead": f"{rng.getrandbits(160):040x}",
        "directories": {},
        "_npmUser": user,
        "_npmVersion": "10.9.2",
        "_nodeVersion": "22.14.0",
        "_hasShrinkwrap": False,
        "_npmOperationalInternal": {"host": "s3://npm-registry-packages", "tmp": f"tmp/{rng.getrandbits(64):x}"},
    }


def attestation(project: Project, version: str) -> bytes:
    """What npm's registry says of a version's build; a real one has some more certificates in it."""
    statement = {
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": f"pkg:npm/{project.name}@{version}", "digest": {"sha512":
                     checksum_of(project.name, version).hex()}}],
        "predicateType": "https://slsa.dev/provenance/v1",
        "predicate": {"buildDefinition": {"buildType": "https://slsa-framework.github.io/github-actions-buildtypes/v1",
                      "externalParameters": {"workflow": {"ref": "refs/heads/main", "path": ".github/workflows/out.yml",
                      "repository": f"https://github.com/acme/pack-{project.seed}"}}}},
    }  # fmt: skip
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    material = {"certificate": {"rawBytes": "M" * 2600}, "tlogEntries": [{"canonicalizedBody": "e" * 5000}]}
    made = {
        "predicateType": "https://slsa.dev/provenance/v1",
        "bundle": {"dsseEnvelope": {"payload": payload, "payloadType": "application/vnd.in-toto+json"},
                   "verificationMaterial": material},
    }  # fmt: skip
    return json.dumps({"attestations": [made]}).encode()
