"""A student on a page of this machine: drop a picture, paste one, use the camera (after school).

The page is one file, `demo.html`, and asks this server only: its Content-Security-Policy forbids the browser any other
address. A picture is answered and forgotten; nothing is written to the disk.
"""

import base64
import io
import ipaddress
import json
import os
import secrets
import socket
import socketserver
import sys
import threading
import webbrowser
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from PIL import Image

from course_utils.classroom.visits import MAX_BYTES, Visit
from course_utils.folding import make_fast
from course_utils.inference import predict_topk
from course_utils.models import TransferClassifier
from course_utils.occlusion import cover_and_ask, visible_part
from course_utils.pictures.given import as_input
from course_utils.runtime import evaluating, say

_SHOWN = (800, 800)  # pixels of the picture that the page shows, at most
_PAGE = Path(__file__).with_name("demo.html")
# What a browser may do with the page: run and show what is in it, and ask the server that it came from.
_POLICY = (
    "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; img-src data:; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


class DemoServer(ThreadingHTTPServer):
    """Serves the page and answers its pictures, one at a time; `serve_forever()` runs it, `server_close()` ends it.

    model      as `load_classifier` and `build_classifier` return it
    name       what the page calls it: its file
    host       the address to listen on; the default is heard by programs of this machine only
    port       0: any that is free
    threshold  the page's first one, 0 to 1: an answer less probable is "I do not know"

    Raises ValueError for another threshold or port, OSError where the address cannot be had.
    """

    daemon_threads = True
    allow_reuse_address = os.name != "nt"  # there it would let two servers share one port

    def __init__(
        self, model: TransferClassifier, *, name: str, host: str = "127.0.0.1", port: int = 0, threshold: float = 0.5
    ):
        if not 0 <= threshold <= 1:
            raise ValueError(f"threshold={threshold} is a probability: 0 to 1.")
        if port not in range(65_536):
            raise ValueError(f"port={port}: a port is a number from 1 to 65535.")
        self.model, self.host = model.eval(), host
        self.one_at_a_time = threading.Lock()
        self.fast = make_fast(model)
        self.works = {"/answer": self.answer, "/look": self.look}
        nonce = secrets.token_urlsafe(16)
        self.policy = _POLICY.format(nonce=nonce)
        facts = {"name": name, "classes": model.classes, "threshold": threshold, "maxBytes": MAX_BYTES}
        page = _PAGE.read_text(encoding="utf-8").replace("{{nonce}}", nonce)
        self.page = page.replace("{{facts}}", json.dumps(facts).replace("<", "\\u003c")).encode()
        if ":" in host:
            self.address_family = socket.AF_INET6
        try:
            super().__init__((host, port), Visit)
        except OSError as error:
            raise OSError(f"Cannot listen at {host}, port {port} ({error.strerror}): choose another --port.") from error

    def server_bind(self) -> None:
        """As in the standard library, which would also ask the network for this machine's name."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.host, self.server_address[1]

    @property
    def address(self) -> str:
        """The page's address, for a browser on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host else host}:{self.server_port}/"

    def knows(self, host: str) -> bool:
        """True where a request for the address `host` is meant for this server.

        A page elsewhere could let its own name point here, and read the answers: so names are refused, numbers taken.
        """
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if name in ("localhost", self.host, socket.gethostname().lower()):
            return True
        try:
            return ipaddress.ip_address(name).is_loopback or not self.is_private
        except ValueError:
            return False

    @property
    def is_private(self) -> bool:
        """True where only programs of this machine are heard."""
        return ipaddress.ip_address(str(self.server_address[0])).is_loopback

    def answer(self, image: Image.Image) -> dict[str, Any]:
        """Return the five most probable answers to an upright RGB picture, and the picture as the page shows it."""
        with self.one_at_a_time:
            answers = predict_topk(self.model, image)
        shown, buffer = image.copy(), io.BytesIO()
        shown.thumbnail(_SHOWN)
        shown.save(buffer, "JPEG", quality=88)
        data = base64.b64encode(buffer.getvalue()).decode()
        return {
            "answers": [answer._asdict() for answer in answers],
            "picture": f"data:image/jpeg;base64,{data}",
            "width": image.width,
            "height": image.height,
        }

    def look(self, image: Image.Image) -> dict[str, Any]:
        """Return what the student looked at: a sentence, a map of the part it sees, and where that part lies."""
        with self.one_at_a_time, evaluating(self.model):
            look = cover_and_ask(self.fast, as_input(image, self.model.spec))
        return {
            "sentence": look.describe(self.model.classes[look.target]),
            "heat": look.heat.tolist() if look.decides else None,
            "part": visible_part(image.width, image.height, self.model.spec),
        }

    def handle_error(self, request: Any, client_address: Any) -> None:
        """As in the standard library, but a browser that has left is no error."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def run_demo(server: DemoServer, *, open_browser: bool = True) -> None:
    """Say where the page is, open it, and serve it until Ctrl-C, which ends it without an error."""
    say(f"The student waits at {server.address}  Ctrl-C here ends it.")
    if not server.is_private:
        say(f"It listens at {server.host}: whoever reaches this machine may use it, and sees and sends unencrypted.")
    with server:
        if open_browser:
            webbrowser.open(server.address)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            say("\nThe student has gone home.")
