"""How Maven orders versions: to the letter of ComparableVersion, as one flat tuple that is computed once.

Which Maven: version 4 (the class as it stands since the order became transitive). Maven 3.8 and 3.9 order alike among
themselves and differ from 4 in corners only; their order runs in circles there (`a-2.x` < `0-rc` < `0` < `a-2.x`), so
nothing could be sorted by it. What differs:

- a qualifier and its number are one item in 4, also with a hyphen between: `2-b-1` is a beta (in 3 it is after 2),
  `2-sp0` comes after `2-sp` (3: the same), `1x.2` before `1x2` (3: after);
- a zero before a qualifier says nothing in 4 (`0.x` is `x`, in 3 it is after), but one before a build does (`1.0-2` is
  after `1-2`, in 3 the same);
- digits are the ASCII ones in 4; in 3 `٨` is 8.

The items of a version: numbers, qualifiers, qualifiers with their number, and at most one list, which is the last.
A shorter version goes on with nothing for ever, and nothing stands between `snapshot` and `sp`. So each item that
differs from nothing carries how many items equal to nothing stood before it; then plain tuples compare as Maven does.
"""

from __future__ import annotations

from typing import NamedTuple

LONGEST = 256  # Maven 4 refuses longer ones too

# A path in a repository cannot hold the first nine (Maven refuses them); the others are the letters of ranges.
FORBIDDEN = frozenset('\\/:"<>|?*[](),')

KNOWN = {"alpha": 0, "beta": 1, "milestone": 2, "rc": 3, "cr": 3, "snapshot": 4, "sp": 6}
KNOWN |= dict.fromkeys(("ga", "final", "release"), 5)
RELEASE, UNKNOWN = KNOWN["final"], 7
SHORT = {"a": "alpha", "b": "beta", "m": "milestone"}  # only with a number behind them

END = 0
BELOW = -(1 << 20)  # no version has so many items
ABOVE = 1 << 22
WORD, LIST, NUMBER = 0, 1, 2  # how what is above nothing goes on, in this order


class Word(NamedTuple):
    """A qualifier, perhaps with its number; compares as Maven compares two of them."""

    rank: int
    text: str
    number: int


Item = int | Word | list["Item"]


def key(text: str) -> tuple[int | str, ...]:
    """What orders the version; all keys compare with each other. ValueError when Maven would refuse the text."""
    if len(text) > LONGEST or not text or any(c in FORBIDDEN or c.isspace() or not c.isprintable() for c in text):
        raise ValueError(text[:LONGEST])
    out: list[int | str] = []
    _write(items(text), out)
    return tuple(out)


def items(text: str) -> list[Item]:
    """The version taken apart and freed of what says nothing: `1.0-rc2` is [1, [rc2]]. ValueError as for `key`."""
    reading = _Reading(text.lower())
    reading.run()
    for level in reversed(reading.levels):
        _trim(level)
    return reading.levels[0]


class _Reading:
    """One pass over a text, character by character, as Maven reads it."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.levels: list[list[Item]] = [[]]
        self.start = 0
        self.in_number = False
        self.joined = False  # the item that is being read is a qualifier with its number

    def run(self) -> None:
        """Fill the levels."""
        for at, c in enumerate(self.text):
            if c == ".":
                self._close(at)
                self.start, self.joined = at + 1, False
            elif c == "-":
                self._hyphen(at)
            elif "0" <= c <= "9":
                if not self.in_number and at > self.start:
                    self.joined = True
                    self._deeper()
                self.in_number = True
            else:
                if self.in_number and ord(c) > 0xFFFF:
                    raise ValueError(self.text)  # Maven takes the half of such a character for a number, and fails
                if self.in_number and at > self.start:
                    self._close(at)
                    self.start, self.joined = at, False
                    self._deeper()
                self.in_number = False
        if self.start < len(self.text):
            if not self.in_number:
                self._deeper()
            self._close(len(self.text))

    def _hyphen(self, at: int) -> None:
        """Between a qualifier and a digit it says nothing; else it ends the item and opens a list."""
        following = self.text[at + 1 : at + 2]
        if at > self.start and not self.in_number and _is_digit(following):
            self.joined = True
            return
        self._close(at)
        self.start, self.joined = at + 1, False
        self._deeper()

    def _deeper(self) -> None:
        if self.levels[-1]:
            inner: list[Item] = []
            self.levels[-1].append(inner)
            self.levels.append(inner)

    def _close(self, end: int) -> None:
        part = self.text[self.start : end]
        self.levels[-1].append(_item(part, self.in_number, self.joined))


def _is_digit(c: str) -> bool:
    """What Java takes for a digit when it looks at one 16-bit character."""
    return c.isdecimal() and ord(c) < 0x10000


def _item(part: str, in_number: bool, joined: bool) -> Item:
    if not part:
        return 0
    if joined:
        return _joined(part.replace("-", ""))
    if in_number:
        return int(part)
    return Word(KNOWN.get(part, UNKNOWN), "" if part in KNOWN else _units(part), 0)


def _joined(part: str) -> Word:
    """A qualifier with its number. A foreign digit in it makes Maven stumble, so it is no version."""
    at = next(index for index, c in enumerate(part) if _is_digit(c))
    word, digits = part[:at], part[at:]
    if not digits.isascii():
        raise ValueError(part)
    word = SHORT.get(word, word)
    rank = KNOWN.get(word, UNKNOWN)
    # A release word with a zero is the release itself; any other qualifier with a number comes after the bare one.
    return Word(rank, "" if word in KNOWN else _units(word), int(digits) + (rank != RELEASE))


def _units(text: str) -> str:
    """A text that compares by 16-bit units, as Java's do."""
    if text.isascii():
        return text
    raw = text.encode("utf-16-be", "surrogatepass")
    return "".join(chr(raw[at] << 8 | raw[at + 1]) for at in range(0, len(raw), 2))


def _trim(level: list[Item]) -> None:
    """Drop what says nothing: at the end, and before a qualifier. Lists further in are trimmed already."""
    for at in reversed(range(len(level))):
        if level[at] in (0, []) and (at == len(level) - 1 or _opens_with_word(level[at + 1])):
            del level[at]
    if len(level) == 1 and isinstance(level[0], list):
        level[:] = level[0]


def _opens_with_word(item: Item) -> bool:
    if isinstance(item, list):
        return isinstance(item[0], Word)
    return isinstance(item, Word)


def _sign(item: Item) -> int:
    """How the item compares with nothing. A zero that was not dropped has something greater behind it."""
    if isinstance(item, int):
        return 1
    if isinstance(item, list):
        return next((sign for sign in map(_sign, item) if sign), 0)
    return (item.rank > RELEASE) - (item.rank < RELEASE) or int(item.number > 0)


def _write(level: list[Item], out: list[int | str]) -> None:
    """Append the items and an end. `nothings` counts the items before, which are equal to what a shorter one has."""
    nothings = 0
    for item in level:
        sign = _sign(item)
        if not sign:
            nothings += 1
            continue
        kind = NUMBER if isinstance(item, int) else WORD if _opens_with_word(item) else LIST
        out.append(BELOW + nothings if sign < 0 else ABOVE - 4 * nothings + kind)
        nothings = 0
        if isinstance(item, int):
            out.append(item)
        elif isinstance(item, Word):
            out += (*item, END)
        else:
            _write_list(item, out)
    out.append(END)


def _write_list(item: list[Item], out: list[int | str]) -> None:
    """A list that opens with a qualifier compares with a bare qualifier as if that were a list too."""
    first = item[0]
    if isinstance(first, Word):
        out += first
        _write(item[1:], out)
    else:
        _write(item, out)
