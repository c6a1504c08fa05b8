import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from PIL import Image

import course_utils
from course_utils import inference, runtime
from course_utils.__main__ import COMMANDS, main
from course_utils.classroom import copies, doctor, execution, lessons, verify
from course_utils.evaluation import Predictions
from course_utils.models import build_classifier
from course_utils.pictures import catalog, splitting
from course_utils.pictures.downloads import DownloadError
from course_utils.schooling import page, run


@pytest.fixture(autouse=True)
def _three_lessons(notebooks, monkeypatch):
    monkeypatch.chdir(notebooks.parent)


def test_help_names_every_command_and_needs_no_torch():
    code = "import sys; sys.modules['torch'] = None; from course_utils.__main__ import main; main(['--help'])"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    listed = {line.split()[0] for line in run.stdout.splitlines() if line.startswith("  ")}
    assert set(COMMANDS) <= listed
    assert "lessons:" in run.stdout
    assert "examples:" in run.stdout


@pytest.mark.parametrize("words", [["runn"], [], ["data", "cats"], ["reset"]])
def test_a_wrong_call_ends_with_status_2(words):
    with pytest.raises(SystemExit) as stop:
        main(words)
    assert stop.value.code == 2


def test_an_unknown_lesson_is_one_line_and_status_2(capsys):
    assert main(["reset", "01_pretraned"]) == 2
    error = capsys.readouterr().err
    assert error == "course: No lesson is called '01_pretraned'. Did you mean 01_pretrained_inference?\n"


def test_run_reports_every_failure_and_ends_with_status_1(monkeypatch, capsys):
    def run(lesson, page, *, online, solutions):
        assert page == Path.cwd() / "build" / "lessons" / f"{lesson.name}.html"
        assert (online, solutions) == (False, True)
        return execution.LessonRun(lesson, 2.0, "" if lesson.name == "00_start_here" else "code cell 1: it broke")

    monkeypatch.setattr(execution, "run_lesson", run)
    assert main(["run"]) == 1
    seen = capsys.readouterr()
    assert "1 of 3 ran well in 6 s" in seen.out
    assert seen.err.splitlines() == [
        "01_pretrained_inference: code cell 1: it broke",
        "06_training_loop: code cell 1: it broke",
    ]
    assert main(["run", "0"]) == 0
    assert "1 of 1 ran well" in capsys.readouterr().out


def test_a_handout_is_without_solutions_and_in_a_folder_of_its_own(monkeypatch, capsys):
    def run(lesson, page, **options):
        assert page.parent == Path.cwd() / "build" / "handout"
        assert options == {"online": False, "solutions": False}
        return execution.LessonRun(lesson, 2.0, "")

    monkeypatch.setattr(execution, "run_lesson", run)
    assert main(["run", "0", "--handout"]) == 0
    assert str(Path("build", "handout")) in capsys.readouterr().out


