import itertools
import os
import re
import socket
import subprocess
import sys
from types import SimpleNamespace

import nbformat
import offline_guard
import pytest
from made_up import write_lesson

from course_utils.classroom import copies, execution, lessons


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
        "socket.gethostbyname_ex('example.org')",
        "socket.gethostbyaddr('192.0.2.1')",
        "socket.getnameinfo(('192.0.2.1', 80), 0)",
        "socket.getaddrinfo(b'example.org', 80)",
        "socket.socket(socket.AF_INET6).connect_ex(('2001:db8::1', 80))",
    ],
)
def test_the_guard_refuses_every_way_out(attempt):
    run = run_under_guard(f"import socket; {attempt}", execution.kernel_environment())
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
    run = run_under_guard(code, execution.kernel_environment())
    assert run.stdout == "b'hello'\n", run.stderr


@pytest.mark.usefixtures("notebooks")
def test_the_guard_remembers_what_a_program_swallowed():
    code = """
import socket
try:
    socket.gethostbyname("example.org")
except Exception:
    pass
import offline_guard
print(offline_guard.refused)
"""
    run = run_under_guard(code, execution.kernel_environment())
    assert run.stdout == "['example.org']\n", run.stderr


@pytest.mark.parametrize("door", ["connect", "connect_ex"])
def test_the_tests_stand_under_the_same_guard(door):
    with socket.socket() as outside, pytest.raises(RuntimeError, match="The offline guard refused"):
        getattr(outside, door)(("192.0.2.1", 80))
    assert offline_guard.refused == ["('192.0.2.1', 80)"]
    offline_guard.refused.clear()  # else this very test would fail


@pytest.mark.usefixtures("notebooks")
def test_the_guard_runs_the_sitecustomize_that_it_stands_in_front_of(tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text("print('theirs')", encoding="utf-8")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    run = run_under_guard("import socket; socket.gethostbyname('example.org')", execution.kernel_environment())
    assert run.stdout == "theirs\n"
    assert "The offline guard refused" in run.stderr


@pytest.mark.usefixtures("notebooks")
def test_kernel_environment_keeps_the_python_path_of_the_shell(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "mine")
    assert execution.kernel_environment()["PYTHONPATH"].split(os.pathsep)[1:] == ["mine"]


def test_a_run_executes_offline_in_the_notebooks_folder_and_leaves_the_lesson_alone(notebooks, tmp_path, capfd):
    path = write_lesson(
        notebooks,
        "02_good",
        "import os, pathlib\nprint(pathlib.Path.cwd().name, os.environ['COURSE_OFFLINE'], 40 + 2)\n"
        "print('the final exam is', 'open' if os.environ.get('COURSE_OPEN_THE_EXAM') == '1' else 'sealed')",
        "import urllib.request\n"
        "try:\n    urllib.request.urlopen('http://192.0.2.1', timeout=1)\n"
        "except RuntimeError as error:\n    print('kept inside:', error)\n"
        "else:\n    print('got out')",
        text="[next](03_next.ipynb)",
    )
    before = path.read_bytes()
    [run] = execution.run_lessons([lessons.read_lesson(path)], tmp_path / "pages")
    assert run.problem == ""
    page = (tmp_path / "pages" / "02_good.html").read_text(encoding="utf-8")
    assert "the final exam is open" in page  # nobody is there to break the seal
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


def test_a_learners_own_copy_is_what_runs_and_has_a_page_of_its_own(notebooks, tmp_path, capsys):
    copy = copies.copy_lesson(lessons.find_lesson("1"))
    copy.write_text(copy.read_text(encoding="utf-8").replace("1 + 1", "6 * 7"), encoding="utf-8")
    notes = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("print('mine')")])
    nbformat.write(notes, notebooks / "my" / "notes.ipynb")  # not a copy: there is no budget in its head
    chosen = [lessons.find_notebook(str(path)) for path in (copy, notebooks / "my" / "notes.ipynb")]
    runs = list(execution.run_lessons(chosen, tmp_path))
    assert [run.problem for run in runs] == ["", ""]
    assert "<pre>42</pre>" in (tmp_path / "my_01_pretrained_inference.html").read_text(encoding="utf-8")
    assert "writes it" in (tmp_path / "01_pretrained_inference.html").read_text(encoding="utf-8")
    assert "<pre>mine" in (tmp_path / "my_notes.html").read_text(encoding="utf-8")
    assert 'href="my_notes.html"' in (tmp_path / "index.html").read_text(encoding="utf-8")
    assert capsys.readouterr().out.splitlines()[1].split()[2:] == ["s", "ok"]


