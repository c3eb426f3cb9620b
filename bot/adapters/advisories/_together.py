"""Questions that are asked at the same time travel together; the same question is on its way only once.

Whoever asks waits for its own answer alone: an error is that of a question, and one who stops waiting disturbs nobody.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from typing import Generic, TypeVar

from bot.core.errors import SurefootError

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Together(Generic[K, V]):
    """send: asks them all and gives for each its answer or its error. pause: how long others may still join (s)."""

    def __init__(
        self, send: Callable[[Sequence[K]], Awaitable[Mapping[K, V | SurefootError]]], *, pause: float
    ) -> None:
        self._send = send
        self._pause = pause
        self._asked: dict[K, asyncio.Future[V | SurefootError]] = {}
        self._waiting: list[K] = []
        self._travelling: set[asyncio.Task[None]] = set()

    async def ask(self, question: K) -> V:
        """The answer to this question. Raises what `send` gave as its error, or raised itself."""
        asked = self._asked.get(question)
        if asked is None:
            asked = self._asked[question] = asyncio.get_running_loop().create_future()
            if not self._waiting:
                asyncio.get_running_loop().call_later(self._pause, self._depart)
            self._waiting.append(question)
        answer = await asyncio.shield(asked)
        if isinstance(answer, SurefootError):
            # The same error may be told to many: each would otherwise lengthen its traceback.
            raise answer.with_traceback(None)
        return answer

    def _depart(self) -> None:
        questions, self._waiting = self._waiting, []
        task = asyncio.create_task(self._travel(questions))
        self._travelling.add(task)
        task.add_done_callback(self._travelling.discard)

    async def _travel(self, questions: Sequence[K]) -> None:
        waiting = [self._asked[question] for question in questions]
        try:
            answers = await self._send(questions)
            found = [answers[question] for question in questions]
        except SurefootError as error:
            found = [error] * len(questions)
        except asyncio.CancelledError:
            for asked in waiting:
                asked.cancel()
            raise
        except Exception as error:  # a fault of ours: whoever asked must see it, or would wait for ever
            for asked in waiting:
                asked.set_exception(error)
            return
        finally:
            for question in questions:
                del self._asked[question]
        for asked, answer in zip(waiting, found, strict=True):
            asked.set_result(answer)
