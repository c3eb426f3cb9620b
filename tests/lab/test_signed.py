"""Before an update of npm's is merged, it is known whether its registry signed the very content that is installed."""

from __future__ import annotations

import base64
import importlib.util
import json
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.attestations import Told
from bot.core.model import Grade, Level
from bot.lab import security, security_lock, security_signed
from bot.lab.host import Host
from bot.lab.learnt import Learnt
from bot.lab.security_signed import Found
from bot.lab.vouched.holding import holds
from bot.lab.workbench import Budget, OutOfTime, Workbench
from tests.lab.signing import Sigstore, _key, b64, spki
from tests.lab.vouching import KEY_ID, Bench, Npm, a_bench

OURS = Sigstore()
NAME = "@acme/greeter"
PAST, FUTURE = "2024-01-29T00:00:00.000Z", "2124-01-29T00:00:00.000Z"
# Signed by npm's public registry, and the key by which it signed in those years; test data of the npm client
# (github.com/npm/cli, test/lib/commands/audit.js, Artistic-2.0).
REAL_KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE1Olb3zMAFFxXKHiIkQO5cJ3Yhl5i6UPp+IhuteBJbuHcA5UogKo0EWtlWwW6KSaKoTNEYL7JlCQiVnkh"
    "BktUgg=="
)
REAL = {
    "kms-demo@1.0.0": (
        "sha512-QqZ7VJ/8xPkS9s2IWB7Shj3qTJdcRyeXKbPQnsZjsPEwvutGv0EGeVchPcauoiDFJlGbZMFq5GDCurAGNSghJQ==",
        "MEUCIDrLNspFeU5NZ6d55ycVBZIMXnPJi/XnI1Y2dlJvK8P1AiEAnXjn1IOMUd+U7YfPH+FNjwfLq+jCwfH8uaxocq+mpPk=",
    ),
    "node-fetch@1.7.1": (
        "sha512-j8XsFGCLw79vWXkZtMSmmLaOk9z5SQ9bV/tkbZVCqvgwzrjAGq66igobLofHtF63NvMTp2WjytpsNTGKa+XRIQ==",
        "MEYCIQDEn2XrrMXlRm+wh2tOIUyb0Km3ZujfT+6Mf61OXGK9zQIhANnPauUwx3N9RcQYQakDpOmLvYzNkySh7fmzmvyhk21j",
    ),
}


@pytest.fixture
async def bench(tmp_path: Path, host: Host) -> AsyncIterator[Bench]:
    """A registry on loopback that has a key."""
    async with a_bench(tmp_path, host, OURS) as made:
        yield made


def lock(**packages: str) -> str:
    """Of what is installed: name -> "version integrity"."""
    held = {
        f"node_modules/{name.replace('__', '/')}": dict(zip(("version", "integrity"), one.split(" ", 1), strict=True))
        for name, one in packages.items()
    }
    return json.dumps({"lockfileVersion": 3, "packages": {"": {}, **held}})


def locked(npm: Npm, version: str, name: str = NAME) -> str:
    """The lock with one package, as the registry has it."""
    return lock(**{name.replace("/", "__"): f"{version} {npm.versions[f'{name}@{version}']['dist']['integrity']}"})


def released(npm: Npm, *, signed: tuple[bool, bool] = (True, True)) -> tuple[str, str]:
    """Two versions, each signed or not. Their locks."""
    for version, by in zip(("1.0.0", "1.1.0"), signed, strict=True):
        npm.publish(NAME, version)
        if by:
            npm.sign(NAME, version)
    return locked(npm, "1.0.0"), locked(npm, "1.1.0")


async def looked(bench: Bench, before: str, after: str, made: Workbench | None = None) -> Found:
    """What is found between two locks."""
    given = replace(made or bench.made("", "", "npm"), budget=Budget(60.0))
    own = bench.made(before, after, "npm")
    given = replace(given, before=own.before, after=own.after)
    (sides,) = security_lock.sides(given)
    changes = security_lock.changes(sides.old, sides.new)
    return await security_signed.examine(given, sides, changes, Learnt(folder=bench.folder / "kept"))


