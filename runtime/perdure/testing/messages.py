"""Where HTTP/1.1 messages begin and end, and what their heads say. h11 knows; the bytes stay as they are.

One parser serves one message. What follows it (pipelined requests) is left over for the next.
"""

from dataclasses import dataclass
from http import HTTPStatus

import h11

HEAD_BYTES_MAX = 1 << 20
NotHttp = h11.RemoteProtocolError


@dataclass(frozen=True)
class Request:
    """A whole request. `raw` are its bytes as the client sent them, head and body."""

    head: h11.Request
    raw: bytes


class RequestParser:
    """Takes bytes until a request is whole. Feeding may raise NotHttp."""

    def __init__(self) -> None:
        self._h11 = h11.Connection(h11.SERVER, max_incomplete_event_size=HEAD_BYTES_MAX)
        self._raw = bytearray()
        self._head: h11.Request | None = None
        self.left_over = b""

    def feed(self, data: bytes) -> Request | None:
        """Take bytes, b"" at their end. Return the request once it is whole."""
        self._raw += data
        self._h11.receive_data(data)
        while True:
            event = self._h11.next_event()
            if isinstance(event, h11.Request):
                self._head = event
            elif isinstance(event, h11.EndOfMessage):
                assert self._head is not None, "h11 ends no message that it has not begun"
                self.left_over = self._h11.trailing_data[0]
                whole = len(self._raw) - len(self.left_over)
                return Request(self._head, bytes(self._raw[:whole]))
            elif not isinstance(event, h11.Data):
                return None

    @property
    def waits_for_continue(self) -> bool:
        """Whether the client wants to hear 100 before it sends the body."""
        return self._h11.they_are_waiting_for_100_continue

    def say_continue(self) -> bytes:
        """Return that 100."""
        return self._h11.send(h11.InformationalResponse(status_code=100, headers=[])) or b""


class ResponseParser:
    """Takes bytes until the response to `request` is whole. Feeding may raise NotHttp."""

    def __init__(self, request: h11.Request) -> None:
        self._h11 = h11.Connection(h11.CLIENT, max_incomplete_event_size=HEAD_BYTES_MAX)
        self._h11.send(h11.Request(method=request.method, target=request.target, headers=[("host", "-")]))
        self._h11.send(h11.EndOfMessage())
        self.head: h11.Response | None = None
        self.whole = False

    def feed(self, data: bytes) -> bytes:
        """Take bytes, b"" at their end. Return what they hold of the body, transfer encoding undone."""
        self._h11.receive_data(data)
        body = b""
        while not self.whole:
            event = self._h11.next_event()
            if isinstance(event, h11.Response):
                self.head = event
            elif isinstance(event, h11.Data):
                body += event.data
            elif isinstance(event, h11.EndOfMessage):
                self.whole = True
            elif not isinstance(event, h11.InformationalResponse):
                break
        return body

    @property
    def keeps_alive(self) -> bool:
        """Whether another request may follow on this connection."""
        return self.whole and self._h11.their_state is h11.DONE

    @property
    def opens_stream(self) -> bool:
        """Whether this is an event stream."""
        if self.head is None or self.head.status_code != HTTPStatus.OK:
            return False
        return header(self.head, b"content-type").partition(b";")[0].strip().lower() == b"text/event-stream"


def header(head: h11.Request | h11.Response, name: bytes) -> bytes:
    """The value of a header, b"" where there is none. Names are in lower case."""
    return next((value for key, value in head.headers if key == name), b"")


def answer(status: int, *, content_type: str, body: bytes | None, retry_after_s: int | None) -> bytes:
    """A whole response. Without a body: a problem document that names the status."""
    title = next((known.phrase for known in HTTPStatus if known == status), "Status")
    if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED):
        body = b""
    elif body is None:
        body = b'{"type":"about:blank","title":"%b","status":%d}' % (title.encode(), status)
    lines = [f"HTTP/1.1 {status} {title}", f"content-type: {content_type}", f"content-length: {len(body)}"]
    if retry_after_s is not None:
        lines.append(f"retry-after: {retry_after_s}")
    return "\r\n".join([*lines, "", ""]).encode() + body
