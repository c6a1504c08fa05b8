"""Which files a maintainer's mutation run works on; the breaking itself is mutmut's."""

import sys
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parent.parent


@pytest.fixture
def mutate(monkeypatch):
    monkeypatch.syspath_prepend(str(REPOSITORY / "tools"))
    import mutate

    yield mutate
    sys.modules.pop("mutate", None)


@pytest.mark.parametrize("word", ["report/history", "report/history.py", "course_utils/report/history.py"])
def test_a_module_is_broken_under_the_tests_that_mirror_it(mutate, word):
    expected = Path("course_utils/report/history.py"), [Path("tests/report/test_history.py")]
    assert mutate.module_and_tests(word, []) == expected


def test_other_tests_can_be_named(mutate):
    _, tests = mutate.module_and_tests("training", ["tests/test_checks.py"])
    assert tests == [Path("tests/test_checks.py")]


@pytest.mark.parametrize(
    ("word", "tests", "missing"),
    [
        ("report/marks", [], "course_utils/report/marks.py"),
        ("training", ["tests/test_gone.py"], "tests/test_gone.py"),
    ],
)
def test_a_file_that_is_not_there_is_named(mutate, word, tests, missing):
    with pytest.raises(FileNotFoundError, match=missing):
        mutate.module_and_tests(word, tests)


def test_the_copy_names_the_module_and_its_tests_alone(mutate, monkeypatch, tmp_path):
    import subprocess
    import tomllib

    source = tmp_path / "source"
    for name in ("course_utils/a.py", "course_utils/b.py", "tests/test_a.py", "notebooks/x.md", "pyproject.toml"):
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text("", encoding="utf-8")
    (source / ".gitignore").write_text("ignored\n", encoding="utf-8")
    (source / "ignored").write_text("", encoding="utf-8")
    subprocess.run(["git", "init", "--quiet", str(source)], check=True)
    monkeypatch.setattr(mutate, "REPOSITORY", source)
    copy = tmp_path / "copy"
    mutate.copy_repository(copy, Path("course_utils/a.py"), [Path("tests/test_a.py")])
    settings = tomllib.loads((copy / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["mutmut"]
    assert settings["only_mutate"] == ["course_utils/a.py"]
    assert settings["pytest_add_cli_args_test_selection"] == ["tests/test_a.py"]
    assert "notebooks" in settings["also_copy"]
    assert (copy / "course_utils" / "b.py").is_file()
    assert not (copy / "ignored").exists()
