"""Processes started from a notebook: what goes in, what comes back, and what is said where something is amiss."""

import subprocess
import sys
from contextlib import nullcontext, suppress
from pathlib import Path

import psutil
import pytest
import torch

from course_utils import launching
from course_utils.launching import ProcessError, launch, take_part

outside = 3


def uses_what_is_outside():
    return outside


def uses_an_import_of_the_file():
    return torch.zeros(1)


def hides_it_inside():
    return [torch.zeros(1) for _ in range(3)]


@pytest.fixture
def as_one_process(monkeypatch):
    """Run the file in one plain Python, as the only process, in place of torchrun: a third of the time."""

    def run(command, _num_processes, *, timeout):
        done = subprocess.run(
            [sys.executable, "-c", f"import os, runpy; os.environ['RANK'] = '0'; runpy.run_path({command[-1]!r}, "
             "run_name='__main__')"],
            capture_output=True, text=True, timeout=timeout,
        )  # fmt: skip
        return None if done.returncode == 0 else done.stderr

    monkeypatch.setattr(launching, "_run", run)


def double(numbers, word):
    """The function of an indented example, with a recursion and names of its own."""

    def twice(values):
        return [*twice(values[:-1]), 2 * values[-1]] if values else []

    print(word)
    print("é")
    return {"numbers": twice(numbers), "length": len(numbers)}


@pytest.mark.usefixtures("as_one_process")
def test_arguments_go_in_results_and_prints_come_back():
    run = launch(double, numbers=[1, 2], word="hello", num_processes=1)
    assert run.results == [{"numbers": [2, 4], "length": 2}]
    assert run.output == "[0] hello\n[0] é\n"
    assert run.command == "torchrun --standalone --nproc-per-node=1 double.py"
    assert "def double(numbers, word):" in run.script
    assert run.seconds > 0


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (uses_what_is_outside, "uses_what_is_outside uses outside, which a fresh Python does not know"),
        (uses_an_import_of_the_file, "uses torch, which .* import inside the function"),
        (hides_it_inside, "uses torch, which"),
        (len, "no function that was written with def"),
        (lambda: 1, "no function that was written with def"),
    ],
)
def test_a_function_that_a_fresh_python_could_not_run_is_refused_before_anything_starts(function, words, monkeypatch):
    monkeypatch.setattr(launching, "_run", lambda *_, **__: pytest.fail("started"))
    with pytest.raises(ValueError, match=words):
        launch(function)


def test_a_function_inside_another_may_not_use_what_is_around_it():
    around = 3

    def inner():
        return around

    with pytest.raises(ValueError, match="inner uses around"):
        launch(inner)


def test_a_function_without_a_source_is_refused():
    space = {}
    exec("def made_up():\n    return 1", space)
    with pytest.raises(ValueError, match="The source of made_up cannot be read"):
        launch(space["made_up"])


@pytest.mark.usefixtures("as_one_process")
def test_arguments_that_cannot_travel_are_named():
    with pytest.raises(ValueError, match="word is of the kind object"):
        launch(double, numbers=[], word=object())


def fails():
    raise KeyError("no such garment")


@pytest.mark.usefixtures("as_one_process")
def test_the_error_of_a_process_is_told_with_its_line():
    with pytest.raises(ProcessError, match="Process 0 of 2 stopped: KeyError: 'no such garment'") as told:
        launch(fails)
    assert 'raise KeyError("no such garment")' in str(told.value)


PARENT_AND_CHILD = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
with open({path!r}, "w") as file:
    file.write(f"{{os.getpid()}} {{child.pid}}")
time.sleep(600)
"""


def is_alive(pid):
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("interrupted", [False, True])
def test_what_takes_too_long_or_is_interrupted_is_ended_with_all_it_has_started(tmp_path, monkeypatch, interrupted):
    path = tmp_path / "pids"
    communicate = subprocess.Popen.communicate

    def interrupt(process, *arguments, **options):
        with suppress(subprocess.TimeoutExpired):
            communicate(process, *arguments, **options)
        raise KeyboardInterrupt

    if interrupted:
        monkeypatch.setattr(subprocess.Popen, "communicate", interrupt)
    command = [sys.executable, "-c", PARENT_AND_CHILD.format(path=str(path))]
    with pytest.raises(KeyboardInterrupt) if interrupted else nullcontext():
        assert isinstance(launching._run(command, 2, timeout=6), subprocess.TimeoutExpired)
    parent, child = map(int, path.read_text().split())
    assert not is_alive(parent)
    assert not is_alive(child)


def test_a_function_that_takes_too_long_is_told_with_what_it_has_printed(monkeypatch):
    def run(command, _num_processes, *, timeout):
        (Path(command[-1]).parent / "output-1.txt").write_text("before\n")
        return subprocess.TimeoutExpired(command, timeout)

    monkeypatch.setattr(launching, "_run", run)
    with pytest.raises(TimeoutError, match=r"fails was not done after 7 s in 2 processes(.|\n)*\[1\] before"):
        launch(fails, timeout=7)


def test_what_torchrun_says_is_told_where_no_process_says_anything(monkeypatch):
    monkeypatch.setattr(launching, "_run", lambda *_, **__: "torchrun ended with 1.\nthe port is taken")
    with pytest.raises(ProcessError, match=r"fails stopped in 2 processes: torchrun ended with 1\.\nthe port"):
        launch(fails)


def dies_where_it_is_1():
    import os

    from course_utils.parallel import process_group, sum_over_processes

    with process_group() as (rank, _):
        if rank == 1:
            print("last words")
            os._exit(7)
        return sum_over_processes(1)


def test_a_process_that_dies_without_a_word_is_an_error():
    with pytest.raises(ProcessError, match="stopped"):
        launch(dies_where_it_is_1)


def test_what_a_shell_says_of_another_group_is_not_handed_on(monkeypatch):
    seen = {}

    class Popen:
        returncode, stdout = 0, None

        def __init__(self, _command, *, env, **_):
            seen.update(env)

        def communicate(self, **_):
            return "", None

        def poll(self):
            return 0

    monkeypatch.setattr(subprocess, "Popen", Popen)
    monkeypatch.setenv("RANK", "5")
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert launching._run(["torchrun"], 2, timeout=1) is None
    assert "RANK" not in seen
    assert seen["OMP_NUM_THREADS"] == "3"
    assert seen["PYTHONPATH"]


def test_a_process_leaves_its_error_beside_the_script(tmp_path, monkeypatch):
    launching.write_plain(tmp_path / "arguments.pt", {})
    monkeypatch.setenv("RANK", "1")
    with pytest.raises(KeyError):
        take_part(fails, str(tmp_path / "fails.py"))
    assert (tmp_path / "error-1.txt").read_text().startswith("KeyError: 'no such garment'")


def test_a_process_leaves_its_result_and_what_it_printed_beside_the_script(tmp_path, monkeypatch, capsys):
    launching.write_plain(tmp_path / "arguments.pt", {"numbers": [4], "word": "hello"})
    monkeypatch.setenv("RANK", "1")
    take_part(double, str(tmp_path / "double.py"))
    content = launching.parse_plain((tmp_path / "result-1.pt").read_bytes(), tmp_path)
    assert content == {"result": {"numbers": [8], "length": 1}}
    assert (tmp_path / "output-1.txt").read_text(encoding="utf-8") == "hello\né\n"
    assert capsys.readouterr().out == ""
