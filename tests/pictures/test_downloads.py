"""Every way in which a download goes wrong, against a real HTTP server on this machine."""

import hashlib
import io
import socket
import struct
import threading
import time
import zipfile
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_utils.pictures.downloads import DownloadError, download
from course_utils.runtime import progress_bar

BODY = bytes(range(256)) * 400
SHA256 = hashlib.sha256(BODY).hexdigest()


def make_zip(members: dict[str, str]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return buffer.getvalue()


def serve(body=BODY, *, status=200, content_type="application/octet-stream", length=None):
    """An answer: status, type, a Content-Length (the true one unless told) and a body."""

    def answer(handler):
        handler.send_response(status)
        handler.send_header("Content-Type", content_type)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)

    return answer


def reset_midway(handler):
    """Half the body, then a TCP reset instead of an orderly end."""
    serve(BODY[: len(BODY) // 2], length=len(BODY))(handler)
    handler.wfile.flush()
    handler.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    handler.connection.close()


@pytest.fixture
def server(monkeypatch):
    """A server that gives the answers listed in `.answers[path]`, one a request, the last one for ever after.

    `.asked` lists the paths in the order of the requests; `.url(path)` is the address of one.
    """
    monkeypatch.setenv("no_proxy", "*")
    answers, asked, released = {}, [], threading.Event()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            asked.append(self.path)
            queue = answers.get(self.path) or [serve(b"nothing here", status=404)]
            (queue.pop(0) if len(queue) > 1 else queue[0])(self)

        def log_message(self, *args):
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, request, client_address):
            pass  # a connection that the test itself broke

    def stall(handler):
        serve(BODY[:1000], length=len(BODY))(handler)
        handler.wfile.flush()
        released.wait(10)

    running = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    base = f"http://127.0.0.1:{running.server_port}"
    yield SimpleNamespace(answers=answers, asked=asked, stall=stall, base=base, url=lambda path: base + path)
    released.set()
    running.shutdown()
    thread.join()
    running.server_close()


@pytest.fixture
def waits():
    """What the back-off would have waited, in seconds."""
    return []


@pytest.fixture
def get(tmp_path, waits):
    """`download` into a fresh folder without real waiting."""

    def call(addresses, name="file.bin", **options):
        return download(addresses, tmp_path / "data" / name, **{"sleep": waits.append, "timeout": 5.0} | options)

    return call


def files_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


@contextmanager
def failing(tmp_path, *words):
    """The block raises DownloadError whose message holds all `words`, and leaves no file behind."""
    with pytest.raises(DownloadError) as caught:
        yield
    for word in words:
        assert word in str(caught.value)
    assert files_in(tmp_path) == []


# The good case -----------------------------------------------------------------------------------------------------


def test_download_writes_the_bytes_and_nothing_else(server, get, tmp_path):
    server.answers["/a"] = [serve()]
    path = get(server.url("/a"), sha256=SHA256.upper(), size=len(BODY))
    assert path.read_bytes() == BODY
    assert files_in(tmp_path) == ["file.bin"]


def test_a_file_that_is_there_is_not_fetched_again(server, get):
    server.answers["/a"] = [serve()]
    get(server.url("/a"), sha256=SHA256)
    get(server.url("/a"), sha256=SHA256)
    assert server.asked == ["/a"]


def test_a_wrong_file_that_is_there_is_fetched_again(server, get, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.bin").write_bytes(b"half a file")
    server.answers["/a"] = [serve()]
    assert get(server.url("/a"), sha256=SHA256).read_bytes() == BODY


def test_destination_may_hold_spaces_and_letters_beyond_ascii(server, get):
    server.answers["/a"] = [serve()]
    assert get(server.url("/a"), name="Über mein Kleid 裙.bin").read_bytes() == BODY


# What goes wrong ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 404])
def test_refusal_is_not_retried_and_names_address_status_and_destination(server, get, tmp_path, waits, status):
    server.answers["/a"] = [serve(b"no", status=status)]
    with failing(tmp_path, f"HTTP {status}", server.url("/a"), str(tmp_path / "data" / "file.bin"), "COURSE_MIRROR"):
        get(server.url("/a"))
    assert len(server.asked) == 1
    assert waits == []


def test_a_web_page_instead_of_the_file_is_refused(server, get, tmp_path):
    server.answers["/a"] = [serve(b"<html>log in</html>", content_type="text/html; charset=utf-8")]
    with failing(tmp_path, "web page"):
        get(server.url("/a"), name="file.zip")


def test_a_web_page_that_calls_itself_a_zip_is_refused(server, get, tmp_path):
    server.answers["/a"] = [serve(b"<!DOCTYPE html><p>blocked", content_type="application/zip")]
    with failing(tmp_path, "not a whole zip", "<!DOCTYPE html>"):
        get(server.url("/a"), name="file.zip")


def test_truncation_is_seen_retried_and_told(server, get, tmp_path, waits):
    server.answers["/a"] = [serve(BODY[:5000], length=len(BODY))]
    with failing(tmp_path, "after 5,000 of 102,400 bytes"):
        get(server.url("/a"))
    assert waits == [1.0, 2.0]
    assert len(server.asked) == 3


def test_wrong_hash_is_refused_and_not_retried(server, get, tmp_path, waits):
    server.answers["/a"] = [serve(BODY[::-1])]
    with failing(tmp_path, "SHA-256", SHA256, hashlib.sha256(BODY[::-1]).hexdigest()):
        get(server.url("/a"), sha256=SHA256)
    assert waits == []


def test_wrong_size_is_refused(server, get, tmp_path):
    server.answers["/a"] = [serve()]
    with failing(tmp_path, "102,400 bytes instead of 7"):
        get(server.url("/a"), size=7)


def test_what_the_check_says_is_told(server, get, tmp_path):
    server.answers["/a"] = [serve()]

    def check(path):
        assert path.read_bytes() == BODY
        raise ValueError("no dresses in it")

    with failing(tmp_path, "no dresses in it"):
        get(server.url("/a"), check=check)


def test_a_stall_ends_after_the_timeout(server, get, tmp_path):
    server.answers["/a"] = [server.stall]
    started = time.perf_counter()
    with failing(tmp_path, "nothing came for 0.2 s"):
        get(server.url("/a"), timeout=0.2, attempts=2)
    assert time.perf_counter() - started < 5
    assert len(server.asked) == 2


def test_connection_reset_midway_is_seen(server, get, tmp_path):
    server.answers["/a"] = [reset_midway]
    with failing(tmp_path, server.url("/a")):
        get(server.url("/a"))
    assert len(server.asked) == 3


def test_a_server_that_is_not_there_is_told(get, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{free.getsockname()[1]}/a"
    with failing(tmp_path, address, "Connection"):
        get(address, attempts=1)


def test_an_interrupted_download_leaves_nothing_and_the_next_call_starts_afresh(server, get, tmp_path, monkeypatch):
    server.answers["/a"] = [serve(), serve()]

    def interrupt(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr("http.client.HTTPResponse.read", interrupt)
        with pytest.raises(KeyboardInterrupt):
            get(server.url("/a"))
    assert files_in(tmp_path) == []
    assert get(server.url("/a"), sha256=SHA256).read_bytes() == BODY


def test_a_full_disk_is_no_network_trouble(server, get, waits, monkeypatch):
    server.answers["/a"] = [serve()]

    class FullDisk(io.BytesIO):
        def write(self, _):
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "open", lambda *_: FullDisk())
    with pytest.raises(OSError, match=r"disk is full.*file\.bin"):
        get(server.url("/a"))
    assert waits == []


# Retries, several addresses, mirrors, offline ------------------------------------------------------------------------


@pytest.mark.parametrize("trouble", [serve(b"busy", status=503), serve(BODY[:9], length=len(BODY)), reset_midway])
def test_a_retry_that_succeeds_gives_the_whole_file(server, get, waits, trouble):
    server.answers["/a"] = [trouble, serve()]
    assert get(server.url("/a")).read_bytes() == BODY
    assert waits == [1.0]


def test_the_second_address_is_used_after_the_first_fails(server, get, capsys):
    server.answers["/b"] = [serve()]
    assert get([server.url("/gone"), server.url("/b")]).read_bytes() == BODY
    assert server.asked == ["/gone", "/b"]
    assert f"{server.url('/gone')}: HTTP 404 Not Found; trying {server.url('/b')}" in capsys.readouterr().out


def test_the_second_address_is_used_after_the_first_gives_the_wrong_file(server, get):
    server.answers |= {"/a": [serve(b"other")], "/b": [serve()]}
    assert get([server.url("/a"), server.url("/b")], sha256=SHA256).read_bytes() == BODY


def test_the_error_names_every_address_tried(server, get, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path / "stick"))
    with failing(tmp_path, str(tmp_path / "stick" / "file.bin"), "no such file", server.url("/a"), server.url("/b")):
        get([server.url("/a"), server.url("/b")])


def test_a_mirror_folder_is_asked_first(server, get, tmp_path, monkeypatch):
    (tmp_path / "USB stick é").mkdir()
    (tmp_path / "USB stick é" / "file.bin").write_bytes(BODY)
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path / "USB stick é"))
    assert get(server.url("/a"), sha256=SHA256).read_bytes() == BODY
    assert server.asked == []


