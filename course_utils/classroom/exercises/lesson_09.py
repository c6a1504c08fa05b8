"""The exercises of lesson 09, by hand."""

from collections.abc import Callable
from typing import Any

import numpy as np

from course_utils.classroom.exercises import exercise


@exercise(
    "09.1",
    "Return the three slopes: at the inputs, at `W`, at `b`.",
    kind="function",
    solved="Two matrix products and a sum. Stack as many of these as you like, and you have a deep network's way back.",
)
def layer_backward(answer: Callable[..., Any]) -> str | None:
    """`answer(d_outputs, inputs, W)` returns the slopes at inputs, W and b."""
    chance = np.random.default_rng(0)
    d_outputs, inputs, weight = (chance.normal(size=shape) for shape in ((5, 2), (5, 3), (3, 2)))
    slopes = answer(d_outputs.copy(), inputs.copy(), weight.copy())
    if not isinstance(slopes, tuple | list) or len(slopes) != 3:
        return "Return three things, in this order: `d_inputs, d_W, d_b`."
    wanted = {
        "d_inputs": d_outputs @ weight.T,
        "d_W": inputs.T @ d_outputs,
        "d_b": d_outputs.sum(axis=0),
    }
    for (name, right), given in zip(wanted.items(), slopes, strict=True):
        slope = np.asarray(given, dtype=float)
        if slope.shape == right.shape and np.allclose(slope, right):
            continue
        if slope.shape == right.T.shape and np.allclose(slope, right.T):
            return f"`{name}` has the right numbers, but lies turned over: its shape is to be {right.shape}."
        if slope.shape != right.shape:
            return (
                f"A slope has the shape of what it belongs to: `{name}` is to be {right.shape} here, yours is "
                f"{slope.shape}."
            )
        if np.allclose(slope, right / len(inputs)):
            return f"`{name}` is a mean. It is used once for every point, so what comes back is added, not averaged."
        return f"`{name}` has the right shape, but other numbers. Multiply by the link, then add over all ways back."
    return None


@exercise(
    "09.2",
    "Return `Value(data, made_by, parents, links)`.",
    kind="function",
    solved="Your autograd has six operations. Everything built from them finds its own way back.",
)
def sigmoid(answer: Callable[..., Any], *, Value: type[Any]) -> str | None:
    """`answer(value)` returns the sigmoid of a Value, with its parent and its link."""
    at = np.array([-1.0, 0.5, 2.0])
    start = Value(at)
    made = answer(start)
    right = 1 / (1 + np.exp(-at))
    if not isinstance(made, Value):
        return f"Return a `Value`; this is of type `{type(made).__name__}`."
    if np.shape(made.data) != at.shape or not np.allclose(made.data, right):
        return "Its data are not the sigmoid: 1 / (1 + e^-x), where x is the data of the value that comes in."
    if not isinstance(made.parents, tuple | list) or not isinstance(made.links, tuple | list):
        return "Parents and links are tuples, even of one: `(value,)`, with the comma."
    if len(made.parents) != 1 or made.parents[0] is not start:
        return "It remembers no parent, or another one: its parents are `(value,)`."
    link = made.links[0] if len(made.links) == 1 else np.nan
    if np.shape(link) == at.shape and np.allclose(link, right * (1 - right)):
        return None
    if np.shape(link) == at.shape and np.allclose(link, at * (1 - at)):
        return "The link was computed from the input in place of the result: s is the sigmoid itself."
    return "One parent, one link: s · (1 − s), where s is the result."


@exercise(
    "09.3",
    "Return an expression of `a` and `b`, such as `(a * b).exp()`, on which the broken walk goes wrong.",
    kind="function",
    solved="Convicted: a value that is used twice needs both slopes.",
)
def convict(answer: Callable[..., Any], *, Value: type[Any]) -> str | None:
    """`answer(a, b)` returns a Value for which "the last way wins" gives other slopes than "add"."""
    a, b = Value(2.0), Value(3.0)
    made = answer(a, b)
    if not isinstance(made, Value):
        return f"Return what becomes of a and b, a Value; this is of type `{type(made).__name__}`."
    order = _in_order(made)
    right, broken = _walk_back(order, add=True), _walk_back(order, add=False)
    if any(not np.allclose(right.get(leaf, 0.0), broken.get(leaf, 0.0)) for leaf in (a, b)):
        return None
    arrows = [parent for value in order for parent in value.parents]
    if len(set(arrows)) == len(arrows):
        return (
            "The broken walk is right here: each value is used once, so only one way leads back to it. Use one twice."
        )
    return "Two ways lead back, but one of them brings 0: a shut gate, or a factor of 0. Both have to bring something."


def _in_order(last: Any) -> list[Any]:
    """Every value that `last` was made of, parents before children."""
    found: dict[Any, None] = {}

    def visit(value: Any) -> None:
        if value not in found:
            for parent in value.parents:
                visit(parent)
            found[value] = None

    visit(last)
    return list(found)


def _walk_back(order: list[Any], *, add: bool) -> dict[Any, Any]:
    """The slope of the last value at every value; without `add` the last way to arrive wins."""
    slopes: dict[Any, Any] = {order[-1]: 1.0}
    for value in reversed(order):
        for parent, link in zip(value.parents, value.links, strict=True):
            kept = slopes.get(parent, 0.0) if add else 0.0
            slopes[parent] = kept + slopes[value] * link
    return slopes
