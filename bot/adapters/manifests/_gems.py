"""The gems that Ruby code asks for in plain text, and where each comes from; what only a run would tell is left out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from bot.adapters.manifests import _registry
from bot.adapters.manifests._ruby import Token
from bot.adapters.manifests._tree import Text

_USUAL = re.compile(r"https?://(?:www\.)?rubygems\.org")
_NEEDS = frozenset({"add_dependency", "add_runtime_dependency", "add_development_dependency"})
_ELSEWHERE = frozenset({"git", "github", "gitlab", "gist", "bitbucket", "path"})
_BLOCKS = frozenset({"begin", "case", "class", "def", "for", "if", "module", "unless", "until", "while"})
_LOOPS = frozenset({"for", "until", "while"})  # their `do` opens nothing more
_CLOSERS = (")", "]", "}")
# Words and signs at which the arguments of a call end that has no brackets.
_BEHIND = ("if", "unless", "while", "until", "rescue", "and", "or", "do", "end", "else", "elsif", "when", "\n", ";")
MOST_TOKENS = 300  # in the arguments of one gem
FEW_TOKENS = 30  # in those of a source
_OPENINGS = ("do", "{", "|", "then", "else", "ensure", "begin")


@dataclass(frozen=True, slots=True, kw_only=True)
class Gem:
    """wanted: its requirements; empty where any version will do. registry: the server that it comes from.

    at: where it is pinned, which is its name, or the constant that holds its only requirement.
    """

    name: Text
    at: int
    wanted: tuple[Text, ...]
    registry: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scope:
    """An open block. registry: where gems in it come from; None where that is no server, or not in the file."""

    closer: str
    registry: str | None


def gems(tokens: Sequence[Token]) -> Iterator[Gem]:
    """In reading order, each as it is written."""
    yield from _Reader(tokens).gems()


class _Reader:
    def __init__(self, tokens: Sequence[Token]) -> None:
        self._tokens = tokens
        self._constants = _constants(tokens)
        self._elsewhere = _ELSEWHERE | {str(one) for one in _own_sources(tokens)}
        self._given = {text.at for text in self._constants.values()}
        self._scopes = [_Scope(closer="", registry=self._top())]
        self._open = Counter[str]()  # how many scopes wait for each closer
        self._head = 0  # where the statement that is being read begins
        self._behind = 0  # the end of the last call of a gem; what looks like one before it belongs to that
        self._servers: dict[int, str | None] = {}  # by the place of a `source`

    def gems(self) -> Iterator[Gem]:
        for place, token in enumerate(self._tokens):
            before = self._tokens[place - 1] if place else None
            begins = before is None or before.kind == "line" or before.says(*_OPENINGS)
            if begins:
                self._head = place
            if token.kind == "sign":
                self._bracket(token)
            elif token.kind == "word" and not (before and before.says(".", "&.", "::", "def")):
                self._block(place, begins)
                if token.says("gem"):
                    yield from self._gem(place, self._scopes[-1].registry)
            elif token.kind == "word" and str(token) in _NEEDS:
                yield from self._gem(place, "")

    def _bracket(self, token: Token) -> None:
        if token.says("{"):
            self._enter("}", self._within())
        elif token.says("}"):
            self._close("}")

    def _block(self, place: int, begins: bool) -> None:
        token, before = self._tokens[place], self._tokens[place - 1] if place else None
        name = str(token)
        if name == "end":
            self._close("end")
        elif name == "do":
            if str(self._tokens[self._head]) not in _LOOPS:
                self._enter("end", self._within())
        elif name in _BLOCKS:
            # `x = if …` opens a block, and `x if …` does not.
            value = before is not None and before.kind == "sign" and not before.says(*_CLOSERS)
            always = name in ("begin", "case", "def") and not self._is_endless(place)
            if always or (name != "def" and (begins or value)):
                self._enter("end", self._scopes[-1].registry)

    def _enter(self, closer: str, registry: str | None) -> None:
        self._scopes.append(_Scope(closer=closer, registry=registry))
        self._open[closer] += 1

    def _close(self, closer: str) -> None:
        """The innermost block of this kind, and what was left open in it."""
        closed = ""
        while self._open[closer] and closed != closer:
            closed = self._scopes.pop().closer
            self._open[closed] -= 1

    def _is_endless(self, place: int) -> bool:
        """`def name(…) = value`, which has no end; `def name=(value)` has one."""
        if not self._tokens[place].says("def"):
            return False
        rest = self._tokens[place + 1 : place + 40]
        end = next((number for number, one in enumerate(rest) if one.kind == "line"), len(rest))
        return any(
            after.says("=") and after.text.at > before.text.at + len(str(before)) and _depth(rest[:number]) == 0
            for number, (before, after) in enumerate(pairwise(rest[:end]), 1)
        )

    def _within(self) -> str | None:
        """Where gems come from in the block that this statement opens."""
        head = self._tokens[self._head]
        if head.kind == "word" and str(head) in self._elsewhere:
            return None
        if head.says("source"):
            if self._head not in self._servers:
                self._servers[self._head] = self._server(_arguments(self._tokens, self._head + 1, FEW_TOKENS)[0][:1])
            return self._servers[self._head]
        return self._scopes[-1].registry

    def _top(self) -> str | None:
        """The server at the top of the file; of several the last, which Bundler asks first."""
        found: str | None = ""
        for place, token in enumerate(self._tokens):
            before = self._tokens[place - 1] if place else None
            if token.says("source") and (before is None or before.kind == "line"):
                arguments, _ = _arguments(self._tokens, place + 1, FEW_TOKENS)
                if arguments and not self._opens(place + 1):
                    found = self._server(arguments[:1])
        return found

    def _opens(self, place: int) -> bool:
        """Whether this statement opens a block."""
        rest = (self._tokens[number] for number in range(place, len(self._tokens)))
        ends = (token for token in rest if token.kind == "line" or token.says("do", "{"))
        return next((token.kind != "line" for token in ends), False)

    def _server(self, arguments: Sequence[Sequence[Token]]) -> str | None:
        if not arguments or not (text := self._text(arguments[0])):
            symbol = len(arguments) == 1 and [one.kind for one in arguments[0]] == ["symbol"]
            return "" if symbol and str(arguments[0][0]) == "rubygems" else None
        place = _registry.place(text.value)
        return "" if place and _USUAL.fullmatch(place) else place

    def _gem(self, place: int, registry: str | None) -> Iterator[Gem]:
        if place < self._behind:
            return
        arguments, self._behind = _arguments(self._tokens, place + 1)
        name = _plain(arguments[0]) if arguments else None
        wanted: list[Text] = []
        for argument in arguments[1:]:
            options = _options(argument)
            if options is None:
                texts = self._texts(argument)
                if texts is None:
                    return
                wanted += texts
            elif options.keys() & self._elsewhere:
                return
            elif "source" in options:
                registry = self._server([options["source"]])
        if name is not None and registry is not None:
            at = wanted[0].at if len(wanted) == 1 and wanted[0].at in self._given else name.at
            yield Gem(name=name, at=at, wanted=tuple(wanted), registry=registry)

    def _texts(self, argument: Sequence[Token]) -> list[Text] | None:
        """One requirement, or several in square brackets; None for what is no plain text."""
        listed: list[Sequence[Token]] = [argument]
        if argument[0].says("["):
            end = max((place for place, one in enumerate(argument) if one.says("]")), default=0)
            if not end or [str(one) for one in argument[end + 1 :]] not in ([], [".", "freeze"]):
                return None
            listed = [*_split(argument[1:end])]
        found = [self._text(one) for one in listed]
        return [one for one in found if one is not None] if None not in found else None

    def _text(self, argument: Sequence[Token]) -> Text | None:
        """A plain text, the constant that holds one, or what is given in case there is no such variable."""
        given = next((place for place, one in enumerate(argument) if one.says("||")), 0)
        if given and str(argument[0]) == "ENV":
            argument = argument[given + 1 :]
        if len(argument) == 1 and argument[0].kind == "word":
            return self._constants.get(str(argument[0]))
        return _plain(argument)


def _plain(argument: Sequence[Token]) -> Text | None:
    rest = [str(one) for one in argument[1:]]
    if not argument or argument[0].kind != "text" or not argument[0].text.plain or rest not in ([], [".", "freeze"]):
        return None
    return argument[0].text


def _options(argument: Sequence[Token]) -> dict[str, Sequence[Token]] | None:
    """`name: value`, `:name => value`, "name" => value, or several in braces; None for what is no option."""
    if argument[0].says("{"):
        parts = [_options(part) for part in _split(argument[1:-1]) if not part[0].says("{")]
        return {key: value for part in parts if part for key, value in part.items()}
    if argument[0].kind == "label":
        return {str(argument[0]): argument[1:]}
    if len(argument) > 1 and argument[0].kind in ("symbol", "text") and argument[1].says("=>", ":"):
        return {str(argument[0]): argument[2:]}
    return None


def _arguments(tokens: Sequence[Token], place: int, most: int = MOST_TOKENS) -> tuple[list[list[Token]], int]:
    """The arguments of a call, with or without brackets around them, from a place on; and the place behind them.

    None at all where they have too many tokens: one that is not looked at could change what the others mean.
    """
    bracketed = place < len(tokens) and tokens[place].says("(")
    depth, found = 0, []
    start = place + bracketed
    for token in tokens[start : start + most]:
        if depth == 0 and (token.says(*_CLOSERS) or (token.says(*_BEHIND) and not bracketed)):
            break
        depth += _depth([token])
        found.append(token)
    return (_split(found) if len(found) < most else []), start + len(found)


def _split(tokens: Sequence[Token]) -> list[list[Token]]:
    """The parts between commas that stand in no brackets, none of them empty."""
    parts: list[list[Token]] = [[]]
    depth = 0
    for token in tokens:
        depth += _depth([token])
        if depth == 0 and token.says(","):
            parts.append([])
        elif token.kind != "line":
            parts[-1].append(token)
    return [part for part in parts if part]


def _depth(tokens: Sequence[Token]) -> int:
    return sum(one.says("(", "[", "{") - one.says(*_CLOSERS) for one in tokens)


def _own_sources(tokens: Sequence[Token]) -> Iterator[Token]:
    """The names that the file gives to kinds of repositories of its own: `git_source(:name) { … }`."""
    for place, token in enumerate(tokens):
        if token.says("git_source"):
            yield from (one for one in tokens[place + 1 : place + 3] if one.kind == "symbol")


def _constants(tokens: Sequence[Token]) -> Mapping[str, Text]:
    """Constants and variables that are set once, to a plain text."""
    found: dict[str, Text] = {}
    times: Counter[str] = Counter()
    for place, token in enumerate(tokens):
        after = tokens[place + 1 : place + 6]
        signs = [str(one) for one in after[:2] if one.kind == "sign"]
        if token.kind != "word" or "=" not in signs:
            continue
        times[str(token)] += 1
        ends = [number for number, one in enumerate(after) if one.kind == "line"] or [len(after)]
        if signs[0] == "=" and after[1 : ends[0]] and (text := _plain(after[1 : ends[0]])):
            found[str(token)] = text
    return {name: text for name, text in found.items() if times[name] == 1}