class UnpluggedStick(io.BytesIO):
    def read(self, *_):
        raise OSError(5, "Input/output error")


def refuse(*_, **__):
    raise PermissionError(13, "Permission denied")


@pytest.mark.parametrize(
    ("opened", "reason"), [(refuse, "Permission denied"), (lambda *_: UnpluggedStick(), "Input/output error")]
)
def test_a_mirror_file_that_cannot_be_read_moves_on_to_the_next_address(
    server, get, tmp_path, monkeypatch, capsys, waits, opened, reason
):
    stick = tmp_path / "stick"
    stick.mkdir()
    (stick / "file.bin").write_bytes(BODY)
    monkeypatch.setenv("COURSE_MIRROR", str(stick))
    open_path = Path.open
    monkeypatch.setattr(Path, "open", lambda path, mode: (opened if path.parent == stick else open_path)(path, mode))
    server.answers["/a"] = [serve()]
    assert get(server.url("/a"), sha256=SHA256).stat().st_size == len(BODY)
    assert f"it cannot be read: {reason}; trying {server.url('/a')}" in capsys.readouterr().out
    assert waits == []


def test_a_folder_in_the_mirror_file_s_place_moves_on_to_the_next_address(server, get, tmp_path, monkeypatch):
    (tmp_path / "stick" / "file.bin").mkdir(parents=True)
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path / "stick"))
    server.answers["/a"] = [serve()]
    assert get(server.url("/a")).read_bytes() == BODY


