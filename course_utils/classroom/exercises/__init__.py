"""The exercises of the lessons: what each asks, how an answer is checked, and what a wrong answer is told.

A lesson calls `check("01.2", answer)` and shows the `Verdict` that comes back. The checks themselves stand in one file
a lesson, `lesson_01.py` and so on, registered with `@exercise`. An answer is never met with a traceback: an error
inside a learner's function becomes part of the hint.
"""

import functools
import importlib
import importlib.util
import math
import re
import sys
import traceback
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import numpy as np
import torch

from course_utils.classroom.callout import BLUE, GREEN, ORANGE, callout
from course_utils.runtime import seeded

Status = Literal["solved", "refused", "unanswered"]
HintFor = Callable[..., str | None]  # the check of one exercise: what is wrong with an answer, or None
Kind = Literal["number", "text", "tensor", "function", "anything"]

# Status: the words a learner reads, and the colour of the bar beside them. The words carry the meaning.
_LOOK = {
    "solved": ("✓ Solved", GREEN),
    "refused": ("✗ Not yet", ORANGE),
    "unanswered": ("… Your turn", BLUE),
}
_KIND_IN_WORDS = {"number": "a number", "text": "a text", "tensor": "a tensor", "function": "a function"}


class Verdict(NamedTuple):
    """What `check` says about an answer. A notebook shows it as a bar with text, a terminal as one line."""

    key: str
    status: Status
    message: str

    def __repr__(self) -> str:
        return f"{_LOOK[self.status][0]} (exercise {self.key}): {self.message}"

    def _repr_html_(self) -> str:
        words, colour = _LOOK[self.status]
        return callout(words, self.message, colour=colour, label=f"exercise {self.key}")


class Exercise(NamedTuple):
    """One registered exercise: `asked` in one sentence, the kind of answer, its check, and what to say when solved."""

    key: str
    asked: str
    kind: Kind
    solved: str
    hint_for: HintFor


class _Unanswered(Exception):
    """A learner's function still returns `...` or None."""


class _Crashed(Exception):
    """A learner's function raised `error`."""

    def __init__(self, error: Exception) -> None:
        self.error = error


_registry: dict[str, Exercise] = {}


def exercise(
    key: str, asked: str, *, kind: Kind = "anything", solved: str = "That is right."
) -> Callable[[HintFor], HintFor]:
    """Register the decorated function as the check of exercise `key` ("01.2": lesson 01, second exercise).

    The function takes the answer, and whatever else the lesson hands to `check` by keyword; it returns a hint about
    the mistake it sees, or None where the answer is right. By `kind` it can rely on a Python number, a str, a
    `torch.Tensor`, or a function; anything else has been refused before. It may call a learner's function freely.

    Raises ValueError where the key is not of the form NN.N or is taken.
    """

    def register(hint_for: HintFor) -> HintFor:
        if not re.fullmatch(r"\d\d\.\d+", key):
            raise ValueError(f"Exercise key {key!r} is not of the form '01.2'.")
        if key in _registry and _registry[key].hint_for.__qualname__ != hint_for.__qualname__:
            raise ValueError(f"Exercise {key!r} is registered twice, by {hint_for.__module__}.")
        _registry[key] = Exercise(key, asked, kind, solved, hint_for)
        return hint_for

    return register


def hint_for(
    answer: float, hints: Mapping[float, str | None], *, otherwise: str | None = None, **tolerance: float
) -> str | None:
    """Return what belongs to the first of the known answers that `answer` is close to (`math.isclose` with
    `tolerance`): the hint about that mistake, or None for the right one. `otherwise` is said of an unknown answer.
    """
    return next((hint for known, hint in hints.items() if math.isclose(answer, known, **tolerance)), otherwise)


def hint_for_names(answer: object, truth: Mapping[str, str], signs: Mapping[str, str], *, example: str) -> str | None:
    """Judge an answer that names what is wrong under each letter, as `truth` does; None where all names are right.

    `signs`: what each name that may be given looks like, told for the first letter that is wrong. `example` is a name.
    """
    if not isinstance(answer, Mapping) or set(answer) != set(truth):
        return f"Give a dictionary with the letters {', '.join(truth)}, such as {{'A': {example!r}, ...}}."
    unknown = [name for name in answer.values() if name not in signs]
    if unknown:
        return f"{unknown[0]!r} is none of them. Choose from: {', '.join(map(repr, signs))}."
    wrong = [letter for letter, name in truth.items() if answer[letter] != name]
    if not wrong:
        return None
    letter = wrong[0]
    right = f"{len(truth) - len(wrong)} of {len(truth)} are right."
    said = answer[letter]
    return f"{right} Look at {letter} again. With {said!r}, {signs[said]}. Is that so there?"


