"""The same lock is made once; whatever differs, and whatever went wrong, is asked anew."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Transient
from bot.core.locks import LockJob, Relocked
from bot.core.model import Component
from bot.lab.relocked import Remembering, key_of

JOB = LockJob(
    files={"uv.lock": "version = 1\n", "pyproject.toml": "[project]\n"},
    lock="uv.lock",
    manifest="pyproject.toml",
    component=Component(name="greeter"),
    version="2.0",
)


@dataclass
class Smith:
    """Counts; away: how often it fails first."""

    jobs: list[LockJob] = field(default_factory=list)
    away: int = 0

    async def lock(self, job: LockJob) -> Relocked:
        self.jobs.append(job)
        if len(self.jobs) <= self.away:
            raise Transient("the index is away")
        return Relocked(files={job.lock: f"{job.files[job.lock]}# {job.component.name} {job.version}\n"}, moved=())


async def test_the_same_question_is_asked_once() -> None:
    """Another run of the same search, or the rest of the group as its own update, finds the lock made."""
    smith = Smith()
    locker = Remembering(locker=smith)
    first, again = await locker.lock(JOB), await locker.lock(replace(JOB, files=dict(reversed([*JOB.files.items()]))))
    assert first == again and len(smith.jobs) == 1


@pytest.mark.parametrize(
    "other",
    [
        replace(JOB, version="2.1"),
        replace(JOB, component=Component(name="other")),
        replace(JOB, component=Component(name="greeter", registry="https://index.example")),
        replace(JOB, files={**JOB.files, "uv.lock": "version = 2\n"}),
        replace(JOB, files={**JOB.files, "uv.toml": ""}),
    ],
)
async def test_another_question_is_another_answer(other: LockJob) -> None:
    """Another version, another package or registry, another text, one file more."""
    smith = Smith()
    locker = Remembering(locker=smith)
    assert await locker.lock(JOB) == await Smith().lock(JOB)
    assert await locker.lock(other) == await Smith().lock(other)
    assert len(smith.jobs) == 2


async def test_what_went_wrong_is_asked_again() -> None:
    """An index that was away is no answer to keep."""
    locker = Remembering(locker=Smith(away=1))
    with pytest.raises(Transient):
        await locker.lock(JOB)
    assert (await locker.lock(JOB)).files["uv.lock"].endswith("# greeter 2.0\n")


async def test_what_is_too_large_to_keep_is_given_all_the_same() -> None:
    """Nothing is kept of it."""
    locker = Remembering(locker=Smith())
    huge = replace(JOB, files={**JOB.files, "uv.lock": "x" * (65 << 20)})
    assert len((await locker.lock(huge)).files["uv.lock"]) > 65 << 20 and len(locker.made) == 0


TEXTS = st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=3)


@given(TEXTS, TEXTS)
def test_only_the_same_files_have_the_same_key(some: dict[str, str], others: dict[str, str]) -> None:
    """However names and texts are cut, one is not taken for another."""
    assert (key_of(replace(JOB, files=some)) == key_of(replace(JOB, files=others))) == (some == others)
