"""What a browser may ask of the student's page: each request gets an answer, or a sentence that says why not."""

import json
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from PIL import Image

from course_utils.transforms import decode_image

MAX_BYTES = 25_000_000  # of an upload
MAX_PIXELS = 60_000_000  # of the picture in it


class Site(Protocol):
    """What a visit needs of the server: the page, its Content-Security-Policy, its address, which names of this machine
    it knows, and what it does with a picture, by path: that returns what can be written as JSON.
    """

    page: bytes
    policy: str
    works: Mapping[str, Callable[[Image.Image], dict[str, Any]]]

    @property
    def address(self) -> str: ...

    def knows(self, host: str) -> bool: ...


class _Refusal(Exception):
    """A request that is answered with a sentence."""

    def __init__(self, status: HTTPStatus, sentence: str):
        super().__init__(sentence)
        self.status = status


class Visit(BaseHTTPRequestHandler):
    """One request: GET the page, or POST the bytes of a picture to one of the server's works, its name in `X-Name`."""

    server: Site  # type: ignore[assignment]
    server_version, sys_version = "course-demo", ""
    timeout = 20  # seconds that a client may stay silent

    def do_GET(self) -> None:
        self._respond(self._get)

    def do_POST(self) -> None:
        self._respond(self._post)

    def _refused(self) -> None:
        self._respond(self._wrong_method)

    do_HEAD = do_PUT = do_DELETE = do_PATCH = do_OPTIONS = _refused

    def _respond(self, work: Callable[[], tuple[bytes, str]]) -> None:
        status = HTTPStatus.OK
        try:
            if not self.server.knows(self.headers.get("Host", "")):
                raise _Refusal(HTTPStatus.FORBIDDEN, f"This page is at {self.server.address}, not at another name.")
            body, kind = work()
        except _Refusal as refusal:
            status, (body, kind) = refusal.status, _as_json({"problem": str(refusal)})
        except ConnectionError:
            raise  # nobody is left to be told
        except Exception:
            sentence = "The student could not answer; the terminal says why."
            self._send(HTTPStatus.INTERNAL_SERVER_ERROR, *_as_json({"problem": sentence}))
            raise
        self._send(status, body, kind)
        if status is not HTTPStatus.OK:
            self._discard()

    def _get(self) -> tuple[bytes, str]:
        if urlsplit(self.path).path != "/":
            raise _Refusal(HTTPStatus.NOT_FOUND, f"There is nothing at {self.path}: the page is {self.server.address}")
        return self.server.page, "text/html; charset=utf-8"

    def _post(self) -> tuple[bytes, str]:
        work = self.server.works.get(self.path)
        if work is None:
            raise _Refusal(
                HTTPStatus.NOT_FOUND,
                f"There is nothing at {self.path}: pictures go to {' and '.join(self.server.works)}.",
            )
        origin = self.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc != self.headers.get("Host"):
            raise _Refusal(HTTPStatus.FORBIDDEN, "Only the student's own page may ask it.")
        content = self._upload()
        name = unquote(self.headers.get("X-Name", ""))[:100] or "this"
        try:
            image = decode_image(content, name=name, max_pixels=MAX_PIXELS)
        except OSError as error:
            raise _Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, str(error)) from error
        return _as_json(work(image))

    def _upload(self) -> bytes:
        """Return the bytes that were sent; refuse none, too many, and fewer than announced."""
        length = self._length()
        if length is None:
            raise _Refusal(HTTPStatus.LENGTH_REQUIRED, "How many bytes the picture has must be said beforehand.")
        if length == 0:
            raise _Refusal(HTTPStatus.BAD_REQUEST, "The file is empty: choose another.")
        if length > MAX_BYTES:
            sentence = (
                f"The file has {length / 1e6:.0f} MB, at most {MAX_BYTES / 1e6:.0f} are taken: shrink the picture."
            )
            raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, sentence)
        try:
            content = self.rfile.read(length)
        except TimeoutError:
            content = b""
        if len(content) < length:
            raise _Refusal(HTTPStatus.BAD_REQUEST, "The picture did not arrive whole: send it again.")
        return content

    def _length(self) -> int | None:
        text = self.headers.get("Content-Length", "")
        return int(text) if text.isascii() and text.isdigit() else None

    def _discard(self) -> None:
        """Read what is still coming: a browser that cannot send to the end does not read the answer."""
        left = min(self._length() or 0, 8 * MAX_BYTES)
        try:
            while left > 0 and (chunk := self.rfile.read1(min(left, 1 << 16))):
                left -= len(chunk)
        except OSError:
            return

    def _wrong_method(self) -> tuple[bytes, str]:
        raise _Refusal(
            HTTPStatus.METHOD_NOT_ALLOWED, f"{self.command} is not understood: GET the page, POST a picture."
        )

    def _send(self, status: HTTPStatus, body: bytes, kind: str) -> None:
        self.send_response(status)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Content-Security-Policy": self.server.policy,
            "Cache-Control": "no-store",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Cross-Origin-Resource-Policy": "same-origin",
        }
        if status is HTTPStatus.METHOD_NOT_ALLOWED:
            headers["Allow"] = "GET, POST"
        for name, value in headers.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the standard library refuses on its own (no HTTP, an unknown method) gets a sentence too."""
        del explain
        self.close_connection = True
        self._send(HTTPStatus(code), *_as_json({"problem": f"That is no request for this page: {message}."}))

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing: which pictures somebody looked at is nobody's business."""


def _as_json(content: dict[str, Any]) -> tuple[bytes, str]:
    return json.dumps(content, ensure_ascii=False).encode(), "application/json; charset=utf-8"
