"""The exercises of lesson 10, words."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from course_utils.classroom.exercises import exercise
from course_utils.text import BagOfWords, encode, telling_words, tokenize

SURE = 0.9  # how sure the student is to be of a composed sentence


@exercise(
    "10.1",
    "Replace the dots by a list: the place in `flat` at which each text begins.",
    solved="Each begins where those before it end, and the first at 0.",
)
def offsets(answer: object) -> str | None:
    """`answer` is [0, 3, 4]."""
    places = answer.tolist() if isinstance(answer, torch.Tensor) else answer
    if not isinstance(places, list | tuple):
        return "A list of numbers is asked for, such as `[1, 2, 3]`."
    if list(places) == [0, 3, 4]:
        return None
    if list(places) == [3, 1, 4]:
        return "These are the lengths. Where in `flat` does each text begin?"
    if list(places) == [3, 4, 8]:
        return "These are the ends. The first text begins at 0."
    if list(places) == [0, 3, 4, 8]:
        return "There are three texts. The 8 is where the last one ends, and nothing begins there."
    if list(places) == [1, 4, 5]:
        return "Places are counted from 0."
    return "The first text begins at 0. How many numbers stand in `flat` before the second?"


def _mean_of_words(vectors: torch.Tensor, tokens: torch.Tensor) -> torch.Tensor:
    real = (tokens != 0).unsqueeze(2)
    return (vectors * real).sum(1) / real.sum(1)


@exercise(
    "10.2",
    "Replace the dots by the mean of each text's word vectors, padding left out.",
    kind="function",
    solved="This is what `EmbeddingBag` does with `padding_idx=0`.",
)
def mean_of_words(answer: Callable[..., Any]) -> str | None:
    """`answer(vectors, tokens)` takes (N, L, D) and (N, L) and returns (N, D)."""
    vectors = torch.randn(3, 5, 4)
    tokens = torch.tensor([[7, 8, 9, 0, 0], [5, 0, 0, 0, 0], [6, 4, 3, 2, 8]])
    found = answer(vectors, tokens)
    due = _mean_of_words(vectors, tokens)
    if not isinstance(found, torch.Tensor):
        return f"A tensor is asked for; this is of type `{type(found).__name__}`."
    if found.shape != due.shape:
        return f"The result has the shape {tuple(found.shape)}; due is one vector for each text, {tuple(due.shape)}."
    if torch.allclose(found, due, atol=1e-5):
        return None
    if torch.allclose(found, vectors.mean(1), atol=1e-5):
        return "The vectors at the places of padding are in your mean. In a text of one word it is wrong by a factor."
    if torch.allclose(found, due * (tokens != 0).sum(1, keepdim=True) / 5, atol=1e-5):
        return "Padding is left out of the sum; but each text has a number of words of its own to divide by, not 5."
    if torch.allclose(found, due * (tokens != 0).sum(1, keepdim=True), atol=1e-5):
        return "That is the sum of the words' vectors. Divide by how many words each text has."
    return "Set the vectors of padding to 0, add up over the words (dimension 1), divide by the number of words."


@exercise(
    "10.3",
    "Replace the dots by a sentence.",
    kind="text",
    solved="You have found what it goes by. It has read no sense in your words, only whose they are.",
)
def composed(
    answer: str, *, model: BagOfWords, vocabulary: Mapping[str, int], classes: Sequence[str], target: str
) -> str | None:
    """`answer` has four known words or more, none of the class's eight most telling, and the student is sure of it."""
    words, label = tokenize(answer), list(classes).index(target)
    known = [word for word in words if word in vocabulary]
    if len(set(known)) < 4:
        return f"At least four different words that the student knows are asked for; it knows {sorted(set(known))}."
    telling = {word for word, _ in telling_words(model, vocabulary, number=8)[label]}
    if used := sorted(telling & set(words)):
        return f"Without the eight most telling words, please: {', '.join(used)}."
    with torch.no_grad():
        probabilities = model(encode([answer], vocabulary).to(model.head.weight.device))[0].softmax(0)
    sure, winner = probabilities[label].item(), int(probabilities.argmax())
    if sure >= SURE:
        return None
    if winner != label:
        return f"The student takes it for {classes[winner]}, and gives {target} only {sure:.0%}. `draw_text` shows why."
    return f"{target} it is, with {sure:.0%}; {SURE:.0%} are asked for. Leave out what says little."
