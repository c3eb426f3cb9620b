"""Nobody's yes counts for code that they have not seen, may not merge, or wrote themselves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.core.approvals import Opinion, Permission, Review, Standing, permission_of, standing
from bot.core.model import Approval, Login, Sha

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
HEAD, OLD = Sha("a" * 40), Sha("b" * 40)
AUTHOR = Login("surefoot-app[bot]")
YES, NO, REMARK = Opinion.APPROVED, Opinion.CHANGES_REQUESTED, Opinion.COMMENTED


def a_review(opinion: Opinion = YES, who: str = "ann", after: int = 0, **overrides: Any) -> Review:
    """Ann may write and speaks of the head; `after` minutes."""
    values: dict[str, Any] = {
        "who": Login(who),
        "opinion": opinion,
        "commit": HEAD,
        "at": NOW + timedelta(minutes=after),
        "permission": Permission.WRITE,
    }
    return Review(**(values | overrides))


def stand(*reviews: Review, **others: Any) -> Standing:
    """To the head of a pull request of the bot's own."""
    return standing(reviews, **({"head": HEAD, "author": AUTHOR} | others))


def yes_of(found: Standing) -> list[Login]:
    """Whose yes counts; nobody's while somebody who may said no."""
    return [] if found.blockers else [one.who for one in found.approvals]


def test_a_yes_of_somebody_who_may_write_counts() -> None:
    """With the person, the commit and the time."""
    found = stand(a_review())

    assert found.approvals == (Approval(who=Login("ann"), head=HEAD, at=NOW, source="review"),)
    assert yes_of(found) == ["ann"]
    assert found.why == ("@ann approved `aaaaaaa`",)


def test_an_unknown_writer_is_nobody_in_particular() -> None:
    """It takes nobody's yes away, since the policy asks for one more; who is known to have pushed has none."""
    found = stand(a_review(), a_review(who="ben"), pushers=(Login("ben"), None))

    assert ["ann"] == [yes.who for yes in found.approvals]
    assert "wrote to this pull request themselves" in found.why[1]


def test_nobody_said_anything_is_no_approval() -> None:
    """There is nobody to count."""
    assert stand() == Standing()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"commit": OLD}, "approved `bbbbbbb`, and the head is `aaaaaaa` now"),
        ({"commit": None}, "approved a commit that is gone"),
        ({"permission": Permission.TRIAGE}, "may not write to this repository"),
        ({"permission": Permission.NONE}, "may not write to this repository"),
        ({"permission": None}, "whether they may write to this repository is not known"),
        ({"is_bot": True}, "a bot's word does not count"),
        ({"who": Login("helper[bot]")}, "a bot's word does not count"),
        ({"opinion": Opinion.DISMISSED}, "was dismissed"),
    ],
)
def test_a_yes_that_does_not_count_says_why(change: dict[str, Any], words: str) -> None:
    """Other commits, missing rights, unknown rights and bots approve nothing."""
    found = stand(a_review(**change))

    assert found.approvals == ()
    assert words in found.why[0]


def test_the_author_and_whoever_pushed_do_not_count() -> None:
    """Two pairs of eyes means two persons; capitals make no other person."""
    assert not stand(a_review(who="Ann"), author=Login("ann")).approvals
    assert not stand(a_review(), pushers=[Login("ANN")]).approvals
    assert stand(a_review(), author=None).approvals


def test_a_remark_after_a_yes_takes_nothing_away() -> None:
    """Only opinions replace opinions."""
    assert yes_of(stand(a_review(), a_review(REMARK, after=5))) == ["ann"]
    assert yes_of(stand(a_review(), a_review(Opinion.PENDING, after=5))) == ["ann"]


def test_the_last_opinion_of_each_person_counts() -> None:
    """Whatever the order in which they are listed."""
    yes_then_no = (a_review(), a_review(NO, after=5))
    no_then_yes = (a_review(NO), a_review(after=5))

    assert stand(*yes_then_no).approvals == () and stand(*yes_then_no).blockers == ("ann",)
    assert yes_of(stand(*no_then_yes)) == ["ann"]
    assert stand(*yes_then_no) == stand(*reversed(yes_then_no))


def test_a_dismissed_opinion_leaves_no_older_one_behind() -> None:
    """A dismissal does not bring back a yes of before."""
    assert not stand(a_review(), a_review(Opinion.DISMISSED, after=5)).approvals
    assert not stand(a_review(NO, who="bob"), a_review(Opinion.DISMISSED, who="bob", after=5)).blockers


