"""Lesson 12: its exercises tell each mistake from the others, and its functions can go to a fresh Python."""

# ruff: noqa: ARG005 - a wrong answer is often one that does not look at its argument

import ast
from pathlib import Path

import pytest
import torch

from course_utils.classroom.exercises import check
from course_utils.launching import _lacking

SOURCE = Path(__file__).resolve().parents[2] / "notebooks" / "src" / "12_beyond_one_machine.py"
SOLVED = None


def added(slopes, sizes):
    return sum(slope * size for slope, size in zip(slopes, sizes, strict=True))


def renamed(rename):
    return lambda weights: {rename(name): weight for name, weight in weights.items()}


def swapped(weights):
    return dict(zip([name[7:] for name in weights], reversed(list(weights.values())), strict=True))


def blocks(shards, room, rooms, worker, workers):
    """Neighbours instead of one by one: the last reader gets the rest."""
    size, number = len(shards) // (rooms * workers), room * workers + worker
    return shards[number * size : None if number == rooms * workers - 1 else (number + 1) * size]


HINTS = {
    "12.1": [
        (lambda slopes, sizes: added(slopes, sizes) / sum(sizes), SOLVED),
        (lambda slopes, sizes: sum(slopes) / len(slopes), "count as much as nine"),
        (lambda slopes, sizes: sum(slopes), "only added up"),
        (added, "Divide by how many"),
        (lambda slopes, sizes: slopes[0], "Slope times size"),
        (lambda slopes, sizes: slopes, "Return one tensor"),
    ],
    "12.2": [
        (lambda shards, room, rooms, worker, workers: shards[room * workers + worker :: rooms * workers], SOLVED),
        (lambda shards, room, rooms, worker, workers: shards[worker * rooms + room :: rooms * workers], SOLVED),
        (lambda shards, room, rooms, worker, workers: 3, "Return a part of the list"),
        (lambda shards, room, rooms, worker, workers: shards[room::rooms], "Both workers of a room"),
        (lambda shards, room, rooms, worker, workers: shards[worker::workers], "Rooms 0 and 1 read the same"),
        (lambda shards, room, rooms, worker, workers: shards[room + worker :: rooms * workers], "more than one reader"),
        (
            lambda shards, room, rooms, worker, workers: blocks(shards[:-3], room, rooms, worker, workers),
            "nobody reads",
        ),
        (blocks, "one reader has 5 of them, another 2"),
    ],
    "12.3": [
        (renamed(lambda name: name.removeprefix("module.")), SOLVED),
        (renamed(lambda name: name[7:]), SOLVED),
        (renamed(lambda name: name), "as before"),
        (renamed(lambda name: name.replace("module.", "")), "everywhere"),
        (renamed(lambda name: name.lstrip("module.")), "single letters"),
        (renamed(str.upper), "the names are to be module.weight"),
        (swapped, "another's weights"),
        (lambda weights: list(weights), "Return a dictionary"),
    ],
}
CASES = [(key, answer, hint) for key, answers in HINTS.items() for answer, hint in answers]


@pytest.mark.parametrize(("key", "answer", "hint"), CASES, ids=[f"{key} {hint or 'solved'}" for key, _, hint in CASES])
def test_each_answer_gets_its_hint(key, answer, hint):
    verdict = check(key, answer)
    if hint is SOLVED:
        assert verdict.status == "solved", verdict
    else:
        assert verdict.status == "refused"
        assert hint in verdict.message


def test_every_function_that_the_lesson_launches_brings_along_what_it_uses():
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    launched = {
        node.args[0].id
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", None) == "launch"
    }
    assert len(launched) == 7
    tree.body = [node for node in tree.body if getattr(node, "name", None) in launched]
    scope = {"torch": torch}
    exec(compile(tree, SOURCE.name, "exec"), scope)
    assert {name for name in launched if _lacking(scope[name])} == set()
