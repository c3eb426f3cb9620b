"""Which pins move together: those of one component, and of one shape where its versions have shapes."""

from __future__ import annotations

from bot.core.model import Component, Pin
from bot.core.survey import groups, oldest_python


def a_pin(name: str, requirement: str, version: str | None, ecosystem: str = "pypi", digest: str = "") -> Pin:
    component = Component(name=name, ecosystem=ecosystem)
    return Pin(path="f", line=1, column=1, manifest="m", component=component, requirement=requirement, version=version,
               digest=digest)  # fmt: skip


def shape(*pins: Pin) -> list[tuple[str, list[str]]]:
    return [(group.component.name, [pin.requirement for pin in group.pins]) for group in groups(pins)]


def test_pins_of_one_component_move_together() -> None:
    """A range beside an exact pin holds it back, wherever both are written."""
    found = shape(a_pin("a", "==1.0", "1.0"), a_pin("b", "", None), a_pin("a", ">=1,<2", None), a_pin("a", "==2", "2"))

    assert found == [("a", ["==1.0", ">=1,<2", "==2"]), ("b", [""])]


def test_what_nobody_can_order_stays_together() -> None:
    """The answer for it will say so; nothing is lost on the way."""
    assert shape(a_pin("a", "==x", "x"), a_pin("a", "==1", "1")) == [("a", ["==x", "==1"])]
    assert shape(a_pin("a", "1", "1", "cobol"), a_pin("a", "2", "2", "cobol")) == [("a", ["1", "2"])]


def test_the_oldest_python_is_the_lower_bound() -> None:
    """A project that says nothing promises nothing."""
    assert oldest_python('[project]\nrequires-python = ">=3.9,<4"\n') == "3.9"
    assert oldest_python("[project]\n") is None
    assert oldest_python("no toml [") is None


def test_a_file_made_to_take_for_ever_says_nothing() -> None:
    """What a person may write is read; a key of a thousand parts is none of it, and this test ends."""
    assert oldest_python("a." * 50_000 + "a = 1\n") is None
    assert oldest_python("[project]\n" + "#" * 600_000) is None
