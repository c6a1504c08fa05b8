"""Requests to the student's page, also those that no browser would send: each is answered, with a sentence."""

import http.client
import io
import json
import socket
import sys
import threading
import time
from http.server import ThreadingHTTPServer

import pytest
from PIL import Image

from course_utils.classroom import visits


class Site(ThreadingHTTPServer):
    daemon_threads = True
    page, policy, address = b"<p>the page</p>", "default-src 'none'", "http://here/"

    def __init__(self):
        super().__init__(("127.0.0.1", 0), visits.Visit)
        self.seen, self.errors = [], []
        self.works = {"/answer": self.answer, "/fails": self.fail}

    def knows(self, host):
        return host.startswith("127.0.0.1")

    def answer(self, image):
        self.seen.append(image)
        return {"mode": image.mode, "size": image.size}

    def fail(self, image):
        raise ZeroDivisionError(image.mode)

    def handle_error(self, *_):
        if not isinstance(sys.exception(), ConnectionError):  # a client that has left
            self.errors.append(str(sys.exception()))


@pytest.fixture
def site():
    server = Site()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
    assert server.errors == []


def request(site, method="POST", path="/answer", body=None, **headers):
    """The status, the headers and the content of the answer, from JSON where it is that."""
    connection = http.client.HTTPConnection("127.0.0.1", site.server_address[1], timeout=30)
    connection.request(
        method, path, body=body, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    response = connection.getresponse()
    content = response.read()
    connection.close()
    if response.getheader("Content-Type", "").startswith("application/json") and content:
        content = json.loads(content)
    return response.status, response.headers, content


def wait_for(errors: list) -> list:
    """What the server's thread has raised, once there is something: it does so after it has answered."""
    deadline = time.monotonic() + 10
    while not errors and time.monotonic() < deadline:
        time.sleep(0.01)
    return errors.copy()


def stored(form="PNG", size=(30, 20), **options) -> bytes:
    buffer = io.BytesIO()
    Image.effect_noise(size, 60).convert("RGB").save(buffer, form, **options)
    return buffer.getvalue()


def test_the_page_comes_with_the_policy_that_keeps_the_browser_here(site):
    status, headers, content = request(site, "GET", "/?again")
    assert (status, content) == (200, site.page)
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert headers["Content-Security-Policy"] == site.policy
    assert headers["Cache-Control"] == "no-store"
    assert "Python" not in headers["Server"]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "WEBP", "TIFF", "BMP"])
def test_a_picture_of_any_kind_arrives_upright_and_as_rgb(site, form):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    turned = form in ("JPEG", "PNG")
    status, _, content = request(site, body=stored(form, **({"exif": exif} if turned else {})))
    assert (status, content) == (200, {"mode": "RGB", "size": [20, 30] if turned else [30, 20]})


BAD = {
    "empty": (b"", 400, "The file is empty"),
    "text": (b"I am a cat", 415, "Cannot read Katze ü.txt as a picture (not what a picture file begins with)"),
    "html": (b"<!doctype html><p>404", 415, "a web page"),
    "truncated": (stored("JPEG", (300, 300))[:3000], 415, "breaks off or is damaged"),
    "beginning only": (b"\x89PNG\r\n\x1a\n", 415, "begins as a picture, and is none"),
    "heic": (b"\0\0\0\x18ftypheic\0\0\0\0", 415, "HEIC"),
}


@pytest.mark.parametrize(("body", "due", "words"), BAD.values(), ids=BAD)
def test_a_bad_upload_is_answered_with_a_sentence(site, body, due, words):
    status, _, content = request(site, body=body, X_Name="Katze%20%C3%BC.txt")
    assert status == due
    assert words in content["problem"]
    assert request(site, body=stored())[0] == 200, "and the next one is answered as ever"
    assert len(site.seen) == 1


def test_a_huge_upload_is_refused_before_it_is_read(site, monkeypatch):
    status, _, content = request(site, Content_Length="99000000")
    assert status == 413
    assert content["problem"] == "The file has 99 MB, at most 25 are taken: shrink the picture."
    monkeypatch.setattr(visits, "MAX_BYTES", 100_000)
    status, _, content = request(site, body=bytes(700_000))  # sent to its end, and the sentence arrives
    assert (status, "shrink" in content["problem"]) == (413, True)


def test_a_small_file_that_holds_a_huge_picture_is_refused(site, monkeypatch):
    monkeypatch.setattr(visits, "MAX_PIXELS", 599)
    status, _, content = request(site, body=stored(size=(30, 20)))
    assert status == 415
    assert "30 x 20 pixels): too large: shrink it" in content["problem"]
    assert request(site, body=stored(size=(20, 20)))[0] == 200


