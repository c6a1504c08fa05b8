import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest

from course_utils.classroom import lessons

REPOSITORY = Path(__file__).resolve().parents[2]


def write_lesson(folder: Path, name: str, *code: str, budget: int = 60, text: str = "# A lesson") -> Path:
    cells = [nbformat.v4.new_markdown_cell(text)]
    for number, source in enumerate(code, start=1):
        output = nbformat.v4.new_output("stream", text="the answer")
        cells.append(nbformat.v4.new_code_cell(source, outputs=[output], execution_count=number))
    course = {"study_minutes": 30, "budget_seconds": budget, "run_seconds": 20}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"course": course})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


@pytest.fixture
def notebooks(tmp_path, monkeypatch) -> Path:
    """A repository whose path holds a space and letters beyond ASCII, with three lessons and the real offline guard."""
    root = tmp_path / "Söphie's cöurse"
    folder = root / "notebooks"
    for name in ("00_start_here", "01_pretrained_inference", "06_training_loop"):
        write_lesson(folder, name, "1 + 1")
    guard = root / "tools" / "offline_guard" / "sitecustomize.py"
    guard.parent.mkdir(parents=True)
    guard.write_bytes((REPOSITORY / "tools" / "offline_guard" / "sitecustomize.py").read_bytes())
    monkeypatch.setattr(lessons, "repository_root", lambda: root)
    return folder


def test_all_lessons_are_sorted_and_know_their_time(notebooks):
    write_lesson(notebooks / "my", "02_mine", "1")
    (notebooks / "glossary.md").write_text("words", encoding="utf-8")
    found = lessons.all_lessons()
    assert [lesson.name for lesson in found] == ["00_start_here", "01_pretrained_inference", "06_training_loop"]
    assert {lesson[1:] for lesson in found} == {(30, 60, 20)}


def test_a_lesson_without_a_budget_is_refused_by_name(notebooks):
    nbformat.write(nbformat.v4.new_notebook(), notebooks / "07_no_head.ipynb")
    with pytest.raises(lessons.LessonError, match=r"07_no_head\.ipynb: no jupyter\.course\.budget_seconds"):
        lessons.all_lessons()


def test_without_lessons_the_way_out_is_named(notebooks, monkeypatch):
    for path in notebooks.glob("*.ipynb"):
        path.unlink()
    with pytest.raises(lessons.LessonError, match="make notebooks"):
        lessons.all_lessons()
    monkeypatch.setattr(lessons, "repository_root", lambda: None)
    with pytest.raises(lessons.LessonError, match="clone the repository"):
        lessons.all_lessons()


@pytest.mark.parametrize("word", ["1", "01", "01_pretrained_inference", "notebooks/01_pretrained_inference.ipynb"])
def test_a_lesson_is_found_by_number_name_or_file(notebooks, word):
    assert lessons.find_lesson(word).path == notebooks / "01_pretrained_inference.ipynb"


@pytest.mark.usefixtures("notebooks")
@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("01_pretraned", r"Did you mean 01_pretrained_inference\?"),
        ("training", r"Did you mean 06_training_loop\?"),
        ("17", "The lessons: 00_start_here, 01_pretrained_inference, 06_training_loop"),
    ],
)
def test_an_unknown_lesson_is_answered_with_the_closest_or_all(word, message):
    with pytest.raises(lessons.LessonError, match=message):
        lessons.find_lesson(word)


def test_a_copy_has_no_outputs_and_is_a_valid_notebook(notebooks):
    copy = lessons.copy_lesson(lessons.find_lesson("1"))
    assert copy == notebooks / "my" / "01_pretrained_inference.ipynb"
    notebook = nbformat.read(copy, as_version=4)
    nbformat.validate(notebook)
    assert [cell.source for cell in notebook.cells] == ["# A lesson", "1 + 1"]
    assert notebook.cells[1].outputs == []
    assert notebook.cells[1].execution_count is None


def test_a_copy_links_to_what_is_copied_beside_it_and_back_to_what_is_not(notebooks):
    (notebooks / "glossary.md").write_text("words", encoding="utf-8")
    text = "[next](06_training_loop.ipynb) [word](glossary.md#epoch) [web](https://example.org/glossary.md)"
    path = write_lesson(notebooks, "02_links", "1", text=text)
    copy = nbformat.read(lessons.copy_lesson(lessons.read_lesson(path)), as_version=4)
    assert copy.cells[0].source == text.replace("(glossary.md", "(../glossary.md")