def exercises_of(lesson: str) -> dict[str, Exercise]:
    """Return the exercises of a lesson ("01") by key, in order. A lesson without a file of exercises has none."""
    module = f"{__name__}.lesson_{lesson}"
    if importlib.util.find_spec(module) is not None:
        importlib.import_module(module)
    return {key: found for key, found in sorted(_registry.items()) if key.split(".")[0] == lesson}


def check(key: str, answer: object, **given: object) -> Verdict:
    """Check a learner's `answer` to exercise `key` and return what to tell them; a notebook displays it.

    `...`, or a function that returns `...` or None, counts as unanswered. `given` is handed to the check as it is:
    what the right answer depends on, such as `batch=batch`. The state of PyTorch's random generator is left as it was.

    Raises ValueError where there is no such exercise.
    """
    known = exercises_of(key.split(".")[0])
    if key not in known:
        raise ValueError(f"There is no exercise {key!r}. This lesson has {', '.join(known) or 'none'}.")
    asked_for = known[key]
    with seeded(0):
        return _judge(asked_for, answer, given)


def _judge(asked_for: Exercise, answer: object, given: dict[str, object]) -> Verdict:
    """Read the answer, run the check, and turn whatever happens into a verdict."""
    unanswered = Verdict(asked_for.key, "unanswered", asked_for.asked)
    if _holds_dots(answer):
        return unanswered
    answer, hint = _read(answer, asked_for.kind)
    if hint is None:
        try:
            hint = asked_for.hint_for(answer, **given)
        except _Unanswered as reason:
            return unanswered._replace(message=f"{asked_for.asked} {reason}")
        except _Crashed as crash:
            hint = f"Your function stopped with an error: {_in_words(crash.error)}"
        except Exception as error:
            words = _in_words(error, asked_for)
            hint = f"The check could not use this answer, of type `{type(answer).__name__}`: {words}"
    if hint is None:
        return Verdict(asked_for.key, "solved", asked_for.solved)
    return Verdict(asked_for.key, "refused", hint)


def _holds_dots(answer: object) -> bool:
    if isinstance(answer, list | tuple | set):
        return any(item is ... for item in answer)
    if isinstance(answer, dict):
        return any(item is ... for item in answer.values())
    return answer is ... or answer is None


def _read(answer: object, kind: Kind) -> tuple[object, str | None]:
    """Return the answer as its check expects it, and a hint where it is of another kind."""
    if kind == "number" and isinstance(answer, torch.Tensor | np.ndarray | np.generic) and math.prod(answer.shape) == 1:
        answer = answer.item()
    fits = {
        "number": isinstance(answer, int | float) and not isinstance(answer, bool),
        "text": isinstance(answer, str),
        "tensor": isinstance(answer, torch.Tensor),
        "function": callable(answer),
        "anything": True,
    }
    if not fits[kind]:
        return answer, f"The answer is to be {_KIND_IN_WORDS[kind]}; this one is of type `{type(answer).__name__}`."
    return (_guarded(answer) if kind == "function" and callable(answer) else answer), None


def _guarded(function: Callable[..., object]) -> Callable[..., object]:
    """Return a learner's function wrapped so that `check` can tell "not written yet" and "crashed" apart."""

    @functools.wraps(function, updated=())
    def guarded(*args: object, **kwargs: object) -> object:
        try:
            result = function(*args, **kwargs)
        except Exception as error:
            raise _Crashed(error) from error
        if _holds_dots(result):
            shown = "..." if result is not None else "None: does it end in `return`?"
            raise _Unanswered(f"So far your function returns {shown}")
        return result

    return guarded


def _in_words(error: BaseException, raised_in: Exercise | None = None) -> str:
    """Name an error and, where it happened in code the learner wrote, the line; not a line of the check itself."""
    ours = [str(Path(__file__).parent), sys.prefix, sys.base_prefix]
    if raised_in is not None:
        ours.append(raised_in.hint_for.__code__.co_filename)
    frames = traceback.extract_tb(error.__traceback__)
    lines = [frame.line for frame in frames if frame.line and not frame.filename.startswith(tuple(ours))]
    text = f"`{type(error).__name__}`: {error}" if str(error) else f"`{type(error).__name__}`"
    return f"{text}\nIt happened in the line `{lines[-1].strip()}`" if lines else text