def test_a_failing_lesson_is_named_with_cell_and_error_and_the_next_one_still_runs(notebooks, tmp_path, capsys):
    bad = write_lesson(notebooks, "02_bad", "1 + 1", "# divide\n1 / 0", "3")
    good = write_lesson(notebooks, "03_slow", "import time; time.sleep(1.1)", budget=1)
    runs = list(execution.run_lessons([lessons.read_lesson(bad), lessons.read_lesson(good)], tmp_path))
    assert runs[0].problem == "code cell 2 ('# divide'): ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in (tmp_path / "02_bad.html").read_text(encoding="utf-8")
    assert runs[1].seconds > 1
    first, second = capsys.readouterr().out.splitlines()
    assert first.endswith("FAILED")
    assert second.endswith(("over budget", "FAILED"))


def test_a_lesson_three_times_over_its_budget_fails(notebooks, tmp_path, monkeypatch):
    path = write_lesson(notebooks, "02_slow", "1", budget=60)
    monkeypatch.setattr(execution, "OVERTIME", 0)  # any time at all is too long
    assert "budget" in execution.run_lesson(lessons.read_lesson(path), tmp_path / "page.html").problem


def test_real_photos_may_take_as_long_as_they_need(notebooks, tmp_path, monkeypatch, capsys):
    path = write_lesson(notebooks, "02_slow", "import time; time.sleep(1.1)", budget=1)
    monkeypatch.setattr(execution, "OVERTIME", 0)
    monkeypatch.setenv("COURSE_DATASET", "photos")
    [run] = execution.run_lessons([lessons.read_lesson(path)], tmp_path)
    assert run.problem == ""
    assert capsys.readouterr().out.rstrip().endswith("ok")


# Claims --------------------------------------------------------------------------------------------------------------

SOURCE = """\
# %% [markdown]
# # A lesson

# %%
gain = 3

# %% tags=["wrong"] hint="two"
gain = 2

# %% tags=["claim"]
assert gain > 2, "The student gains more than two points."

# %%
print("later cells run all the same")

# %% tags=["solution"]
gain = 4
"""


@pytest.fixture
def claiming(notebooks):
    """A built lesson, and the source that it was built from; its claim holds."""
    path = write_lesson(notebooks, "02_claims", "gain = 3", 'print("later cells run all the same")')
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(1, nbformat.v4.new_code_cell("'ready'", metadata={"tags": ["generated"]}))
    nbformat.write(notebook, path)
    (notebooks / "src").mkdir()
    (notebooks / "src" / "02_claims.py").write_text(SOURCE, encoding="utf-8")
    return path