@pytest.mark.parametrize("mirror", ["http://[school", "http://teacher:port", "http://te acher", "http://lehrer/Bücher"])
def test_a_mirror_address_that_makes_no_sense_moves_on_to_the_next_address(server, get, monkeypatch, mirror, capsys):
    monkeypatch.setenv("COURSE_MIRROR", mirror)
    server.answers["/a"] = [serve()]
    assert get(server.url("/a")).read_bytes() == BODY
    assert f"{mirror}/file.bin: this is no address that can be asked" in capsys.readouterr().out


def test_an_unreadable_file_at_the_destination_is_fetched_again(server, get, tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "file.zip").write_bytes(b"mine, and closed to this program")
    open_path = Path.open
    closed = iter([refuse])
    monkeypatch.setattr(Path, "open", lambda *call, **mode: next(closed, open_path)(*call, **mode))
    archive = make_zip({"a": "A"})
    server.answers["/a"] = [serve(archive)]
    assert get(server.url("/a"), name="file.zip").read_bytes() == archive


def test_a_folder_at_the_destination_is_refused_before_anything_is_fetched(server, get, tmp_path):
    (tmp_path / "data" / "file.bin").mkdir(parents=True)
    with pytest.raises(IsADirectoryError, match=r"file\.bin is a folder"):
        get(server.url("/a"))
    assert server.asked == []


@pytest.mark.parametrize("ending", ["", "/"])
def test_a_mirror_address_is_asked_first_and_under_the_local_name(server, get, monkeypatch, ending):
    server.answers["/school/my%20file.bin"] = [serve()]
    monkeypatch.setenv("COURSE_MIRROR", server.url("/school") + ending)
    assert get(server.url("/a"), name="my file.bin").read_bytes() == BODY
    assert server.asked == ["/school/my%20file.bin"]


def test_a_mirror_with_a_wrong_file_gives_way_to_the_public_address(server, get, tmp_path, monkeypatch):
    (tmp_path / "stick").mkdir()
    (tmp_path / "stick" / "file.bin").write_bytes(BODY[:100])
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path / "stick"))
    server.answers["/a"] = [serve()]
    assert get(server.url("/a"), size=len(BODY)).read_bytes() == BODY


def test_offline_refuses_at_once_every_address_and_the_mirror_address_too(server, get, tmp_path, waits, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("COURSE_MIRROR", server.url("/school"))
    server.answers |= {"/a": [serve()], "/school/file.bin": [serve()]}
    with failing(tmp_path, "COURSE_OFFLINE", server.url("/a"), "unsetting"):
        get(server.url("/a"))
    assert server.asked == []
    assert waits == []


def test_offline_still_reads_a_mirror_folder_and_what_is_there(get, tmp_path, monkeypatch):
    monkeypatch.setenv("COURSE_OFFLINE", "1")
    monkeypatch.setenv("COURSE_MIRROR", str(tmp_path))
    (tmp_path / "file.bin").write_bytes(BODY)
    assert get("http://127.0.0.1:9/a").read_bytes() == BODY
    monkeypatch.delenv("COURSE_MIRROR")
    assert get("http://127.0.0.1:9/a", sha256=SHA256).read_bytes() == BODY


@pytest.mark.parametrize("address", ["file:///etc/passwd", "ftp://host/a", "/a/path"])
def test_an_address_that_is_no_web_address_is_a_value_error(get, address):
    with pytest.raises(ValueError, match="http"):
        get(address)


def test_the_progress_bar_counts_bytes_and_leaves_no_trace(server, get, capsys, monkeypatch):
    monkeypatch.setenv("COURSE_PROGRESS", "1")
    bars = []

    def spying(**options):
        bars.append(progress_bar(**options))
        return bars[-1]

    monkeypatch.setattr("course_utils.pictures.downloads.progress_bar", spying)
    server.answers["/a"] = [serve()]
    get(server.url("/a"))
    assert [(bar.n, bar.total) for bar in bars] == [(len(BODY), len(BODY))]
    shown = capsys.readouterr().out
    assert "file.bin" in shown
    assert shown.endswith("\r")
    assert shown.split("\r")[-2].strip() == ""