@pytest.mark.usefixtures("notebooks")
def test_the_learners_copy_is_never_overwritten():
    lesson = lessons.find_lesson("1")
    own = lessons.copy_lesson(lesson)
    own.write_text("my own notes", encoding="utf-8")
    assert lessons.copy_lesson(lesson) == own
    names = [lessons.copy_lesson(lesson, fresh=True).name for _ in range(3)]
    assert names == [f"01_pretrained_inference_fresh{suffix}.ipynb" for suffix in ("", "_2", "_3")]
    assert own.read_text(encoding="utf-8") == "my own notes"


@pytest.mark.usefixtures("notebooks")
def test_a_fresh_copy_takes_the_plain_name_where_it_is_free():
    assert lessons.copy_lesson(lessons.find_lesson("1"), fresh=True).name == "01_pretrained_inference.ipynb"


def run_under_guard(code: str, environment: dict[str, str]) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env=os.environ | environment, capture_output=True, text=True, timeout=60)


@pytest.mark.usefixtures("notebooks")
@pytest.mark.parametrize(
    "attempt",
    [
        "socket.create_connection(('192.0.2.1', 80), timeout=1)",
        "socket.socket().connect_ex(('192.0.2.1', 80))",
        "socket.socket(type=socket.SOCK_DGRAM).sendto(b'?', ('192.0.2.1', 53))",
        pytest.param(
            "socket.socket(type=socket.SOCK_DGRAM).sendmsg([b'?'], [], 0, ('192.0.2.1', 53))",
            marks=pytest.mark.skipif(not hasattr(socket.socket, "sendmsg"), reason="Windows has no sendmsg"),
        ),
        "socket.getaddrinfo('example.org', 80)",
        "socket.gethostbyname('example.org')",
    ],
)
def test_the_guard_refuses_every_way_out(attempt):
    run = run_under_guard(f"import socket; {attempt}", lessons.kernel_environment())
    assert run.returncode == 1
    assert "The offline guard refused" in run.stderr


@pytest.mark.usefixtures("notebooks")
def test_the_guard_lets_this_machine_talk_to_itself():
    code = """
import socket
server = socket.create_server(("127.0.0.1", 0))
socket.create_connection(("localhost", server.getsockname()[1])).close()
socket.getaddrinfo(None, 80), socket.getaddrinfo(socket.gethostname(), 80)
a, b = socket.socketpair()
a.sendmsg([b"hello"]) if hasattr(a, "sendmsg") else a.send(b"hello")
print(b.recv(5))
"""
    run = run_under_guard(code, lessons.kernel_environment())
    assert run.stdout == "b'hello'\n", run.stderr


@pytest.mark.usefixtures("notebooks")
def test_kernel_environment_keeps_the_python_path_of_the_shell(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "mine")
    assert lessons.kernel_environment()["PYTHONPATH"].split(os.pathsep)[1:] == ["mine"]


def test_a_run_executes_offline_in_the_notebooks_folder_and_leaves_the_lesson_alone(notebooks, tmp_path, capfd):
    path = write_lesson(
        notebooks,
        "02_good",
        "import os, pathlib\nprint(pathlib.Path.cwd().name, os.environ['COURSE_OFFLINE'], 40 + 2)",
        "import urllib.request\n"
        "try:\n    urllib.request.urlopen('http://192.0.2.1', timeout=1)\n"
        "except RuntimeError as error:\n    print('kept inside:', error)\n"
        "else:\n    print('got out')",
        text="[next](03_next.ipynb)",
    )
    before = path.read_bytes()
    [run] = lessons.run_lessons([lessons.read_lesson(path)], tmp_path / "pages")
    assert run.problem == ""
    page = (tmp_path / "pages" / "02_good.html").read_text(encoding="utf-8")
    assert "notebooks 1 42" in page
    assert "kept inside: The offline guard refused a connection" in page
    assert 'href="03_next.html"' in page
    assert path.read_bytes() == before
    seen = capfd.readouterr()
    # The kernel's own warnings would break the line. Two greetings are not ours to silence: older kernels' debuggers
    # speak up as they start, and ZeroMQ now and then as a kernel is closed.
    foreign = re.compile(r"\d+\.\d+s - |Assertion failed: .*\(src/signaler\.cpp:\d+\)")
    assert [line for line in seen.err.splitlines() if not foreign.match(line)] == []
    name, seconds, *rest = seen.out.split()
    assert (name, float(seconds), rest) == ("02_good", round(run.seconds, 1), ["s", "budget", "60", "s", "ok"])


