"""HTTP/1.1 messages with a length, on kept connections: as much of it as the demo's traffic needs, and no more.

A full client and server cost several times the CPU per request; on two shared cores that CPU belongs to what is shown.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field

MOST_HEAD = 16 * 1024
MOST_BODY = 1024 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length:[ \t]*(\d+)", re.IGNORECASE)
_CHUNKED = re.compile(rb"\r\ntransfer-encoding:", re.IGNORECASE)
_CLOSE = re.compile(rb"\r\nconnection:[ \t]*close", re.IGNORECASE)


class Garbled(ConnectionError):
    """The other side sent what is no message, or one that we do not read (chunked, too long)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """A request or a response. start: its first line; head: all up to and with the empty line; body: as announced."""

    start: bytes
    head: bytes
    body: bytes

    @property
    def raw(self) -> bytes:
        """The message as it goes over the wire."""
        return self.head + self.body

    @property
    def path(self) -> str:
        """A request's target."""
        return self.start.split(b" ")[1].decode("latin-1")

    @property
    def status(self) -> int:
        """A response's status."""
        return int(self.start[9:12])

    @property
    def last(self) -> bool:
        """Whether the sender closes the connection after this one."""
        return _CLOSE.search(self.head) is not None


async def read(reader: asyncio.StreamReader) -> Message | None:
    """The next message; None when the other side closed between two. Garbled when it is none of ours."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if not error.partial:
            return None
        raise Garbled("the connection ended inside a message") from error
    except asyncio.LimitOverrunError as error:
        raise Garbled(f"a head of more than {MOST_HEAD} bytes") from error
    if _CHUNKED.search(head):
        raise Garbled("a chunked body; only bodies with a length are read here")
    found = _LENGTH.search(head)
    length = int(found.group(1)) if found else 0
    if length > MOST_BODY:
        raise Garbled(f"a body of more than {MOST_BODY} bytes")
    try:
        body = await reader.readexactly(length) if length else b""
    except asyncio.IncompleteReadError as error:
        raise Garbled("the connection ended inside a body") from error
    return Message(start=head[: head.index(b"\r\n")], head=head, body=body)


def response(status: str, body: bytes, kind: str = "application/json") -> bytes:
    """A whole response; status is number and words, as in "200 OK"."""
    return f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@dataclass(slots=True, kw_only=True)
class Line:
    """One connection to a server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    used: bool = False

    async def exchange(self, request: bytes) -> Message:
        """Send one request, read its answer. ConnectionError when there is none."""
        self.writer.write(request)
        answer = await read(self.reader)
        if answer is None:
            raise ConnectionResetError("closed before it answered")
        self.used = True
        return answer


@dataclass(slots=True, kw_only=True)
class Pool:
    """Kept connections to one server. seconds bounds one whole exchange."""

    host: str
    port: int
    seconds: float = 5.0
    idle: list[Line] = field(default_factory=list)

    async def exchange(self, request: bytes) -> Message:
        """Ask once. ConnectionError or TimeoutError when no answer came.

        The server may close a kept connection just as we send on it, so a request that found only that is sent once
        more on a new one: send nothing through here that must not be repeated.
        """
        async with asyncio.timeout(self.seconds):
            if self.idle:
                line = self.idle.pop()
                try:
                    return await self._on(line, request)
                except Garbled:
                    raise
                except ConnectionError:
                    self.close()  # the others are as old: the server has gone or restarted
            reader, writer = await asyncio.open_connection(self.host, self.port, limit=MOST_HEAD)
            return await self._on(Line(reader=reader, writer=writer), request)

    async def _on(self, line: Line, request: bytes) -> Message:
        try:
            answer = await line.exchange(request)
        except BaseException:
            line.writer.close()
            raise
        if answer.last:
            line.writer.close()
        else:
            self.idle.append(line)
        return answer

    def close(self) -> None:
        """Hang up every idle connection."""
        while self.idle:
            self.idle.pop().writer.close()