def only(found: Found) -> Told:
    """The one thing that is said."""
    ((name, title, told),) = found.told
    assert title.startswith(f"`{name} ")
    return told


async def test_what_its_registry_signed_is_counted_and_asks_nobody(bench: Bench) -> None:
    """The old version need not be looked at for it; nor is a registry asked again for what was verified once."""
    before, after = released(bench.npm)
    found = await looked(bench, before, after)
    assert (found.told, found.asked, found.verified) == ((), 1, 1)
    assert found.notes == ("registry signatures: 1 of 1 packages are verified",)
    assert bench.npm.seen == ["/-/npm/v1/keys", "/@acme%2fgreeter/1.1.0"]
    assert await looked(bench, before, after) == found
    assert len(bench.npm.seen) == 2


async def test_the_keys_of_a_registry_are_known_for_a_while(bench: Bench) -> None:
    """One question for many updates; a key that is newer than that is asked for at once."""
    made = bench.made("", "", "npm")
    before, after = released(bench.npm)
    await looked(bench, before, after, made)
    bench.npm.publish(NAME, "1.2.0")
    bench.npm.sign(NAME, "1.2.0")
    assert (await looked(bench, after, locked(bench.npm, "1.2.0"), made)).verified == 1
    assert bench.npm.seen.count("/-/npm/v1/keys") == 1
    newer = _key()
    bench.npm.keys.append({"keyid": "SHA256:newer", "key": b64(spki(newer)), "expires": None})
    bench.npm.publish(NAME, "1.3.0")
    bench.npm.sign(NAME, "1.3.0", key=newer, key_id="SHA256:newer")
    assert (await looked(bench, after, locked(bench.npm, "1.3.0"), made)).verified == 1
    assert bench.npm.seen.count("/-/npm/v1/keys") == 2


@pytest.mark.parametrize("wrong", ["other words", "other bytes", "another key's", "none", "long", "beside a good one"])
async def test_a_signature_that_does_not_hold_refuses_the_update(bench: Bench, wrong: str) -> None:
    """It is said of which package, registry and key, and what should have been signed."""
    before, after = released(bench.npm, signed=(True, wrong == "beside a good one"))
    if wrong == "other bytes":
        bench.npm.sign(NAME, "1.1.0", said=f"{NAME}@1.1.0:sha512-{'A' * 86}==")
    elif wrong == "another key's":
        bench.npm.sign(NAME, "1.1.0", key=_key())
    elif wrong in ("none", "long"):
        sig = "bogus" if wrong == "none" else "A" * 10_000
        bench.npm.versions[f"{NAME}@1.1.0"]["dist"]["signatures"] = [{"keyid": KEY_ID, "sig": sig}]
    else:
        bench.npm.sign(NAME, "1.1.0", said="something else")
    told = only(await looked(bench, before, after))
    assert told.grave and "does not hold" in told.why
    assert "`127.0.0.1`" in told.why and f"`{KEY_ID}`" in told.why and f"`{NAME}@1.1.0:sha512-" in told.why
    assert only(await looked(bench, before, after)) == told


async def test_a_mirror_that_swaps_the_file_and_its_hash_is_found_out(bench: Bench) -> None:
    """Its page and the lock agree on other bytes; the registry signed those that were published."""
    before, _ = released(bench.npm)
    dist = bench.npm.versions[f"{NAME}@1.1.0"]["dist"]
    dist["integrity"] = f"sha512-{b64(b'0' * 64)}"
    assert only(await looked(bench, before, locked(bench.npm, "1.1.0"))).grave


async def test_a_lock_of_other_bytes_than_the_registry_has_asks_a_person(bench: Bench) -> None:
    """What the lock binds was never published there: nothing is proven in either direction."""
    before, _ = released(bench.npm)
    other = lock(**{NAME.replace("/", "__"): f"1.1.0 sha512-{b64(b'0' * 64)}"})
    told = only(await looked(bench, before, other))
    assert told.asks and not told.grave and "other bytes" in told.why