def test_a_failing_lesson_is_named_with_cell_and_error_and_the_next_one_still_runs(notebooks, tmp_path, capsys):
    bad = write_lesson(notebooks, "02_bad", "1 + 1", "# divide\n1 / 0", "3")
    good = write_lesson(notebooks, "03_slow", "import time; time.sleep(1.1)", budget=1)
    runs = list(lessons.run_lessons([lessons.read_lesson(bad), lessons.read_lesson(good)], tmp_path))
    assert runs[0].problem == "code cell 2 ('# divide'): ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in (tmp_path / "02_bad.html").read_text(encoding="utf-8")
    assert runs[1].seconds > 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("FAILED")
    assert second.endswith(("over budget", "FAILED"))


def test_a_lesson_three_times_over_its_budget_fails(notebooks, tmp_path, monkeypatch):
    path = write_lesson(notebooks, "02_slow", "1", budget=60)
    monkeypatch.setattr(lessons, "OVERTIME", 0)  # any time at all is too long
    assert "budget" in lessons.run_lesson(lessons.read_lesson(path), tmp_path).problem


def test_real_photos_may_take_as_long_as_they_need(notebooks, tmp_path, monkeypatch, capsys):
    path = write_lesson(notebooks, "02_slow", "import time; time.sleep(1.1)", budget=1)
    monkeypatch.setattr(lessons, "OVERTIME", 0)
    monkeypatch.setenv("COURSE_DATASET", "photos")
    [run] = lessons.run_lessons([lessons.read_lesson(path)], tmp_path)
    assert run.problem == ""
    assert capsys.readouterr().out.rstrip().endswith("ok")


def test_jupyterlab_opens_on_the_copy_with_the_repository_as_its_root(notebooks, monkeypatch):
    from jupyterlab.labapp import LabApp

    seen = []
    monkeypatch.setattr(LabApp, "launch_instance", seen.append)
    monkeypatch.setattr(sys, "argv", sys.argv)
    lessons.open_in_jupyterlab(notebooks / "my" / "00_start_here.ipynb", ["--no-browser"])
    assert seen == [
        [
            f"--ServerApp.root_dir={notebooks.parent}",
            "--LabApp.default_url=/lab/tree/notebooks/my/00_start_here.ipynb",
            "--no-browser",
        ]
    ]


def test_nbmake_runs_lessons_offline_and_fails_those_far_over_budget(notebooks):
    """The real `notebooks/conftest.py`, on lessons made here."""
    for path in notebooks.glob("*.ipynb"):
        path.unlink()
    code = (
        "import os, socket\nassert os.environ['COURSE_OFFLINE'] == '1'\n"
        "try:\n    socket.create_connection(('192.0.2.1', 80), timeout=1)\nexcept RuntimeError:\n    pass"
    )
    write_lesson(notebooks, "00_fine", code)
    write_lesson(notebooks, "01_over", code, budget=0)
    write_lesson(notebooks / "my", "00_fine", "1 / 0")
    (notebooks / "conftest.py").write_bytes((REPOSITORY / "notebooks" / "conftest.py").read_bytes())
    command = [sys.executable, "-m", "pytest", "--nbmake", str(notebooks), "-p", "no:cacheprovider"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PYTEST")}
    run = subprocess.run(command, cwd=notebooks.parent, env=environment, capture_output=True, text=True, timeout=120)
    assert "1 failed, 1 passed" in run.stdout, run.stdout + run.stderr
    assert "01_over.ipynb took" in run.stdout
    assert json.loads((notebooks / "00_fine.ipynb").read_text(encoding="utf-8"))["cells"][1]["outputs"]
