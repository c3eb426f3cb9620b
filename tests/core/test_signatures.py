"""What signatures of a registry come to: verified is said only where one holds by a key that was good then."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.core import signatures
from bot.core.attestations import Answer, Standing
from bot.core.signatures import Checked

NOW = datetime(2026, 5, 4, tzinfo=UTC)
times = st.none() | st.integers(-2, 2).map(lambda days: NOW + timedelta(days=days))
checks = st.builds(
    Checked, key=st.sampled_from("ab"), listed=st.booleans(), expires=times, holds=st.none() | st.booleans()
)
answers = st.builds(Answer, standing=st.sampled_from(Standing), why=st.just("x"))


@given(st.lists(checks, max_size=3), times)
def test_verified_is_never_said_of_what_does_not_hold(every: list[Checked], published: datetime | None) -> None:
    """One that does not hold refuses, whatever the others are; none at all is no proof of anything."""
    found = signatures.judge("x@1:sha512-", "example.org", every, published)
    good = [
        one
        for one in every
        if one.listed and one.holds and (not one.expires or (published and published < one.expires))
    ]
    if any(one.holds is False for one in every):
        assert found.standing is Standing.WRONG
    elif not every:
        assert found.standing is Standing.NONE
    else:
        assert found.standing is (Standing.VERIFIED if good else Standing.UNKNOWN)
    assert bool(found.why) == (found.standing in (Standing.WRONG, Standing.UNKNOWN))


@given(st.none() | answers, answers)
def test_only_what_is_wrong_refuses_and_what_was_lost_asks(before: Answer | None, after: Answer) -> None:
    """What is verified, and what never was signed, asks nobody."""
    told = signatures.told(before, after)
    assert (told is not None and told.grave) == (after.standing is Standing.WRONG)
    lost = after.standing is Standing.NONE and before is not None and before.standing is not Standing.NONE
    assert (told is not None and told.asks) == (after.standing is Standing.UNKNOWN or lost)
