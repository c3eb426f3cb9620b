"""What is made while methods are put off behaves as every dataclass does, from its first call on."""

from __future__ import annotations

import copy
import dataclasses
import inspect
import pickle
import sys
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from bot.tools import lazily


def made() -> type[Any]:
    """A class as this project writes them."""

    @dataclass(frozen=True, slots=True, kw_only=True)
    class Thing:
        """A thing."""

        name: str
        parts: tuple[int, ...] = ()
        tags: dict[str, str] = field(default_factory=dict, compare=False)
        size: int = field(default=3, repr=False)

    return Thing


@pytest.fixture
def later() -> type[Any]:
    with lazily.dataclass_methods():
        return made()


def test_it_does_what_every_dataclass_does(later: type[Any]) -> None:
    """Made, shown, compared, hashed, replaced and taken apart like one whose methods were compiled at once."""
    at_once = made()
    for cls in (at_once, later):
        one = cls(name="a", parts=(1, 2))
        assert repr(one).endswith("Thing(name='a', parts=(1, 2), tags={})")
        assert one == cls(name="a", parts=(1, 2), tags={"x": "y"}) and one != cls(name="b") and one != "a"
        assert hash(one) == hash(cls(name="a", parts=(1, 2)))
        assert dataclasses.replace(one, name="b").name == "b" and copy.copy(one) == one
        assert dataclasses.asdict(one) == {"name": "a", "parts": (1, 2), "tags": {}, "size": 3}
        assert msgspec.convert({"name": "z"}, cls) == cls(name="z")
        with pytest.raises(TypeError):
            cls("a")
        with pytest.raises(TypeError):
            cls()
        with pytest.raises(dataclasses.FrozenInstanceError):
            one.name = "b"
        with pytest.raises(dataclasses.FrozenInstanceError):
            del one.name


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="there the library has nothing to put off")
def test_nothing_is_compiled_before_it_is_called(later: type[Any]) -> None:
    """A class that is loaded and never used costs no compiling; one that is used calls the real thing from then on."""
    assert later.__init__.__code__.co_filename == lazily.__file__
    one = later(name="a")
    assert "name" in inspect.signature(later.__init__).parameters
    assert later.__eq__.__code__.co_filename == lazily.__file__
    assert one == later(name="a")
    assert later.__eq__.__code__.co_filename != lazily.__file__


def test_a_class_that_inherits_is_left_as_it_is(later: type[Any]) -> None:
    """What a class says itself is never overwritten by what its parent puts off."""

    class Loud(later):  # type: ignore[misc, valid-type]  # a class that was made a moment ago
        def __repr__(self) -> str:
            return "LOUD " + super().__repr__()

    assert repr(Loud(name="a")).startswith("LOUD ") and repr(later(name="a")).startswith("made.")


def test_the_library_is_as_it_was_afterwards() -> None:
    """Also after an import that failed."""
    before = vars(dataclasses).get("_create_fn")
    with pytest.raises(ZeroDivisionError), lazily.dataclass_methods():
        raise ZeroDivisionError
    assert vars(dataclasses).get("_create_fn") is before


def test_where_the_library_has_no_such_step_nothing_is_done(monkeypatch: pytest.MonkeyPatch) -> None:
    """From Python 3.13 on."""
    monkeypatch.delattr(dataclasses, "_create_fn", raising=False)
    with lazily.dataclass_methods():
        assert not hasattr(dataclasses, "_create_fn")


def test_one_in_a_module_can_be_stored(later: type[Any]) -> None:
    """Its state can be taken out and put back, as pickle does."""
    state = later(name="a").__reduce_ex__(pickle.HIGHEST_PROTOCOL)
    assert state[1] == (later,)