async def test_a_key_that_is_not_known_or_of_another_kind_asks_a_person(bench: Bench) -> None:
    """Beside one that is known and holds, it does not matter."""
    before, after = released(bench.npm, signed=(True, False))
    bench.npm.sign(NAME, "1.1.0", key=_key(), key_id="SHA256:theirs")
    told = only(await looked(bench, before, after))
    assert told.asks and not told.grave and "`SHA256:theirs`, which `127.0.0.1` does not publish" in told.why
    for key in ("bm8ga2V5", "no base64!", b64(spki(OURS.log)[:-1]), b64(spki(OURS.log)[:-64] + b"\1" * 64)):
        bench.npm.keys = [{"keyid": "SHA256:theirs", "key": key, "expires": None}]
        told = only(await looked(bench, before, after))
        assert told.asks and "of a kind that is not known here" in told.why
    bench.npm.sign(NAME, "1.1.0")
    assert (await looked(bench, before, after)).verified == 1


@pytest.mark.parametrize(
    ("ends", "at", "why"),
    [
        (PAST, "2023-05-01T00:00:00.000Z", ""),
        (FUTURE, "2025-05-01T00:00:00.000Z", ""),
        (PAST, "2025-05-01T00:00:00.000Z", "ended on 2024-01-29, and it was published later"),
        (PAST, PAST, "it was published later"),
        (PAST, "", "when it was published is not told"),
        (PAST, "yesterday", "when it was published is not told"),
    ],
)
async def test_a_key_must_have_been_good_when_the_version_was_published(
    bench: Bench, ends: str, at: str, why: str
) -> None:
    """The time is asked for only where a key has an end, and a time that is not told is no time before it."""
    before, after = released(bench.npm, signed=(True, False))
    old = _key()
    bench.npm.keys = [{"keyid": "SHA256:old", "key": b64(spki(old)), "expires": ends}]
    bench.npm.sign(NAME, "1.1.0", key=old, key_id="SHA256:old")
    bench.npm.times[NAME] = {"created": PAST, **({"1.1.0": at} if at else {})}
    found = await looked(bench, before, after)
    assert found.verified == (not why)
    assert not found.told if not why else why in only(found).why and only(found).asks
    assert "/@acme%2fgreeter" in bench.npm.seen


async def test_a_signature_that_is_gone_asks_a_person(bench: Bench) -> None:
    """Where the version before had none either, or there was none before, it is only counted."""
    before, after = released(bench.npm, signed=(True, False))
    told = only(await looked(bench, before, after))
    assert told.asks and not told.grave and told.why == "is not signed by its registry; the old version is"
    found = await looked(bench, '{"packages": {"": {}}}', after)
    assert not found.told and found.notes == ("registry signatures: 1 of 1 packages have none",)
    bench.npm.versions[f"{NAME}@1.0.0"]["dist"]["signatures"] = "odd"
    shutil.rmtree(bench.folder / "kept")  # what was verified once stays so
    told = only(await looked(bench, before, after))
    assert told.asks and "no list of such" in told.why
    del bench.npm.versions[f"{NAME}@1.0.0"]["dist"]["signatures"]
    assert not (await looked(bench, before, after)).told


async def test_of_a_registry_without_keys_nothing_is_said_but_a_note(bench: Bench) -> None:
    """Its versions are not even asked for."""
    bench.npm.no_keys = True
    found = await looked(bench, *released(bench.npm))
    assert found.notes == ("registry signatures: not looked at, as no keys are published by `127.0.0.1`",)
    assert not found.told and bench.npm.seen == ["/-/npm/v1/keys"]