def test_a_picture_whose_length_is_not_said_is_refused(site):
    for length in (None, "-5", "ten", "²"):
        lines = ["POST /answer HTTP/1.1", f"Host: 127.0.0.1:{site.server_address[1]}"]
        lines += [] if length is None else [f"Content-Length: {length}"]
        answered = raw(site, "\r\n".join([*lines, "", ""]).encode())
        assert answered.startswith(b"HTTP/1.0 411 ")
        assert b"must be said beforehand" in answered


def raw(site, content: bytes, *, wait: bool = True) -> bytes:
    with socket.create_connection(site.server_address, timeout=30) as connection:
        connection.sendall(content)
        connection.shutdown(socket.SHUT_WR)
        return heard_out(connection) if wait else b""


def heard_out(connection: socket.socket) -> bytes:
    """What comes until the other end closes: one `recv` may hold the headers alone."""
    return b"".join(iter(lambda: connection.recv(4096), b""))


def test_a_connection_that_breaks_off_is_told_so_or_nobody(site):
    head = f"POST /answer HTTP/1.1\r\nHost: 127.0.0.1:{site.server_address[1]}\r\nContent-Length: 5000\r\n\r\n".encode()
    answered = raw(site, head + stored()[:50])
    assert answered.startswith(b"HTTP/1.0 400 ")
    assert b"did not arrive whole" in answered
    raw(site, head + stored()[:50], wait=False)
    assert request(site, body=stored())[0] == 200


def test_who_stays_silent_is_not_waited_for_for_ever(site, monkeypatch):
    assert 5 <= visits.Visit.timeout <= 60
    monkeypatch.setattr(visits.Visit, "timeout", 0.2)
    head = f"POST /answer HTTP/1.1\r\nHost: 127.0.0.1:{site.server_address[1]}\r\nContent-Length: 5000\r\n\r\n".encode()
    with socket.create_connection(site.server_address, timeout=10) as connection:
        connection.sendall(head + b"the rest never comes")
        assert b"did not arrive whole" in heard_out(connection)


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
def test_another_method_is_refused(site, method):
    status, headers, content = request(site, method, "/")
    assert (status, headers["Allow"]) == (405, "GET, POST")
    assert content == b"" if method == "HEAD" else "GET the page, POST a picture" in content["problem"]


def test_head_gets_no_body(site):
    answered = raw(site, f"HEAD / HTTP/1.1\r\nHost: 127.0.0.1:{site.server_address[1]}\r\n\r\n".encode())
    assert answered.endswith(b"\r\n\r\n")


def test_an_unknown_method_and_what_is_no_http_get_a_sentence_too(site):
    status, _, content = request(site, "BREW", "/")
    assert status == 501
    assert "no request for this page" in content["problem"]
    assert b"no request for this page" in raw(site, b"hello there, my friend\r\n\r\n")


@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/etc/passwd"), ("GET", "/../demo.py"), ("POST", "/"), ("GET", "/answer")]
)
def test_another_path_holds_nothing(site, method, path):
    status, _, content = request(site, method, path, body=b"x" if method == "POST" else None)
    assert status == 404
    assert "There is nothing at" in content["problem"]


def test_a_page_elsewhere_is_refused(site):
    """Under a name of its own that it lets point here, and from its own address."""
    for method in ("GET", "POST"):
        status, _, content = request(site, method, "/", body=stored(), Host="evil.example")
        assert (status, content["problem"]) == (403, "This page is at http://here/, not at another name.")
    for origin in ("http://evil.example", "null", f"http://127.0.0.1:{site.server_address[1] - 1}"):
        assert request(site, body=stored(), Origin=origin)[0] == 403
    own = f"127.0.0.1:{site.server_address[1]}"
    assert request(site, body=stored(), Host=own, Origin=f"http://{own}")[0] == 200


def test_a_fault_of_the_program_is_said_on_the_page_and_shown_in_the_terminal(site):
    status, _, content = request(site, path="/fails", body=stored())
    assert status == 500
    assert content["problem"] == "The student could not answer; the terminal says why."
    assert wait_for(site.errors) == ["RGB"]
    site.errors.clear()


def test_nothing_is_written_about_who_asked_what(site, capfd):
    request(site, body=stored(), X_Name="secret.png")
    request(site, "GET", "/secret")
    assert capfd.readouterr() == ("", "")
