"""Lesson 09: what it writes by hand agrees with PyTorch, and its exercises tell each mistake from the others."""

# ruff: noqa: ARG005 - a wrong answer is often one that does not look at its argument

import ast
from pathlib import Path

import numpy as np
import pytest
import torch

from course_utils.classroom.exercises import check

SOURCE = Path(__file__).resolve().parents[2] / "notebooks" / "src" / "09_by_hand.py"
SOLVED = None


def definitions(*names):
    """The functions and classes of the lesson, as its source writes them."""
    tree = ast.parse(SOURCE.read_text(encoding="utf-8"))
    tree.body = [node for node in tree.body if getattr(node, "name", None) in names]
    scope = {"np": np}
    exec(compile(tree, SOURCE.name, "exec"), scope)
    return [scope[name] for name in names]


Value, in_order, backpropagate, forward, backward = definitions(
    "Value", "in_order", "backpropagate", "forward", "backward"
)


def tangle(a, b, points):
    """An expression with every operation, in which a and b serve each point, and more than once."""
    gate = (a * points + b).relu()
    return ((gate * a).exp() + b * b * points.exp()).log() * gate + a


@pytest.mark.parametrize("points", [np.array([0.3, -2.0, 1.1]), np.array(0.7)])
def test_its_autograd_finds_pytorchs_slopes(points):
    a, b = Value(0.8), Value(-0.4)
    loss = tangle(a, b, Value(points))
    slopes = backpropagate(loss)
    x, y = (torch.tensor(number, dtype=torch.float64, requires_grad=True) for number in (0.8, -0.4))
    theirs = tangle(x, y, torch.tensor(points))
    theirs.mean().backward()
    np.testing.assert_allclose(loss.data, theirs.detach())
    np.testing.assert_allclose([a.grad, b.grad], [x.grad, y.grad])
    np.testing.assert_allclose(slopes[a], a.grad)


def test_each_further_walk_adds_the_same_slope_to_a_leaf():
    a, b = Value(0.8), Value(-0.4)
    loss = tangle(a, b, Value([0.3, -2.0]))
    backpropagate(loss)
    once = a.grad
    for times in (2, 3):
        backpropagate(loss)
        np.testing.assert_allclose(a.grad, times * once)


def test_parents_come_before_their_children_and_everybody_once():
    order = in_order(tangle(Value(0.8), Value(-0.4), Value(1.0)))
    assert len(set(order)) == len(order)
    assert all(order.index(parent) < order.index(value) for value in order for parent in value.parents)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 1e-5)])
def test_its_network_has_pytorchs_loss_and_slopes(dtype, tolerance):
    chance = np.random.default_rng(0)
    shapes = ((2, 5), (5,), (5, 2), (2,))
    weights = [chance.normal(size=shape).astype(dtype) for shape in shapes]
    points, labels = chance.normal(size=(7, 2)).astype(dtype), chance.integers(2, size=7)
    loss, notes = forward(weights, points, labels)
    slopes = backward(weights, points, labels, notes)
    w1, b1, w2, b2 = theirs = [torch.tensor(weight, requires_grad=True) for weight in weights]
    scores = torch.relu(torch.tensor(points) @ w1 + b1) @ w2 + b2
    mark = torch.nn.functional.cross_entropy(scores, torch.tensor(labels))
    mark.backward()
    np.testing.assert_allclose(loss, mark.item(), rtol=tolerance)
    for slope, weight in zip(slopes, theirs, strict=True):
        assert slope.dtype == dtype
        np.testing.assert_allclose(slope, weight.grad, atol=tolerance)


def layer(*, d_inputs=lambda d, x, w: d @ w.T, d_weight=lambda d, x, w: x.T @ d, d_bias=lambda d, x, w: d.sum(0)):
    return lambda d, x, w: (d_inputs(d, x, w), d_weight(d, x, w), d_bias(d, x, w))


def made(data=lambda s: s, parents=lambda value: (value,), links=lambda s, x: (s * (1 - s),)):
    def sigmoid(value):
        s = 1 / (1 + np.exp(-value.data))
        return Value(data(s), "sigmoid", parents(value), links(s, value.data))

    return sigmoid


HINTS = {
    "09.1": [
        (layer(), SOLVED),
        (lambda d, x, w: [d @ w.T, x.T @ d, d.sum(0)], SOLVED),
        (layer(d_bias=lambda d, x, w: d.mean(0)), "used once for every point"),
        (layer(d_bias=lambda d, x, w: d), "shape of what it belongs to: `d_b` is to be (2,)"),
        (layer(d_weight=lambda d, x, w: d.T @ x), "`d_W` has the right numbers, but lies turned over"),
        (layer(d_weight=lambda d, x, w: x.T @ d / len(x)), "`d_W` is a mean"),
        (layer(d_inputs=lambda d, x, w: x), "`d_inputs` has the right shape, but other numbers"),
        (lambda d, x, w: d @ w.T, "three things"),
    ],
    "09.2": [
        (made(), SOLVED),
        (made(parents=lambda value: [value], links=lambda s, x: [s * (1 - s)]), SOLVED),
        (made(parents=lambda value: ()), "remembers no parent"),
        (made(parents=lambda value: (Value(value.data),)), "or another one"),
        (made(links=lambda s, x: (x * (1 - x),)), "in place of the result"),
        (made(links=lambda s, x: (s,)), "One parent, one link"),
        (made(links=lambda s, x: ()), "One parent, one link"),
        (made(parents=lambda value: value, links=lambda s, x: s * (1 - s)), "tuples"),
        (made(data=lambda s: 1 - s), "not the sigmoid"),
        (made(data=lambda s: s[0]), "not the sigmoid"),
        (lambda value: value.data, "Return a `Value`"),
    ],
    "09.3": [
        (lambda a, b: a * b + a, SOLVED),
        (lambda a, b: a * a, SOLVED),
        (lambda a, b: (a + b) * (a + b).exp().log(), SOLVED),
        (lambda a, b: (a * b).log() + Value(1), "only one way"),
        (lambda a, b: a, "only one way"),
        (lambda a, b: Value(3), "only one way"),
        (lambda a, b: a + b + (a * Value(-1)).relu(), "shut gate"),
        (lambda a, b: 2.0, "a Value"),
    ],
}
CASES = [(key, answer, hint) for key, answers in HINTS.items() for answer, hint in answers]


@pytest.mark.parametrize(("key", "answer", "hint"), CASES, ids=[f"{key} {hint or 'solved'}" for key, _, hint in CASES])
def test_each_answer_gets_its_hint(key, answer, hint):
    verdict = check(key, answer, **({} if key == "09.1" else {"Value": Value}))
    if hint is SOLVED:
        assert verdict.status == "solved", verdict
    else:
        assert verdict.status == "refused"
        assert hint in verdict.message