async def test_a_registry_that_answers_nonsense_or_nothing_is_unknown(bench: Bench) -> None:
    """Lists that are none, or without an end, are not believed, and end nothing."""
    before, after = released(bench.npm)
    held = bench.npm.versions[f"{NAME}@1.1.0"]["dist"]
    for odd in ("text", [1], [{"keyid": 1, "sig": 2}], [{"keyid": KEY_ID, "sig": "x"}] * 21):
        held["signatures"] = odd
        told = only(await looked(bench, before, after))
        assert told.asks and "no list of such" in told.why
    bench.npm.keys = [{"keyid": str(one), "key": "", "expires": None} for one in range(200)]
    assert "201 keys" in only(await looked(bench, before, after)).why
    bench.npm.keys = [{"keyid": "x", "key": "", "expires": "soon"}]
    assert only(await looked(bench, before, after)).asks
    bench.npm.fail = 503
    assert "did not say" in only(await looked(bench, before, after)).why


async def test_what_is_of_no_registry_is_nobody_s_to_sign(bench: Bench) -> None:
    """Nor is anything asked where nobody can be, or of other ecosystems, or when the time is over."""
    git = lock(greeter="1.0.0 git+ssh://git@example.org/x.git#abc")
    assert await looked(bench, '{"packages": {"": {}}}', git) == Found()
    made = bench.made(*released(bench.npm), "npm")
    (sides,) = security_lock.sides(made)
    changes = security_lock.changes(sides.old, sides.new)
    kept = Learnt(folder=bench.folder / "kept")
    assert await security_signed.examine(replace(made, fetching=None), sides, changes, kept) == Found()
    python = bench.made("", "greeter==1.1 --hash=sha256:aa\n", "pypi")
    (other,) = security_lock.sides(python)
    assert await security_signed.examine(python, other, security_lock.changes(other.old, other.new), kept) == Found()
    assert not bench.npm.seen
    with pytest.raises(OutOfTime):
        await security_signed.examine(replace(made, budget=Budget(0.0)), sides, changes, kept)


async def test_the_suite_says_it_where_the_package_is_asked_for(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where sigstore is not installed, which is for attestations alone; each document is asked for once."""
    before, after = released(bench.npm, signed=(True, False))
    bench.npm.sign(NAME, "1.1.0", said="something else")
    made = bench.made(before, after, "npm")
    (bench.folder / "tree/package.json").write_text(f'{{\n  "dependencies": {{\n    "{NAME}": "1.1.0"\n  }}\n}}\n')

    async def suite() -> Any:
        result = await security.examine(made)
        assert result
        return result

    found = await suite()
    assert found.grade is Grade.FAILED and found.why.startswith(f"`{NAME} 1.1.0` has a signature of its registry that")
    assert (found.remarks[0].level, found.remarks[0].path, found.remarks[0].line) == (Level.FAILURE, "package.json", 3)
    assert len(bench.npm.seen) == len(set(bench.npm.seen)) == 3
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, *more: None if name == "sigstore" else find(name))
    assert (await suite()).grade is Grade.FAILED


@pytest.mark.parametrize("package", REAL)
def test_what_the_public_registry_signed_holds(package: str) -> None:
    """For another version, or with the signature of another package, it does not."""
    integrity, sig = REAL[package]
    assert holds(REAL_KEY, sig, f"{package}:{integrity}")
    assert holds(REAL_KEY, sig, f"{package}1:{integrity}") is False
    for other in REAL.keys() - {package}:
        assert holds(REAL_KEY, sig, f"{other}:{REAL[other][0]}") is False


@given(st.binary(max_size=100), st.binary(max_size=90), st.text(max_size=20))
def test_no_bytes_of_strangers_are_a_signature(key: bytes, sig: bytes, said: str) -> None:
    """Nor do they end anything."""
    prefix = base64.b64decode(REAL_KEY)[:27]
    for one in (key, prefix + key[:64]):
        assert not holds(b64(one), b64(sig), said)
    assert holds(REAL_KEY, b64(sig), said) is False
    assert not holds(said, said, said)
