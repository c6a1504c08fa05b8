"""Commit first: what the reader expects of a run is kept before it, and held beside what happened after it.

The predictions lie in `predictions.json` in the folder of the reader's notebook. A lesson asks with
`widgets.predict_first`; nothing is written before somebody chooses an answer.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple, TypedDict

from course_utils.classroom.callout import BLUE, GREEN, ORANGE, callout
from course_utils.runtime import atomic_write, say

FILE = "predictions.json"


class Prediction(TypedDict):
    """One prediction: the question as it was asked, its choices, and the one that was chosen."""

    question: str
    choices: list[str]
    expected: str
    happened: str | None  # None until the run has shown it


class Outcome(NamedTuple):
    """What happened, beside what was expected (None where nobody had committed to an answer)."""

    key: str
    happened: str
    expected: str | None

    def __repr__(self) -> str:
        words, message, _ = self._said()
        return f"{words} {message}"

    def _repr_html_(self) -> str:
        words, message, colour = self._said()
        return callout(words, message, colour=colour, label=f"prediction {self.key}")

    def _said(self) -> tuple[str, str, str]:
        if self.expected is None:
            return "What happened:", self.happened, BLUE
        if self.expected == self.happened:
            return "As you expected:", self.happened, GREEN
        return "Not as you expected.", f"You expected: {self.expected}\nWhat happened: {self.happened}", ORANGE


_asked: dict[str, tuple[str, list[str]]] = {}  # what this session has asked, and
_answered: dict[str, str] = {}  # been answered, also where nothing can be written
_known: set[str] = set()  # what it has shown already: too late to predict


def ask(key: str, question: str, choices: Sequence[str]) -> str | None:
    """Note that the question is being asked, and return the answer kept from before, or None.

    `key` is "06.1": lesson 06, first prediction. An answer to a question that has been reworded since is none.
    Raises ValueError for fewer than two choices, or two that are alike.
    """
    if len(set(choices)) < 2 or len(set(choices)) != len(choices):
        raise ValueError(f"Prediction {key} needs at least two different choices, not {list(choices)}.")
    _asked[key] = question, list(choices)
    _known.discard(key)
    kept = load().get(key)
    if kept and (kept["question"], kept["choices"]) == _asked[key]:
        _answered[key] = kept["expected"]
    else:
        _answered.pop(key, None)
    return _answered.get(key)


def commit(key: str, expected: str) -> str:
    """Keep an answer to a question that was asked, and return a sentence that says so.

    An answer that comes after the run has shown what happens is not kept. Raises ValueError for another answer than
    one of the choices.
    """
    question, choices = _asked[key]
    if expected not in choices:
        raise ValueError(f"The choices of prediction {key} are {', '.join(choices)}; not {expected!r}.")
    if key in _known:
        return "The run has already shown what happens; this answer is not kept."
    _answered[key] = expected
    problem = _store(key, {"question": question, "choices": choices, "expected": expected, "happened": None})
    return f"You expect: {expected}. Now run on." + (f" ({problem})" if problem else "")


def what_happened(key: str, happened: str) -> Outcome:
    """Say what the run has shown, one of the choices of prediction `key`, beside what the reader expected.

    Raises ValueError where the question was not asked in this session, or has no such choice.
    """
    if key not in _asked:
        raise ValueError(
            f"Prediction {key} was not asked: run the cell with predict_first({key!r}, ...) before this one."
        )
    question, choices = _asked[key]
    if happened not in choices:
        raise ValueError(f"The choices of prediction {key} are {', '.join(choices)}; not {happened!r}.")
    _known.add(key)
    expected = _answered.get(key)
    if expected is not None:
        _store(key, {"question": question, "choices": choices, "expected": expected, "happened": happened})
    return Outcome(key, happened, expected)


def load() -> dict[str, Prediction]:
    """Return every prediction kept in this folder, by key. A file that cannot be read is put aside, and said so."""
    path = Path.cwd() / FILE
    try:
        return read_predictions(path)
    except FileNotFoundError:
        return {}
    except OSError as error:
        say(f"The predictions in {path} cannot be read ({error.strerror}).")
        return {}
    except ValueError:
        aside = path.with_suffix(".damaged.json")
        path.replace(aside)
        say(f"{FILE} could not be read; it lies beside as {aside.name}, and a new one begins.")
        return {}


def read_predictions(path: Path) -> dict[str, Prediction]:
    """Return every prediction in a file, by key. Raises OSError, and ValueError where it holds none."""
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
    except RecursionError:
        raise ValueError("brackets within brackets") from None
    if not isinstance(kept, dict) or not all(
        isinstance(each, dict) and each.keys() >= Prediction.__annotations__.keys() for each in kept.values()
    ):
        raise ValueError("no predictions inside")
    return kept


def _store(key: str, prediction: Prediction) -> str:
    """Write one prediction; where that is impossible, return why, for the lesson goes on all the same."""
    try:
        content = json.dumps(load() | {key: prediction}, indent=1, ensure_ascii=False)
        with atomic_write(Path.cwd() / FILE) as temporary:
            temporary.write_text(content + "\n", encoding="utf-8")
    except OSError as error:
        return f"kept for this session only: {FILE} cannot be written here, {error.strerror}"
    return ""
