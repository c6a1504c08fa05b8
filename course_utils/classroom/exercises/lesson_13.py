"""The exercises of lesson 13, your own subject."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from course_utils.classroom.exercises import exercise, hint_for

PRACTISED = ["violin_07_1.jpg", "violin_07_2.jpg", "harp_12_6.jpg", "drum_01_1.jpg", "drum_02_4.jpg"]
ASKED = ["violin_07_3.jpg", "violin_08_1.jpg", "harp_12_5.jpg", "drum_03_1.jpg", "drum_02_4.jpg"]
IN_BOTH = {"violin_07", "harp_12", "drum_02"}


@exercise(
    "13.1",
    "Return the set of the instruments that have pictures in `practice` and in `exam`.",
    kind="function",
    solved="Empty is what this set should be. Ask it of every split that somebody hands you.",
)
def in_both(answer: Callable[[list[str], list[str]], Any]) -> str | None:
    """`answer(practice, exam)` returns a set of names without the picture's number."""
    found = answer(list(PRACTISED), list(ASKED))
    if not isinstance(found, set | frozenset | list | tuple):
        return f"A set of names is asked for; this is of type `{type(found).__name__}`."
    found = set(found)
    if found == IN_BOTH:
        return None
    if found == set(PRACTISED) & set(ASKED):
        return "These are file names that stand in both. Two other pictures of one violin are a leak as well."
    if found == {"violin", "harp", "drum"}:
        return "These are the kinds that stand in both, as they should. Which single instruments do?"
    if found == {name.rsplit("_", 1)[0] for name in PRACTISED + ASKED}:
        return "These are all instruments. Which stand in practice *and* in the exam? Sets have `&` for that."
    if found == {name.rsplit("_", 1)[0] for name in PRACTISED} - IN_BOTH:
        return "These are the ones that stand in practice only."
    return f'Of "violin_07_3.jpg" the instrument is "violin_07", `name.rsplit("_", 1)[0]`. Yours gives {sorted(found)}.'


@exercise(
    "13.2",
    "Replace the dots by the number of pictures.",
    kind="number",
    solved="225, of 225 things. Half the error takes four times as many.",
)
def pictures_needed(answer: float) -> str | None:
    """`answer` is 0.9 * 0.1 / 0.02 ** 2 = 225."""
    hints: dict[float, str | None] = {
        225: None,
        15: "That is the root of the number. The error falls with the root, so the number grows with the square.",
        625: "That is for a mark of 50 %, where the error is largest. Here `mark * (1 - mark)` is `0.9 * 0.1`.",
        2250: "Is that with `0.9`, and without `1 - 0.9`? The formula has the product of both.",
        0.0225: "Points are hundredths: two points are an error of 0.02.",
        4.5: "The error stands squared: `0.02 ** 2`.",
        900: "That is for an error of one point. Two are asked for.",
        864.36: "That is for 1.96 errors of two points. One standard error is asked for.",
    }
    otherwise = (
        "The standard error is the root of `mark * (1 - mark) / number`. Set it to 0.02, square both sides, and solve."
    )
    return hint_for(float(answer), hints, otherwise=otherwise, rel_tol=0.005)


@exercise(
    "13.3",
    'Return the name of the most probable class, or `"I do not know"` where it is below the threshold.',
    kind="function",
    solved="One `if` between a student who always answers and one who can be trusted further.",
)
def decide(answer: Callable[[torch.Tensor, Sequence[str], float], Any]) -> str | None:
    """`answer(probabilities, names, threshold)` takes (C,) and returns a text."""
    names = ["drum", "harp", "piano"]
    sure, unsure = torch.tensor([0.1, 0.7, 0.2]), torch.tensor([0.3, 0.3, 0.4])
    of_sure, of_unsure = answer(sure, list(names), 0.6), answer(unsure, list(names), 0.6)
    if isinstance(of_sure, int | float | torch.Tensor) and not isinstance(of_sure, bool):
        return "That is the number of the class. Look its name up: `names[...]`."
    if (of_sure, of_unsure) == ("I do not know", "piano"):
        return "It is the wrong way round: it answers where it is unsure."
    if of_sure != "harp":
        return f"With 70 % for the harp and a threshold of 0.6 it says {of_sure!r}."
    if of_unsure == "piano":
        return "With 40 % for the piano, below the threshold of 0.6, it still says 'piano'."
    if of_unsure != "I do not know":
        return f"Where nothing is probable enough, it says {of_unsure!r} instead of 'I do not know'."
    at_threshold = answer(torch.tensor([0.25, 0.75, 0.0]), list(names), 0.75)
    if at_threshold != "harp":
        return "At the threshold itself it should answer: only *below* it is 'I do not know' due."
    if answer(unsure, list(names), 0.3) != "piano":
        return "With a threshold of 0.3, the 40 % for the piano are enough: use the threshold that is handed over."
    return None