def test_a_request_for_changes_stays_across_pushes() -> None:
    """A push alone does not answer it; another person's yes does not either."""
    found = stand(a_review(NO, who="bob", commit=OLD), a_review())

    assert found.blockers == ("bob",) and yes_of(found) == []
    assert "@bob asked for changes" in found.why


def test_only_who_may_write_can_block() -> None:
    """A passer-by cannot stop an update, nor can a bot; a contributor with the right can."""
    assert not stand(a_review(NO, permission=Permission.READ)).blockers
    assert not stand(a_review(NO, is_bot=True)).blockers
    assert stand(a_review(NO), pushers=[Login("ann")]).blockers


def test_an_unknown_right_approves_nothing_and_blocks_what_it_would() -> None:
    """While it cannot be read, a person has to look."""
    found = stand(a_review(NO, who="bob", permission=None), a_review())

    assert found.unknown == ("bob",)
    assert found.blockers == ("bob",)
    assert any("not known" in line for line in found.why)


def test_two_may_be_needed() -> None:
    """Two persons, not one who said it twice."""
    assert yes_of(stand(a_review(), a_review(after=1))) == ["ann"]
    assert yes_of(stand(a_review(), a_review(who="bob"))) == ["ann", "bob"]


def test_of_two_opinions_of_one_second_the_graver_counts() -> None:
    """GitHub's times are whole seconds."""
    assert stand(a_review(NO), a_review()).blockers == ("ann",)
    assert stand(a_review(), a_review(NO)).blockers == ("ann",)


def test_an_approval_by_comment_counts_like_a_review() -> None:
    """And keeps where it came from."""
    (found,) = stand(a_review(source="comment")).approvals

    assert found.source == "comment"


@pytest.mark.parametrize(
    ("word", "expected"),
    [("admin", Permission.ADMIN), ("write", Permission.WRITE), ("Maintain", Permission.MAINTAIN),
     ("none", Permission.NONE), ("release-captain", None), ("", None)],
)  # fmt: skip
def test_a_role_that_an_organisation_made_up_is_not_known(word: str, expected: Permission | None) -> None:
    """Its name says nothing about what it may do."""
    assert permission_of(word) is expected


review = st.builds(
    Review,
    who=st.sampled_from(["ann", "ANN", "bob", "eve", "dep[bot]"]).map(Login),
    opinion=st.sampled_from(Opinion),
    commit=st.sampled_from([HEAD, OLD, None]),
    at=st.integers(0, 5).map(lambda minutes: NOW + timedelta(minutes=minutes)),
    permission=st.one_of(st.none(), st.sampled_from(Permission)),
    is_bot=st.booleans(),
)


@given(st.lists(review, max_size=8))
def test_a_push_takes_every_approval_away(reviews: list[Review]) -> None:
    """For a head that nobody has seen there is never an approval."""
    assert standing(reviews, head=Sha("c" * 40), author=AUTHOR).approvals == ()


@given(st.lists(review, max_size=8))
def test_every_approval_has_a_review_that_earns_it(reviews: list[Review]) -> None:
    """A person, not the author, who may write, said yes to exactly this commit; once a person."""
    found = standing(reviews, head=HEAD, author=Login("eve"))

    for approval in found.approvals:
        assert approval.head == HEAD and approval.who.lower() in ("ann", "bob")
        assert any(
            r.who == approval.who and r.opinion is YES and r.commit == HEAD and not r.is_bot and r.at == approval.at
            for r in reviews
            if r.permission is not None and r.permission >= Permission.WRITE
        )
    assert len(found.approvals) == len({approval.who.lower() for approval in found.approvals})


@given(st.lists(review, max_size=8), st.randoms())
def test_the_order_of_the_list_means_nothing(reviews: list[Review], random: Any) -> None:
    """Pages of an API may come in any order."""
    shuffled = list(reviews)
    random.shuffle(shuffled)
    counts = [(sorted(a.who.lower() for a in s.approvals), sorted(b.lower() for b in s.blockers)) for s in (
        standing(reviews, head=HEAD, author=AUTHOR), standing(shuffled, head=HEAD, author=AUTHOR))]  # fmt: skip

    assert counts[0] == counts[1]
