"""The student's page without a browser: what it answers, where it listens, how it ends."""

import base64
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.request

import numpy as np
import pytest
import torch
from made_up import tiny_student
from PIL import Image

from course_utils.classroom import demo
from course_utils.classroom.demo import DemoServer, run_demo
from course_utils.inference import Prediction, predict_topk, save_classifier
from course_utils.models import build_classifier
from course_utils.transforms import InputSpec

CLASSES = ["dress", "hat", "pants", "shirt", "shoes", "</script><b>"]


@pytest.fixture(scope="module")
def model():
    torch.manual_seed(0)
    return tiny_student(CLASSES, InputSpec(image_size=32, resize_size=36))


@pytest.fixture
def server(model):
    with DemoServer(model, name="student.pt", threshold=0.6) as made:
        thread = threading.Thread(target=made.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture
def picture():
    values = np.random.default_rng(0).integers(0, 256, (90, 120, 3), dtype=np.uint8)
    return Image.fromarray(values)


def post(server, path, image) -> dict:
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    with urllib.request.urlopen(f"{server.address}{path}", data=buffer.getvalue(), timeout=60) as response:
        return json.load(response)


def test_it_answers_as_predict_topk_does(server, model, picture):
    content = post(server, "answer", picture)
    due = predict_topk(model, picture)
    assert [Prediction(**answer) for answer in content["answers"]] == due
    assert len(due) == 5
    assert (content["width"], content["height"]) == (120, 90)


def test_it_sends_back_the_picture_that_the_student_saw_but_no_larger_than_the_page_shows(server, picture):
    for size, due in (((120, 90), (120, 90)), ((2000, 1000), (800, 400))):
        content = post(server, "answer", picture.resize(size))
        data = content["picture"].removeprefix("data:image/jpeg;base64,")
        with Image.open(io.BytesIO(base64.b64decode(data))) as shown:
            assert shown.size == due


def test_it_says_what_the_student_looked_at(server, model, picture):
    content = post(server, "look", picture)
    assert predict_topk(model, picture, k=1)[0].name in content["sentence"]
    assert content["part"] == pytest.approx([1 / 6, 1 / 18, 5 / 6, 17 / 18])
    assert content["heat"] is None or np.array(content["heat"]).shape == (8, 8)


def test_the_page_holds_the_facts_and_no_address_but_its_own(server):
    with urllib.request.urlopen(server.address, timeout=60) as response:
        page, policy = response.read().decode(), response.headers["Content-Security-Policy"]
    facts = json.loads(re.search(r'<script type="application/json" id="facts">(.*?)</script>', page)[1])
    assert facts == {"name": "student.pt", "classes": CLASSES, "threshold": 0.6, "maxBytes": 25_000_000}
    assert "{{" not in page
    assert not re.search(r"https?://", page)
    assert policy.startswith("default-src 'none'; ")
    (nonce,) = set(re.findall(r"nonce-([\w-]+)", policy))
    assert page.count(f'nonce="{nonce}"') == 2


def test_each_server_has_a_nonce_of_its_own(model, server):
    with DemoServer(model, name="student.pt") as other:
        assert other.policy != server.policy


def test_only_this_machine_is_heard_unless_told_otherwise(server, model):
    assert server.server_address[0] == "127.0.0.1"
    assert server.is_private
    with DemoServer(model, name="student.pt", host="0.0.0.0") as open_one:
        assert not open_one.is_private
        assert open_one.address == f"http://127.0.0.1:{open_one.server_port}/"


def test_numbers_are_known_and_names_are_not(server, model):
    for host in ("127.0.0.1:80", "localhost", "LOCALHOST:1", "[::1]:8000", "127.0.0.2"):
        assert server.knows(host), host
    for host in ("", "evil.example", "127.0.0.1.evil.example", "192.168.1.7", "[", "localhost.evil"):
        assert not server.knows(host), host
    with DemoServer(model, name="student.pt", host="0.0.0.0") as open_one:
        assert open_one.knows("192.168.1.7:8000")
        assert open_one.knows(socket.gethostname())
        assert not open_one.knows("evil.example")


def test_a_port_that_is_taken_or_none_is_one_sentence(server, model):
    with pytest.raises(OSError, match=f"Cannot listen at 127.0.0.1, port {server.server_port} .*choose another --port"):
        DemoServer(model, name="student.pt", port=server.server_port)
    with pytest.raises(ValueError, match="port=70000: a port is a number"):
        DemoServer(model, name="student.pt", port=70_000)
    with pytest.raises(ValueError, match=r"threshold=60\.0 is a probability"):
        DemoServer(model, name="student.pt", threshold=60.0)


def test_the_browser_is_opened_at_the_page_unless_unwanted(model, monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(demo.webbrowser, "open", opened.append)
    monkeypatch.setattr(DemoServer, "serve_forever", lambda _server: None)
    for wanted in (True, False):
        run_demo(DemoServer(model, name="student.pt"), open_browser=wanted)
    assert len(opened) == 1
    said = capsys.readouterr().out
    assert f"The student waits at {opened[0]}" in said
    assert "whoever reaches this machine" not in said
    run_demo(DemoServer(model, name="student.pt", host="0.0.0.0"), open_browser=False)
    assert "whoever reaches this machine may use it" in capsys.readouterr().out


@pytest.mark.skipif(os.name == "nt", reason="signals are sent in another way there")
def test_the_command_serves_until_ctrl_c_and_ends_well(tmp_path, picture):
    save_classifier(tmp_path / "student.pt", build_classifier(6, weights=None))
    command = [sys.executable, "-m", "course_utils", "demo", "student.pt", "--no-open"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    # Ctrl-C is ignored where a shell started the tests in its background, and a child inherits that.
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        run = subprocess.Popen(command, cwd=tmp_path, **pipes)
    finally:
        signal.signal(signal.SIGINT, heard)
    try:
        address = re.search(r"http://127\.0\.0\.1:\d+/", run.stdout.readline())[0]
        buffer = io.BytesIO()
        picture.save(buffer, "PNG")
        with urllib.request.urlopen(f"{address}answer", data=buffer.getvalue(), timeout=60) as response:
            assert len(json.load(response)["answers"]) == 5
        run.send_signal(signal.SIGINT)
        said, error = run.communicate(timeout=60)
    finally:
        run.kill()
    assert (run.returncode, error) == (0, "")
    assert "The student has gone home." in said
