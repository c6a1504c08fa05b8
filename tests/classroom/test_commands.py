"""Commands to be copied: they must work when they are, in the shell of the system they are printed on."""

import importlib.metadata
import importlib.util
import os
import shlex
import subprocess
import sys
from email.message import Message

import pytest

from course_utils.classroom import commands


@pytest.fixture
def windows(monkeypatch):
    monkeypatch.setattr(commands.os, "name", "nt")


@pytest.fixture
def elsewhere(monkeypatch):
    """Only the package is installed; returns what its metadata say."""
    head = Message()
    head["Version"] = "0.1.0"
    monkeypatch.setattr(commands, "lessons_are_here", lambda: False)
    monkeypatch.setattr(importlib.metadata, "metadata", lambda _: head)
    return head


@pytest.mark.skipif(os.name == "nt", reason="asks a POSIX shell")
@pytest.mark.parametrize("word", ["plain", "torch>=2.6", "/home/Jane Doe/it's", "$HOME", "[lab]", ""])
def test_a_quoted_word_reaches_the_program_as_it_is(word):
    line = commands.command(sys.executable, "-c", "import sys; print(sys.argv[1], end='')", word)
    assert subprocess.run(line, shell=True, capture_output=True, text=True, check=True).stdout == word


@pytest.mark.usefixtures("windows")
def test_powershell_calls_a_quoted_program_instead_of_printing_it():
    assert commands.command(r"C:\py\python.exe", "-m", "pip", "torch>=2.6") == r'C:\py\python.exe -m pip "torch>=2.6"'
    assert commands.command(r"C:\Jane Doe\python.exe", "-m") == r'& "C:\Jane Doe\python.exe" -m'
    assert commands.quote("a$b`c d") == '"a`$b``c d"'


@pytest.mark.usefixtures("windows")
def test_powershell_sets_and_removes_a_variable():
    assert commands.set_variable("COURSE_DATASET", "drawn") == '$env:COURSE_DATASET = "drawn"'
    assert commands.set_variable("COURSE_DATASET") == "Remove-Item Env:COURSE_DATASET"


@pytest.mark.skipif(os.name == "nt", reason="asks a POSIX shell")
def test_a_posix_shell_sets_and_removes_a_variable():
    lines = [
        commands.set_variable("NAME", "two words"),
        'echo "<$NAME>"',
        commands.set_variable("NAME"),
        "echo ${NAME-x}",
    ]
    run = subprocess.run("\n".join(lines), shell=True, capture_output=True, text=True, check=True)
    assert run.stdout == "<two words>\nx\n"


@pytest.mark.parametrize(("has_pip", "start"), [(True, "-m pip install"), (False, "uv pip install --python")])
def test_the_command_fits_an_environment_with_and_without_pip(monkeypatch, tmp_path, has_pip, start):
    monkeypatch.setattr(commands, "_REPOSITORY", tmp_path)  # no uv of its own stands there
    monkeypatch.setattr(importlib.util, "find_spec", {"pip": object() if has_pip else None}.get)
    monkeypatch.setattr(sys, "prefix", "/home/Jane Doe/.venv")
    monkeypatch.setattr(sys, "executable", "/home/Jane Doe/.venv/bin/python")
    command = commands.install("torch>=2.6")
    assert start in command
    quote = '"' if os.name == "nt" else "'"
    assert f"{quote}/home/Jane Doe/.venv" in command
    assert f"{quote}torch>=2.6{quote}" in command


@pytest.mark.parametrize("everywhere", [True, False])
def test_the_uv_that_make_has_installed_is_named_where_there_is_no_other(monkeypatch, tmp_path, everywhere):
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    monkeypatch.setattr(commands.shutil, "which", {"uv": "/bin/uv" if everywhere else None}.__getitem__)
    monkeypatch.setattr(commands, "_REPOSITORY", tmp_path)
    assert commands.install("torch").startswith("uv pip install ")  # nothing better is known
    own = tmp_path / "build" / "uv" / commands.Path(sys.executable).parent.name / "uv"
    own.parent.mkdir(parents=True)
    own.touch()
    assert commands.install("torch").startswith(commands.quote("uv" if everywhere else str(own)))


def test_in_a_clone_the_course_is_installed_from_its_folder_wherever_one_stands():
    assert commands.install_course() == commands.install("-e", f"{commands._REPOSITORY}[lab]")


def test_the_course_is_installed_from_its_published_address_in_the_same_version(elsewhere):
    elsewhere["Project-URL"] = "Documentation, https://example.org/docs"
    elsewhere["Project-URL"] = "Repository, https://example.org/a, b/school"
    source = "git+https://example.org/a, b/school@v0.1.0"
    assert commands.install_course() == commands.install("--force-reinstall", "--no-deps", source)


@pytest.mark.parametrize("addresses", [["Repository, https://github.com/OWNER/REPOSITORY"], ["Home, https://a.b"], []])
def test_without_a_published_address_the_learner_is_asked_for_the_folder(elsewhere, addresses):
    for address in addresses:
        elsewhere["Project-URL"] = address
    assert commands.install_course().endswith("FOLDER_OF_THE_COURSE")


@pytest.mark.parametrize("is_clone", [True, False])
@pytest.mark.parametrize("is_installed", [True, False])
def test_no_command_names_the_package_for_an_index(monkeypatch, is_clone, is_installed):
    """Nobody has registered the name: whoever does would be installed in its place."""
    monkeypatch.setattr(commands, "lessons_are_here", lambda: is_clone)
    if not is_installed:

        def missing(name):
            raise importlib.metadata.PackageNotFoundError(name)

        monkeypatch.setattr(importlib.metadata, "metadata", missing)
    assert commands.PACKAGE not in shlex.split(commands.install_course())


def test_a_path_is_shown_from_the_repository_or_from_home(monkeypatch, tmp_path):
    monkeypatch.setattr(commands.Path, "home", lambda: tmp_path)
    assert commands.short_path(commands._REPOSITORY / "data" / "x") == "data/x"
    assert commands.short_path(tmp_path / "runs") == "~/runs"
    assert commands.short_path(tmp_path.parent) == str(tmp_path.parent)