def run_with_claim(path, tmp_path, *, more_than):
    source = path.parent / "src" / "02_claims.py"
    source.write_text(SOURCE.replace("> 2", f"> {more_than}"), encoding="utf-8")
    run = execution.run_lesson(lessons.read_lesson(path), tmp_path / "page.html")
    return run, (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_run_holds_the_claims_and_the_page_does_not_show_them(claiming, tmp_path):
    run, page = run_with_claim(claiming, tmp_path, more_than=2)
    assert (run.problem, run.remark) == ("", "")
    assert "gains more than two" not in page
    assert re.findall(r"In\xa0\[(\d+)\]", page) == ["1", "2", "3"]


def test_a_claim_that_does_not_hold_fails_the_run_but_not_the_page(claiming, tmp_path):
    run, page = run_with_claim(claiming, tmp_path, more_than=3)
    assert run.problem.startswith("the run does not show what the lesson says")
    assert "The student gains more than two points." in run.problem
    assert "<pre>later cells run all the same" in page
    assert "AssertionError" not in page


@pytest.mark.parametrize("setting", ["COURSE_DATASET=photos", "COURSE_WEIGHTS=imagenet"])
def test_nothing_is_claimed_of_other_settings(claiming, tmp_path, monkeypatch, setting):
    monkeypatch.setenv(*setting.split("="))
    run, _ = run_with_claim(claiming, tmp_path, more_than=3)
    assert (run.problem, run.remark) == ("", "")


def test_nothing_is_claimed_of_a_learners_copy(claiming, tmp_path):
    copy = copies.copy_lesson(lessons.read_lesson(claiming))
    run, _ = run_with_claim(claiming, tmp_path, more_than=3)
    assert run.problem
    assert execution.run_lesson(lessons.read_lesson(copy), tmp_path / "page.html").problem == ""


def test_claims_about_other_code_are_left_out_and_the_line_says_so(claiming, tmp_path, capsys):
    source = claiming.parent / "src" / "02_claims.py"
    source.write_text(SOURCE.replace("gain = 3", "gain = 9").replace("> 2", "> 8"), encoding="utf-8")
    [run] = execution.run_lessons([lessons.read_lesson(claiming)], tmp_path)
    assert run.problem == ""
    assert "ok (what it claims was not checked: its source has changed" in capsys.readouterr().out


def test_only_the_readers_own_cells_count_into_the_seconds(tmp_path, monkeypatch):
    """By a clock that ticks once a look: start, own cell, aside, its end, end."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1")])
    execution.weave(notebook, [(1, nbformat.v4.new_code_cell("2"))])
    ticks = itertools.count()
    monkeypatch.setattr(execution, "time", SimpleNamespace(perf_counter=lambda: next(ticks)))
    seconds, problems = execution.execute(notebook, folder=tmp_path, environment=dict(os.environ))
    assert problems == []
    assert (seconds, next(ticks)) == (3, 5)


def test_a_kernel_that_dies_is_a_problem_with_words(tmp_path):
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("import os\nos._exit(1)")])
    _, [problem] = execution.execute(notebook, folder=tmp_path, environment=dict(os.environ))
    assert "Kernel died" in problem


def test_a_handouts_page_lacks_the_solutions(notebooks, tmp_path):
    path = write_lesson(notebooks, "02_ask")
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.append(nbformat.v4.new_markdown_cell("It is 42.", metadata={"tags": ["solution"]}))
    nbformat.write(notebook, path)
    for solutions in (True, False):
        execution.run_lesson(lessons.read_lesson(path), tmp_path / "page.html", solutions=solutions)
        assert ("It is 42." in (tmp_path / "page.html").read_text(encoding="utf-8")) == solutions


def test_a_widget_leaves_words_and_no_state(tmp_path):
    code = "import ipywidgets\nipywidgets.IntSlider(description='slide')"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    assert execution.execute(notebook, folder=tmp_path, environment=dict(os.environ))[1] == []
    assert list(notebook.cells[0].outputs[0].data) == ["text/markdown", "text/plain"]
    assert "widgets" not in notebook.metadata


def test_lines_that_came_in_pieces_are_one_output_and_stay_on_their_side_of_a_figure(tmp_path):
    code = "import sys\nfor word in 'one', 'two':\n    print(word)\n    sys.stdout.flush()\ndisplay(3)\nprint('last')"
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    assert execution.execute(notebook, folder=tmp_path, environment=dict(os.environ))[1] == []
    kinds = [output.output_type for output in notebook.cells[0].outputs]
    assert kinds == ["stream", "display_data", "stream"]
    assert notebook.cells[0].outputs[0].text == "one\ntwo\n"
