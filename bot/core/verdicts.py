"""What one look at an update found, and how several looks become one result of a suite."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.core.compatibility import Certainty, Finding
from bot.core.model import Grade, Level, Measure, Remark
from bot.core.quoting import code

_ORDER = (Grade.PASSED, Grade.UNKNOWN, Grade.FAILED)
_LEVELS = {
    Certainty.BROKEN: Level.FAILURE,
    Certainty.UNSURE: Level.WARNING,
    Certainty.CUSHIONED: Level.NOTICE,
    Certainty.OLD: Level.NOTICE,
}
_GRADES = {Certainty.BROKEN: Grade.FAILED, Certainty.UNSURE: Grade.UNKNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What one look found. why: one sentence for its grade, "" where there is nothing to say."""

    grade: Grade = Grade.PASSED
    why: str = ""
    remarks: tuple[Remark, ...] = ()
    measures: tuple[Measure, ...] = ()
    notes: tuple[str, ...] = ()


def folded(looks: Sequence[Looked]) -> Looked:
    """All of them as one: the worst grade speaks, of equal ones the first; remarks by their weight."""
    worst = max((look for look in looks if look.why), key=lambda look: _ORDER.index(look.grade), default=Looked())
    weight = (Level.FAILURE, Level.WARNING, Level.NOTICE)
    remarks = sorted((one for look in looks for one in look.remarks), key=lambda one: weight.index(one.level))
    return Looked(
        grade=worst.grade,
        why=worst.why,
        remarks=tuple(remarks),
        measures=tuple(one for look in looks for one in look.measures),
        notes=tuple(dict.fromkeys(note for look in looks for note in look.notes)),
    )


def of_findings(found: Sequence[Finding]) -> Looked:
    """FAILED for what is broken for certain, UNKNOWN for what only the files say, with every place."""
    worst = max((_GRADES.get(one.certainty, Grade.PASSED) for one in found), key=_ORDER.index, default=Grade.PASSED)
    telling = [one for one in found if _GRADES.get(one.certainty) is worst]
    return Looked(grade=worst, why=_why(telling), remarks=tuple(_remark(one) for one in found))


def _why(found: Sequence[Finding]) -> str:
    if not found:
        return ""
    first = found[0]
    places = "" if len(found) == 1 else f", and {len(found) - 1} more uses break"
    if len(found) == 2:
        places = ", and 1 more use breaks"
    verb = "uses" if first.use.call is None else "calls"
    return f"{first.name} {first.words}, and {_place(first)} {verb} it{places}"


def _place(finding: Finding) -> str:
    return code(f"{finding.use.file}:{finding.use.line}")


def _remark(finding: Finding) -> Remark:
    words = {
        Certainty.UNSURE: "Not for certain: the running package could not be asked, or may make it up when it is used.",
        Certainty.CUSHIONED: "This place asks first or catches the error.",
    }
    said = f"The package says: {code(finding.said)}." if finding.said else ""
    hint = f"{finding.hint[:1].upper()}{finding.hint[1:]}." if finding.hint else ""
    message = " ".join(part for part in (finding.doubt or words.get(finding.certainty, ""), said, hint) if part)
    return Remark(
        level=_LEVELS[finding.certainty],
        title=f"{finding.name} {finding.words}",
        message=message or f"It is used here: {_place(finding)}.",
        path=finding.use.file,
        line=finding.use.line,
    )