def test_lab_copies_all_lessons_and_opens_the_chosen_one(monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(lessons, "open_in_jupyterlab", lambda path, options: opened.append((path, options)))
    my = Path.cwd() / "notebooks" / "my"
    assert main(["lab"]) == 0
    assert main(["lab", "6", "--", "--no-browser", "--port=8890"]) == 0
    assert main(["lab", "--sources"]) == 0
    assert opened == [
        (my / "00_start_here.ipynb", []),
        (my / "06_training_loop.ipynb", ["--no-browser", "--port=8890"]),
        (my.parent / "src", []),
    ]
    assert sorted(path.name[:2] for path in my.iterdir()) == ["00", "01", "06"]
    assert str(Path("notebooks", "my", "00_start_here.ipynb")) in capsys.readouterr().out


def test_options_for_jupyterlab_belong_to_lab_alone(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["run", "--", "--no-browser"])
    assert stop.value.code == 2
    assert "course lab" in capsys.readouterr().err


def test_reset_puts_a_fresh_copy_beside_the_old_one(capsys):
    assert main(["reset", "1"]) == 0
    assert main(["reset", "1"]) == 0
    assert "01_pretrained_inference_fresh.ipynb" in capsys.readouterr().out


def test_reset_takes_several_lessons_or_all(capsys):
    assert main(["reset", "1", "6"]) == 0
    assert capsys.readouterr().out.count("A fresh copy") == 2
    assert main(["reset", "all"]) == 0
    assert capsys.readouterr().out.count("A fresh copy") == 3


def test_lab_names_outdated_copies_that_hold_work_and_the_way_to_the_new_edition(monkeypatch, capsys):
    opened = []
    monkeypatch.setattr(lessons, "open_in_jupyterlab", lambda path, _options: opened.append(path.name))
    assert main(["lab", "1"]) == 0
    assert "older edition" not in capsys.readouterr().out
    own = Path.cwd() / "notebooks" / "my" / "01_pretrained_inference.ipynb"
    own.write_text(own.read_text(encoding="utf-8").replace("1 + 1", "my = 1"), encoding="utf-8")
    book = Path.cwd() / "notebooks" / "01_pretrained_inference.ipynb"
    book.write_text(book.read_text(encoding="utf-8").replace('"run_seconds"', '"source_sha256": "new", "run_seconds"'))
    assert main(["lab", "1"]) == 0
    said = capsys.readouterr().out
    assert "01_pretrained_inference are of an older edition" in said
    assert "course lab 01 --fresh, or course reset 01" in said
    assert main(["lab", "01", "--fresh"]) == 0
    assert opened == ["01_pretrained_inference.ipynb"] * 2 + ["01_pretrained_inference_fresh.ipynb"]


def test_verify_says_how_many_lessons_are_the_books_and_ends_with_status_1_where_one_is_not(monkeypatch, capsys):
    asked = []

    def verified(lesson):
        asked.append(lesson.name)
        return verify.Verification(lesson, 12.3, "" if "00" in lesson.name else "a cell broke", [], [])

    monkeypatch.setattr(verify, "verify_lesson", verified)
    assert main(["verify", "0"]) == 0
    assert "00_start_here ... 12 s" in capsys.readouterr().out
    assert main(["verify"]) == 1
    told = capsys.readouterr().out
    assert "stopped: a cell broke" in told
    assert told.endswith("1 of 3 say what the book says.\n")
    assert asked == ["00_start_here", "00_start_here", "01_pretrained_inference", "06_training_loop"]
    assert main(["verify", "77"]) == 2


def test_page_writes_a_learners_notebook_beside_the_lessons_pages(capsys):
    assert main(["reset", "1"]) == 0
    assert main(["page", "notebooks/my/01_pretrained_inference.ipynb", "6"]) == 0
    pages = Path("build", "lessons")
    assert f"As it stands: {pages / 'my_01_pretrained_inference.html'}" in capsys.readouterr().out
    assert '<span class="mi">1</span>' in (pages / "my_01_pretrained_inference.html").read_text(encoding="utf-8")
    assert (pages / "06_training_loop.html").is_file()
    assert "my_01_pretrained_inference.html" in (pages / "index.html").read_text(encoding="utf-8")
    assert main(["page", "notebooks/my/nothing.ipynb"]) == 2
    assert "There is no file" in capsys.readouterr().err


def test_doctor_ends_with_status_1_where_something_needs_mending(monkeypatch, capsys):
    for problem, status in (("", 0), ("It is broken.", 1)):
        report = doctor.EnvironmentReport((doctor.Finding("disk", "full", problem, "mend it"),))
        monkeypatch.setattr(doctor, "check_environment", lambda report=report: report)
        assert main(["doctor"]) == status
        assert str(report) in capsys.readouterr().out


def test_data_prepares_the_named_pictures(monkeypatch, capsys):
    monkeypatch.setattr(catalog, "clothing", lambda source, **_: Path("data") / source)
    assert main(["data", "drawn"]) == 0
    assert f"drawn pictures are in {Path('data', 'drawn')}" in capsys.readouterr().out
    monkeypatch.setattr(catalog, "instruments", lambda **_: Path("data") / "strings")
    assert main(["data", "instruments"]) == 0
    assert f"instruments are in {Path('data', 'strings')}" in capsys.readouterr().out


def test_split_copies_prints_what_went_where_and_takes_shares_group_and_seed(monkeypatch, capsys, tmp_path):
    asked = []
    monkeypatch.setattr(
        splitting, "split_folder", lambda *words, **options: asked.append((*words, options)) or "a table"
    )
    assert main(["split", "pets", str(tmp_path / "new")]) == 0
    assert "a table" in capsys.readouterr().out
    assert main(["split", "pets", "new", "--shares", "0.8", "0.2", "0", "--group", "(.+)_", "--seed", "3"]) == 0
    assert asked == [
        ("pets", str(tmp_path / "new"), {"shares": splitting.DEFAULT_SHARES, "group": None, "seed": 0}),
        ("pets", "new", {"shares": [0.8, 0.2, 0.0], "group": "(.+)_", "seed": 3}),
    ]
    assert capsys.readouterr().out.endswith("To school a student on them: course train new\n")


def test_what_cannot_be_split_is_one_line(capsys, tmp_path):
    assert main(["split", str(tmp_path / "nowhere"), "new"]) == 1
    assert capsys.readouterr().err.startswith(f"course: The folder {tmp_path / 'nowhere'} is not there")


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as stop:
        main(["--version"])
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"course {course_utils.__version__}\n"


@pytest.fixture
def school_of(monkeypatch):
    """Replace the schooling and its report; return what they were asked."""
    asked = []

    def school(folder, output, **options):
        (output.parent / f"{output.stem}.run").mkdir()
        asked.append((folder, output, options))
        return "a schooling"

    monkeypatch.setattr(run, "school", school)
    monkeypatch.setattr(page, "write_report", lambda path, schooling: asked.append((path, schooling)))
    monkeypatch.setattr(page, "what_next", lambda schooling: [f"put {schooling} to work", "show it"])
    return asked


def test_train_writes_student_and_report_and_clears_the_desk(school_of, capsys):
    assert main(["train", "pets"]) == 0
    options = {"weights": None, "shares": (0.7, 0.15, 0.15), "group": None, "seed": 0, "device": None, "resume": False}
    assert school_of == [("pets", Path("student.pt"), options), (Path("student.html"), "a schooling")]
    assert not Path("student.run").exists()
    told = capsys.readouterr().out
    assert "student.pt, its report in student.html" in told
    assert told.endswith("now:\nput a schooling to work\nshow it\n")
    words = "train pets --output a/b.pt --weights imagenet --seed 3 --device cpu --resume".split()  # noqa: SIM905
    Path("a").mkdir()
    assert main(words) == 0
    _, output, options = school_of[2]
    assert output == Path("a", "b.pt")
    assert options | {"shares": None} == {
        "weights": "imagenet", "shares": None, "group": None, "seed": 3, "device": "cpu", "resume": True,
    }  # fmt: skip


def test_a_report_that_was_interrupted_says_how_to_go_on_too(school_of, monkeypatch, capsys):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(page, "write_report", interrupt)
    assert main(["train", "pets"]) == 130
    assert school_of
    assert "stands in student.run: the same command with --resume goes on" in capsys.readouterr().err


def test_an_interrupted_training_says_how_to_go_on(monkeypatch, capsys):
    def interrupt(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "school", interrupt)
    assert main(["train", "pets"]) == 130
    assert capsys.readouterr().err == "course: stopped.\n"
    Path("student.run").mkdir()
    assert main(["train", "pets"]) == 130
    assert "stands in student.run: the same command with --resume goes on" in capsys.readouterr().err


@pytest.mark.parametrize("error", [ValueError("leaked"), RuntimeError("no such device"), MemoryError("no room")])
def test_what_keeps_from_training_is_one_line(monkeypatch, capsys, error):
    def fail(*_, **__):
        raise error

    monkeypatch.setattr(run, "school", fail)
    assert main(["train", "pets"]) == 1
    assert capsys.readouterr().err == f"course: {error}\n"


def test_predict_names_pictures_in_three_forms_and_bad_files_end_in_status_1(monkeypatch, capsys):
    model = build_classifier(2, weights=None, classes=["cat", "dog"])
    monkeypatch.setattr(inference, "load_classifier", lambda path: {"student.pt": model}[path])
    for number in (1, 2):
        Image.new("RGB", (40, 40), (90 * number, 0, 0)).save(f"{number}.png")
    Path("bad.jpg").write_text("-")
    assert main(["predict", "student.pt", "1.png", "2.png"]) == 0
    table = capsys.readouterr().out.splitlines()
    assert len(table) == 3
    assert table[1].split()[:2] in (["1.png", "cat"], ["1.png", "dog"])
    assert main(["predict", "student.pt", "1.png", "bad.jpg", "--json", "--top", "1"]) == 1
    seen = capsys.readouterr()
    assert [len(item.get("answers", [])) for item in json.loads(seen.out)] == [1, 0]
    assert seen.err.startswith("course: left out: ")
    assert "bad.jpg" in seen.err
    assert main(["predict", "student.pt", "1.png", "--csv"]) == 0
    assert capsys.readouterr().out.startswith("file,name_1,probability_1")
    assert main(["predict", "student.pt", "1.png", "--top", "3"]) == 1
    assert "ask for 1 to 2 names" in capsys.readouterr().err
    assert main(["predict", "student.pt", "1.png", "--device", "abacus"]) == 1
    assert "abacus" in capsys.readouterr().err


@pytest.mark.parametrize("kind", [DownloadError, RuntimeError, FileExistsError])
def test_pictures_that_cannot_be_had_are_a_message_not_a_traceback(monkeypatch, capsys, kind):
    def fail(_source, **_):
        raise kind("no address answers")

    monkeypatch.setattr(catalog, "clothing", fail)
    assert main(["data", "photos"]) == 1
    assert capsys.readouterr().err == "course: no address answers\n"


@pytest.mark.parametrize(("words", "missing"), [(["run", "1"], "nbclient"), (["lab"], "jupyterlab")])
def test_a_missing_jupyter_is_a_message(monkeypatch, capsys, words, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    assert main(words) == 2
    assert f"{missing} is not installed. `course doctor` says how to mend it." in capsys.readouterr().err


def test_what_is_missed_only_in_the_middle_is_a_message_too(monkeypatch, capsys):
    def fail():
        raise ModuleNotFoundError("No module named 'jinja2'", name="jinja2")

    monkeypatch.setattr(lessons, "all_lessons", fail)
    assert main(["run"]) == 2
    assert "jinja2 is not installed" in capsys.readouterr().err


@pytest.mark.parametrize(
    "bug", [ModuleNotFoundError("no module", name="course_utils.gone"), ValueError("a bug"), RuntimeError("a bug")]
)
def test_a_bug_is_not_hidden(monkeypatch, bug):
    def fail():
        raise bug

    monkeypatch.setattr(lessons, "all_lessons", fail)
    with pytest.raises(type(bug)):
        main(["run"])


@pytest.mark.parametrize("words", [["lab"], ["run", "0"], ["reset", "1"], ["data", "drawn"]])
def test_a_folder_that_may_only_be_read_is_one_line(monkeypatch, capsys, words):
    def locked(*_, **__):
        raise PermissionError(13, "Permission denied", "/srv/course/notebooks")

    for module, name in ((copies, "copy_lesson"), (copies, "renew_copies"), (execution, "run_lesson")):
        monkeypatch.setattr(module, name, locked)
    monkeypatch.setattr(catalog, "clothing", locked)
    assert main(words) == 1
    assert capsys.readouterr().err == "course: [Errno 13] Permission denied: '/srv/course/notebooks'\n"


@pytest.mark.parametrize("words", [["run", "0"], ["data", "drawn"]])
def test_a_setting_with_an_unknown_word_is_one_line(monkeypatch, capsys, words):
    monkeypatch.setattr(catalog, "clothing", lambda *_, **__: runtime.setting("COURSE_WEIGHTS"))
    monkeypatch.setattr(execution, "run_lesson", lambda *_, **__: runtime.setting("COURSE_WEIGHTS"))
    monkeypatch.setenv("COURSE_WEIGHTS", "imagnet")
    assert main(words) == 2
    assert "COURSE_WEIGHTS is 'imagnet'" in capsys.readouterr().err


def test_a_torchvision_made_for_another_torch_is_a_matter_for_the_doctor(monkeypatch, capsys):
    def broken(_name):
        raise RuntimeError("operator torchvision::nms does not exist")

    monkeypatch.setattr("importlib.import_module", broken)
    assert main(["data", "drawn"]) == 2
    assert capsys.readouterr().err.endswith("does not exist `course doctor` says how to mend it.\n")


def test_export_writes_beside_the_student_and_prints_the_proof(monkeypatch, capsys):
    from course_utils import proof

    def export(student, folder, output, *, in_8_bits):
        assert (student, folder, output, in_8_bits) == (
            Path("my/student.pt"),
            "pictures",
            Path("my/student.onnx"),
            False,
        )
        nobody = Predictions(torch.tensor([[0.75, 0.25]]), torch.tensor([0]))
        ways = [proof.Way(name, nobody, 9_000_000, 5.0) for name in ("PyTorch", "ONNX")]
        return [Path.cwd() / "my" / "student.onnx"], proof.Proof(Path.cwd() / "pictures" / "test", tuple(ways))

    monkeypatch.setattr(proof, "export_with_proof", export)
    assert main(["export", "my/student.pt", "--exam", "pictures", "--no-int8"]) == 0
    said = capsys.readouterr().out
    assert f"Written: {Path('my', 'student.onnx')}\n" in said
    assert f"on an exam of 1 pictures in {Path('pictures', 'test')}" in said
    assert "1 of 1" in said


@pytest.mark.parametrize("words", [["export", "a.pt", "--exam", "."], ["demo", "a.pt"]])
def test_what_is_no_student_is_one_line_and_status_1(words, capsys):
    assert main(words) == 1
    assert capsys.readouterr().err == "course: There is no file a.pt.\n"
    Path("a.pt").write_bytes(b"no student")
    assert main(words) == 1
    error = capsys.readouterr().err
    assert error.startswith("course: a.pt ")
    assert error.count("\n") == 1


def test_a_library_that_only_the_export_needs_is_named_with_its_command(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert main(["export", "a.pt", "--exam", "."]) == 1
    assert "The export needs onnxruntime: " in capsys.readouterr().err


def test_demo_hands_its_words_to_the_server(monkeypatch, capsys):
    from course_utils import inference
    from course_utils.classroom import demo

    made = []
    monkeypatch.setattr(inference, "load_classifier", lambda path: f"the model of {path}")
    monkeypatch.setattr(demo, "DemoServer", lambda model, **words: made.append((model, words)))
    monkeypatch.setattr(demo, "run_demo", lambda _server, *, open_browser: made.append(open_browser))
    words = ["demo", "my/student.pt", "--port", "8000", "--host", "0.0.0.0", "--threshold", "0.7", "--no-open"]
    assert main(words) == 0
    due = {"name": "student.pt", "host": "0.0.0.0", "port": 8000, "threshold": 0.7}
    assert made == [("the model of my/student.pt", due), False]
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("encoding", ["ascii", "cp932"])
def test_a_console_that_lacks_a_letter_does_not_end_a_command(encoding):
    """The report's path may hold any letter; here the program's own name does."""
    code = "import sys; from course_utils import __main__ as m; from course_utils.classroom import doctor, findings\n"
    code += "report = findings.EnvironmentReport((findings.Finding('disk', 'é · … ✓'),))\n"
    code += "doctor.check_environment = lambda: report\nsys.exit(m.main(['doctor']))"
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, timeout=60)
    assert (run.returncode, run.stderr) == (0, b"")
    assert b"ok    disk" in run.stdout


@pytest.mark.skipif(os.name == "nt", reason="pipes break in another way there")
def test_a_reader_that_leaves_is_no_traceback():
    code = "import sys; from course_utils import __main__ as m; from course_utils.classroom import doctor, findings\n"
    code += "report = findings.EnvironmentReport((findings.Finding('disk', 'x ' * 99999),))\n"
    code += "doctor.check_environment = lambda: report\nsys.stdin.read()\nsys.exit(m.main(['doctor']))"
    run = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    run.stdout.close()  # nobody reads
    run.stdin.close()
    assert run.stderr.read() == b""
    assert run.wait(60) == 1
    run.stderr.close()


def test_ctrl_c_is_no_traceback(monkeypatch, capsys):
    def interrupt():
        raise KeyboardInterrupt

    monkeypatch.setattr(lessons, "all_lessons", interrupt)
    assert main(["run"]) == 130
    assert "stopped" in capsys.readouterr().err
