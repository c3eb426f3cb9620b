"""What GitHub already told us, kept as bytes so that nobody can change it, and given out only after a 304.

A 304 costs nothing of the rate limit. The key holds who asked: what one token may see is never shown to another.
"""

from __future__ import annotations

from dataclasses import dataclass

from cachetools import LRUCache

from bot.github.answers import Answer

OVERHEAD = 1_024  # bytes counted for an entry's key and headers


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One question: who asks, what, and in which form."""

    who: str
    url: str
    accept: str


def _size(answer: Answer) -> int:
    return len(answer.body) + OVERHEAD


class Etags:
    """Least recently used answers, bounded by their bytes."""

    def __init__(self, *, most_bytes: int) -> None:
        self._kept: LRUCache[Asked, Answer] = LRUCache(maxsize=most_bytes, getsizeof=_size)
        self._largest = most_bytes // 8  # one huge tree must not throw out everything else

    def recall(self, asked: Asked) -> Answer | None:
        """What was answered before, with its tag; hold on to it until the new answer is settled."""
        return self._kept.get(asked)

    def settle(self, asked: Asked, kept: Answer | None, answer: Answer) -> Answer:
        """The whole answer: the kept body with the new headers for a 304, else what came, kept if it has a tag."""
        if answer.status == 304 and kept is not None:
            # The rate limit stands in the new headers, the page's links and its type in the old ones.
            return Answer(status=200, headers={**kept.headers, **answer.headers}, body=kept.body)
        if answer.status == 200 and "etag" in answer.headers and _size(answer) <= self._largest:
            self._kept[asked] = answer
        return answer

    def __len__(self) -> int:
        return len(self._kept)
