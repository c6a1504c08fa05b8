"""The words after `course`: every example in the help is a call that works, and a slip is named with its remedy."""

import shlex

import pytest

from course_utils.__main__ import COMMANDS
from course_utils.command_line.parser import build_parser, parse
from course_utils.command_line.words import GROUPS

WORDS = {name: words for commands in GROUPS.values() for name, words in commands.items()}
EXAMPLES = [call for words in WORDS.values() for call, _ in words.examples]


def refused(capsys, *words):
    with pytest.raises(SystemExit) as stop:
        parse(words)
    assert stop.value.code == 2
    return capsys.readouterr().err


def test_every_command_has_words_and_does_something():
    assert set(WORDS) == set(COMMANDS)
    assert all(words.examples for words in WORDS.values())


@pytest.mark.parametrize("call", EXAMPLES)
def test_every_example_is_a_call_that_is_understood(call):
    course, command, *rest = shlex.split(call)
    assert course == "course"
    assert parse([command, *rest]).command == command


@pytest.mark.parametrize("command", WORDS)
def test_a_commands_help_shows_its_examples(command, capsys):
    with pytest.raises(SystemExit) as stop:
        parse([command, "--help"])
    assert stop.value.code == 0
    told = capsys.readouterr().out
    assert all(call in told for call, _ in WORDS[command].examples)


def test_a_slip_is_named_with_the_command_that_was_meant(capsys):
    assert refused(capsys, "porgress") == (
        "course: there is no command 'porgress'. Did you mean progress? `course --help` shows how it is called.\n"
    )
    assert "Did you mean" not in refused(capsys, "zzz")
    assert "course reset: the following arguments are required: LESSON." in refused(capsys, "reset")


def test_a_word_that_a_command_does_not_take_leads_to_that_commands_help(capsys):
    told = refused(capsys, "run", "--onlne", "3")
    assert told == "course run: it takes no --onlne. `course run --help` shows how it is called.\n"


def test_a_summary_reads_as_a_sentence():
    assert all(words.summary[-1].isalpha() for words in WORDS.values())


def test_nothing_typed_shows_the_help(capsys):
    assert "lessons:" in refused(capsys)


def test_what_follows_two_dashes_goes_to_jupyterlab():
    assert parse(["lab", "4", "--", "--no-browser"]).jupyter_options == ["--no-browser"]
    assert parse(["lab"]).jupyter_options == []


def test_no_line_of_the_help_is_wider_than_a_terminal():
    assert max(map(len, build_parser().format_help().splitlines())) <= 100
