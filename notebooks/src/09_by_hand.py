# ---
# jupyter:
#   course:
#     study_minutes: 60
#     budget_seconds: 60
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 09 · By hand
#
# **What does the machine do when it learns?**
#
# For eight lessons `loss.backward()` was one line that works: it leaves a slope at every weight, and the coach does the
# rest. Now we open that box. First a student learns a task whose best possible mark is known beforehand, so that you
# can see learning arrive. Then you walk back through a network with NumPy, slope by slope. In the end you build the box
# itself, in about forty lines, and let it learn the spirals of lesson 00.
#
# ## What you will learn
#
# - **judge** whether a run has converged, by the noise floor and by the best line there is
# - **draw** a computation graph: values go forward, slopes come back, by two rules
# - **write** the backward pass of a network in NumPy, and train it to the same weights as PyTorch
# - **compare** slopes found by hand, by nudging and by autograd, and say why `==` is the wrong question
# - **build** an autograd, and explain what a second `backward()` does
#
# ## Before you start
#
# Lessons 05 (slopes, and the chain rule in one line) and 06 (`train_model`). NumPy's arrays behave like tensors: `@`,
# broadcasting, shapes; what PyTorch calls `dim`, NumPy calls `axis`.

# %% tags=["settings"]
NOISE = 0.5  # how far a measurement strays from the line: its standard deviation
NUM_HIDDEN = 32  # hidden numbers of the network
NUM_STEPS = 400  # corrections it gets
LEARNING_RATE, MOMENTUM = 0.5, 0.9

# %%
import math

import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils import plotting, set_seed, train_model, widgets
from course_utils.classroom import exercises
from course_utils.classroom.book import compare_with_book
from course_utils.classroom.predictions import what_happened

# %% [markdown]
# ## How low can a loss go?
#
# So far nobody could say how good a student might become at best. Here we can, because we make the subject ourselves.
# The truth is a straight line, $2x + 1$. Each measurement strays from it by **noise**, random numbers with a standard
# deviation of 0.5.


# %%
def measure(num_points):
    """Noisy points along the line: x and y, both of shape (N, 1)."""
    x = 2 * torch.rand(num_points, 1) - 1  # between -1 and 1
    y = 2 * x + 1 + NOISE * torch.randn(num_points, 1)
    return TensorDataset(x, y)


set_seed(0)
practice, mock_exam, final_exam = measure(200), measure(200), measure(2000)
floor = NOISE**2

# %% [markdown]
# The teacher is `nn.MSELoss`, the mean of the squared misses (lesson 05). In older books a loss over all the data is
# called a **cost function**; it is the same thing.
#
# What mark does the *true* line get? It misses each point by the noise alone, and the square of this noise is 0.25 on
# average, $0.5^2$. That is the **noise floor**. On points nobody has practised on, no student gets below it, except by
# luck.
#
# The student is `nn.Linear(1, 1)`, a line with two weights: it answers $w x + b$. The loop is that of lesson 06. After
# every term we write down where the line stands.


# %%
def learn_line(num_epochs):
    """Train a line; return it, its report card, and (w, b) after every term."""
    set_seed(0)
    line, path = nn.Linear(1, 1), []
    history = train_model(
        line,
        DataLoader(practice, batch_size=32, shuffle=True),
        DataLoader(mock_exam, batch_size=200),
        criterion=nn.MSELoss(),
        optimizer=torch.optim.SGD(line.parameters(), lr=0.01),
        num_epochs=num_epochs,
        device="cpu",
        monitor="val_loss",
        on_epoch_end=lambda _: path.append((line.weight.item(), line.bias.item())),
        progress=False,
    )
    return line, history, path


short_line, short, short_path = learn_line(10)

# %% [markdown]
# Ten terms. The dotted line on the left is the truth; the grey band on the right is what chance does to the floor in an
# exam of 200 points, two standard errors up and down.

# %%
floor_error = floor * math.sqrt(2 / 200)
plotting.draw_fit(
    practice.tensors,
    {"after term 10": short_path[-1], "the truth": (2, 1)},
    short.val_loss,
    floor=floor,
    floor_error=floor_error,
    num_epochs=100,
    title="Ten terms",
)

# %% tags=["claim"]
assert short.val_loss[-1] > 2.5 * floor, (
    "After ten terms the loss is about three times the floor."
)

# %% [markdown]
# The line is too flat, and its loss is about three times the floor. Is the loop wrong? Nothing in the code tells you.
# The right end of the curve does: it is still falling.
#
# ## Has it learned enough?
#
# The cure costs one number: 100 terms instead of 10.

# %%
ENDS = ["near 0", "near 0.25", "near 0.5"]
widgets.predict_first("09.1", "Where does the mock exam's loss end?", ENDS)

# %% [markdown]
# Now let it run, and watch the line settle.

# %%
line, history, path = learn_line(100)
plotting.animate_fit(
    practice.tensors,
    path,
    history.val_loss,
    floor=floor,
    floor_error=floor_error,
    others={"the truth": (2, 1)},
    title="A hundred terms",
)

# %% [markdown]
# The loss falls to the floor, and there it stays.

# %%
what_happened(
    "09.1", min(ENDS, key=lambda end: abs(float(end[5:]) - history.val_loss[-1]))
)

# %% [markdown]
# The mock exam chose the best term, so we take the mark from points that chose nothing: the final exam, 2,000 of them.
# The error is that of a mean (lesson 07): the spread of the squared misses, divided by the root of their number.


# %%
def final_mark(answer):
    """The mean squared miss in the final exam, and its standard error."""
    x, y = final_exam.tensors
    squares = (answer(x) - y).detach() ** 2
    return squares.mean().item(), squares.std().item() / math.sqrt(len(squares))


marks = {
    "10 terms": final_mark(short_line),
    "100 terms": final_mark(line),
    "the truth": final_mark(lambda x: 2 * x + 1),
}
for name, (mark, error) in marks.items():
    print(f"{name:10} {mark:.3f} ± {error:.3f}")
print(f"floor      {floor:.3f}")

# %% tags=["claim"]
assert marks["10 terms"][0] - floor > 10 * marks["10 terms"][1], (
    "Ten terms end far above the floor."
)
assert abs(marks["100 terms"][0] - floor) < 2 * marks["100 terms"][1], (
    "A hundred end within two standard errors of it."
)
assert abs(marks["100 terms"][0] - marks["the truth"][0]) < 0.005, (
    "The truth itself does hardly better."
)

# %% [markdown]
# After 100 terms the mark lies within two standard errors of the floor, and the truth itself does no better on these
# points. Is yours the book's?

# %%
compare_with_book("09.line", *marks["100 terms"][:1], error=marks["100 terms"][1])

# %% [markdown]
# ### The best line there is
#
# For a straight line there is a second judge. The line with the smallest loss on given points can be calculated without
# any learning. It runs through the middle of the points, and a formula from statistics gives its $w$: the mean of
# (distance of x from its middle) × (distance of y from its middle), divided by the mean of the first squared.

# %%
x, y = practice.tensors
from_middle = x - x.mean()
best_w = ((from_middle * (y - y.mean())).mean() / (from_middle**2).mean()).item()
best_b = (y.mean() - best_w * x.mean()).item()
w_error = NOISE / (from_middle**2).sum().sqrt().item()
print(f"calculated: {best_w:.3f} x + {best_b:.3f}")
print(f"learned:    {line.weight.item():.3f} x + {line.bias.item():.3f}")
print(f"with other noise, the best w would differ by about {w_error:.3f}")

# %% tags=["claim"]
assert abs(best_w - line.weight.item()) < w_error / 2, (
    "What is left to learn is less than half of what chance does."
)
assert abs(best_b - line.bias.item()) < w_error / 2, "And so it is with b."

# %% [markdown]
# What the student has not learned yet is small beside what chance does to the best line itself. More terms would buy
# nothing. And ten terms? Look at how much of $w$ is missing as time goes by.

# %%
terms = (10, 20, 30, 40, 50)
missing = [best_w - path[term - 1][0] for term in terms]
for term, gap in zip(terms, missing, strict=True):
    print(f"after term {term}: {gap:.2f} of w is missing")

# %% tags=["claim"]
assert all(0.5 < missing[i + 1] / missing[i] < 0.75 for i in range(4)), (
    "Ten terms leave about six tenths of what was missing."
)

# %% [markdown]
# Every ten terms leave about six tenths of what was missing before. There is no moment of arrival: the line **converges**,
# it comes nearer and nearer, and we stop when what is missing no longer counts. So a high loss has two explanations, a
# fault or too little time. The curve's right end tells which, and lesson 06's remarks read it for you.

# %%
print(*short.remarks(), sep="\n")

# %% [markdown]
# ## Where does a slope come from?
#
# All that learning consisted of steps like lesson 05's: *new weight = old weight − learning rate × slope*. The **slope**
# of the loss at a weight says how fast the loss rises when this weight rises a little. Where do the slopes come from?
#
# Take one point, $x = 2$, $y = 2$, and a line with $w = 0.5$, $b = 0.2$. Compute the loss in the smallest steps there
# are, one operation a line. This is the **forward pass**.

# %%
w, b, x, y = 0.5, 0.2, 2.0, 2.0
product = w * x
answer = product + b
miss = answer - y
loss = miss**2
print(f"product {product}, answer {answer}, miss {miss:.1f}, loss {loss:.2f}")

# %% [markdown]
# Now read the same lines from the last to the first, and ask each: *how fast does your result change with what you were
# made of?* These answers are easy, because each is about one operation. Call them **links**.
#
# | operation | link |
# |---|---|
# | $m^2$ | $2m$ (lesson 05) |
# | $a - y$ | 1 to $a$: what $a$ gains, the difference gains |
# | $p + b$ | 1 to either |
# | $w \cdot x$ | to $w$ it is $x$, to $x$ it is $w$: the *other* factor |
#
# The **backward pass** starts with slope 1, since the loss rises as fast as itself, and multiplies by one link after
# another. In the code, `d_answer` is the slope of the loss at `answer`.

# %%
d_loss = 1.0
d_miss = d_loss * 2 * miss
d_answer = d_miss * 1
d_product, d_b = d_answer * 1, d_answer * 1
d_w = d_product * x
print(f"slope at w {d_w:.2f}, slope at b {d_b:.2f}")

# %% [markdown]
# The same as a picture, a **computation graph**. A box for each value, an arrow from each value to what is made of it.
# Beside each arrow stands its link. Black numbers go forward; then the red ones come back.

# %%
values = {"w": w, "x": x, "w · x": product, "b": b}
values |= {"answer": answer, "y": y, "miss": miss, "loss": loss}
slopes = {"w": d_w, "w · x": d_product, "b": d_b}
slopes |= {"answer": d_answer, "miss": d_miss, "loss": d_loss}
arrows = [("w", "w · x", x), ("x", "w · x", w), ("w · x", "answer", 1)]
arrows += [("b", "answer", 1), ("answer", "miss", 1), ("y", "miss", -1)]
arrows += [("miss", "loss", 2 * miss)]
plotting.animate_graph(values, arrows, slopes=slopes)

# %% [markdown]
# Walking back through the graph of a loss, from link to link, is called **backpropagation**. There is no more to the
# name. Check the slope at $w$ as in lesson 05, by nudging: a little up, a little down.

# %%
nudge = 0.001
higher, lower = (((w + step) * x + b - y) ** 2 for step in (nudge, -nudge))
print(f"by nudging {(higher - lower) / (2 * nudge):.4f}, by backpropagation {d_w:.4f}")
assert math.isclose((higher - lower) / (2 * nudge), d_w), "Both ways give one slope."

# %% [markdown]
# Note what the slopes at $w$ and $b$ share: everything up to `answer`. The walk back computes it once and uses it for
# both. With a million weights the shared part is nearly all of the work, and this is why one walk back serves them all.
#
# ## What if two ways lead back?
#
# The smallest *network* has something that the line lacks. One hidden number $h$ feeds *two* scores, so two ways lead
# back to it. The input is 1.5, the truth is class 1, and the teacher is cross-entropy.

# %%
x, w, v0, v1 = 1.5, 0.8, 1.0, -0.5


def loss_from(h):
    """From the hidden number to the two scores, their shares, and the mark."""
    score0, score1 = v0 * h, v1 * h
    share0 = math.exp(score0) / (math.exp(score0) + math.exp(score1))
    return -math.log(1 - share0), score0, score1, share0


product = w * x
h = max(product, 0)  # ReLU
loss, score0, score1, share0 = loss_from(h)
print(f"h {h:.2f}, scores {score0:.2f} and {score1:.2f}, loss {loss:.3f}")

# %% [markdown]
# At the scores the slopes are *share − due* (lesson 05). Then two ways lead back to $h$.

# %%
d_score0, d_score1 = share0 - 0, (1 - share0) - 1
by_score0, by_score1 = d_score0 * v0, d_score1 * v1
print(f"by way of score 0: {by_score0:.2f}, by way of score 1: {by_score1:.2f}")

# %% [markdown]
# Which of them is the slope at $h$?

# %%
MEETINGS = {
    "the larger": max(by_score0, by_score1),
    "their mean": (by_score0 + by_score1) / 2,
    "their sum": by_score0 + by_score1,
}
widgets.predict_first("09.2", "What is the slope at h?", list(MEETINGS))

# %% [markdown]
# Nobody has to be believed: nudge $h$ and see.

# %%
d_h = (loss_from(h + nudge)[0] - loss_from(h - nudge)[0]) / (2 * nudge)
print(
    {name: round(slope, 2) for name, slope in MEETINGS.items()}, f"nudging: {d_h:.2f}"
)
what_happened("09.2", min(MEETINGS, key=lambda name: abs(MEETINGS[name] - d_h)))

# %% tags=["claim"]
assert math.isclose(d_h, by_score0 + by_score1, rel_tol=1e-4), (
    "The slopes of both ways add up."
)

# %% [markdown]
# Their sum. Raise $h$ by a little, and both scores move; each moves the loss, and the loss gets both changes. So
# backpropagation has two rules, and only two:
#
# 1. **Along an arrow, multiply** by its link.
# 2. **Where several arrows leave one value, add** what comes back along them.
#
# ReLU's link is 1 where it lets its number through and 0 where it has cut it off: a gate, open or shut.

# %%
d_h = d_score0 * v0 + d_score1 * v1
d_v0, d_v1 = d_score0 * h, d_score1 * h
d_product = d_h * (product > 0)
d_w = d_product * x
values = {"w": w, "x": x, "w · x": product, "v0": v0, "h": h, "v1": v1}
values |= {"score 0": score0, "score 1": score1, "loss": loss}
slopes = {"w": d_w, "w · x": d_product, "v0": d_v0, "h": d_h, "v1": d_v1}
slopes |= {"score 0": d_score0, "score 1": d_score1, "loss": 1}
arrows = [("w", "w · x", x), ("x", "w · x", w), ("w · x", "h", 1)]
arrows += [("v0", "score 0", h), ("h", "score 0", v0)]
arrows += [("h", "score 1", v1), ("v1", "score 1", h)]
arrows += [("score 0", "loss", d_score0), ("score 1", "loss", d_score1)]
plotting.draw_graph(values, arrows, slopes=slopes, title="Two ways lead back to h")

# %% [markdown]
# ## Four hundred points at once
#
# Now a network worth the name, in NumPy, for the spirals of lesson 00.

# %%
# How the spirals are made, as in lesson 00; you may skip it.
set_seed(0)
turn = torch.rand(400).sqrt() * 3 * math.pi
targets = torch.arange(400) % 2  # 0, 1, 0, 1, ...
angle = turn + targets * math.pi
spirals = torch.stack([turn * angle.cos(), turn * angle.sin()], dim=1) / 10
spirals = spirals + 0.02 * torch.randn_like(spirals)
points, labels = spirals.double().numpy(), targets.numpy()
print("points", points.shape, points.dtype, "labels", labels.shape)

# %% [markdown]
# Two layers: 2 numbers in, 32 hidden ones, 2 scores out. Random weights to begin with, as alike units would stay alike.

# %%
rng = np.random.default_rng(4)
start = [
    rng.normal(size=(2, NUM_HIDDEN)),  # W1
    rng.normal(size=NUM_HIDDEN),  # b1
    0.1 * rng.normal(size=(NUM_HIDDEN, 2)),  # W2
    np.zeros(2),  # b2
]

# %% [markdown]
# The forward pass is five lines. It also returns its **notes**, what the walk back will need. (In shape comments N is
# the number of points.)


# %%
def forward(weights, points, labels):
    """Return the mean cross-entropy, and the notes for the way back."""
    W1, b1, W2, b2 = weights
    sums = points @ W1 + b1  # (N, 32)
    hidden = np.maximum(sums, 0)  # ReLU
    scores = hidden @ W2 + b2  # (N, 2)
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    shares = powers / powers.sum(axis=1, keepdims=True)
    loss = -np.log(shares[range(len(labels)), labels]).mean()
    return loss, (sums, hidden, shares)


loss, notes = forward(start, points, labels)
print(f"loss {loss:.3f}; guessing would cost {math.log(2):.3f}")

# %% [markdown]
# And back? A matrix product is nothing but multiplying and adding, so one line of NumPy is thousands of arrows. Take
# `hidden @ W2` and apply the two rules.
#
# - **At a weight.** `W2[j, k]` multiplies hidden number $j$ on its way to score $k$. So its link is that hidden number.
#   And it is used once *for every point*: 400 arrows leave it, and what comes back is added. Sums of products again,
#   and all of them at once are `hidden.T @ d_scores`, of shape (32, N) @ (N, 2) = (32, 2).
# - **At a hidden number.** It feeds both scores, as $h$ did. Its link to score $k$ is `W2[j, k]`, and the two ways are
#   added: `d_scores @ W2.T`, of shape (N, 2) @ (2, 32) = (N, 32).
#
# If you forget which factor to turn over: a slope always has the shape of what it belongs to, and only one way fits.
# The bias is used for every point with link 1, so its slope is a plain sum.

# %%
plotting.draw_flow(
    [
        ("points", "(N, 2)"),
        ("sums", "points @ W1 + b1\n(N, 32)"),
        ("hidden", "max(sums, 0)\n(N, 32)"),
        ("scores", "hidden @ W2 + b2\n(N, 2)"),
        ("d_scores", "(shares − due) / N\n(N, 2)"),
        ("d_hidden", "d_scores @ W2.T\n(N, 32)"),
        ("d_sums", "d_hidden · (sums > 0)\n(N, 32)"),
        ("d_W1, d_b1", "points.T @ d_sums\n(2, 32)"),
    ],
    title="The forward pass runs to the right, the backward pass returns below it",
)

# %% [markdown]
# The loss is a mean over N points, so each of them counts with 1/N. Here is the whole walk, in seven lines.


# %%
def backward(weights, points, labels, notes):
    """Return the slope of the loss at every weight: d_W1, d_b1, d_W2, d_b2."""
    _, _, W2, _ = weights
    sums, hidden, shares = notes
    d_scores = shares.copy()
    d_scores[range(len(labels)), labels] -= 1  # share - due
    d_scores /= len(labels)
    d_hidden = d_scores @ W2.T
    d_sums = d_hidden * (sums > 0)  # the gates
    return [points.T @ d_sums, d_sums.sum(0), hidden.T @ d_scores, d_scores.sum(0)]


by_hand = backward(start, points, labels, notes)
print("shapes of the slopes:", [slope.shape for slope in by_hand])

# %% [markdown]
# Those notes have a price: three tables of 400 rows are kept until the walk back is over. PyTorch keeps the same ones.
# That is the memory which `torch.no_grad()` saves in an exam.
#
# ## Are these slopes right?
#
# Two witnesses. One is PyTorch: the same network of its own layers, with our weights copied in. (`nn.Linear` keeps its
# table lying on its side, hence the `.T`.)


# %%
def pytorch_student(weights):
    """The same network, made of PyTorch's layers, in the weights' own dtype."""
    model = nn.Sequential(nn.Linear(2, NUM_HIDDEN), nn.ReLU(), nn.Linear(NUM_HIDDEN, 2))
    model.to(torch.from_numpy(weights[0]).dtype)
    with torch.no_grad():
        for parameter, weight in zip(model.parameters(), weights, strict=True):
            parameter.copy_(torch.from_numpy(weight.T))
    return model


def pytorch_slopes(weights, points):
    model = pytorch_student(weights)
    nn.CrossEntropyLoss()(model(torch.from_numpy(points)), targets).backward()
    return [parameter.grad.numpy().T for parameter in model.parameters()]


# %% [markdown]
# The other witness is nudging, for all 162 weights, one after the other. It knows nothing of links and graphs, and that
# makes it a good witness. Its name in books is **finite differences**.


# %%
def nudged_slopes(weights, points, nudge):
    """Two forward passes for each weight: a little up, a little down."""
    slopes = [np.zeros_like(weight) for weight in weights]
    for weight, slope in zip(weights, slopes, strict=True):
        for place in np.ndindex(weight.shape):
            kept = weight[place]
            weight[place] = kept + nudge
            higher, _ = forward(weights, points, labels)
            weight[place] = kept - nudge
            lower, _ = forward(weights, points, labels)
            weight[place] = kept
            slope[place] = (higher - lower) / (2 * nudge)
    return slopes


def in_a_row(tables):
    return np.concatenate([table.ravel() for table in tables])


# %% [markdown]
# Three ways, two types of number. `float64` has about 16 digits, `float32`, PyTorch's usual type, about 7. The table
# shows the largest difference over all weights; the largest slope is about 0.3.

# %%
table = {}
for dtype, nudge in ((np.float64, 1e-5), (np.float32, 1e-3)):
    weights, inputs = [weight.astype(dtype) for weight in start], points.astype(dtype)
    _, notes = forward(weights, inputs, labels)
    hand = in_a_row(backward(weights, inputs, labels, notes))
    autograd = in_a_row(pytorch_slopes(weights, inputs))
    nudging = in_a_row(nudged_slopes(weights, inputs, nudge))
    table[dtype.__name__] = {
        "by hand - autograd": abs(hand - autograd).max(),
        "nudging - autograd": abs(nudging - autograd).max(),
        "by hand == autograd": (hand == autograd).mean(),
    }
print(f"{'largest difference':22}" + "".join(f"{name:>10}" for name in table))
for row in table["float64"]:
    form = ".0%" if "==" in row else ".0e"
    print(f"{row:22}" + "".join(f"{table[name][row]:>10{form}}" for name in table))

# %% tags=["claim"]
assert 0.1 < abs(in_a_row(by_hand)).max() < 1, "The largest slope is a few tenths."
assert table["float64"]["by hand - autograd"] < 1e-14, (
    "By hand and autograd agree to 15 places."
)
assert table["float32"]["by hand - autograd"] < 1e-6, "In float32 to 6 places."
assert table["float64"]["nudging - autograd"] < 1e-8, "Nudging agrees to 8 places."
assert 1e-6 < table["float32"]["nudging - autograd"] < 1e-2, (
    "In float32 nudging is good for three places."
)
assert all(0 < each["by hand == autograd"] < 0.9 for each in table.values()), (
    "Equal to the last digit are only some."
)

# %% [markdown]
# By hand and autograd agree as far as the type of number reaches. Our backward pass is right. And yet `==` says no for
# most of the weights! Why?
#
# ### Why `==` fails
#
# A computer rounds after every operation. So the *order* of a sum decides about its last digits, and NumPy and PyTorch
# add 400 points in different orders.

# %%
print("0.1 + 0.2 == 0.3:", 0.1 + 0.2 == 0.3)
numbers = in_a_row(by_hand)
print("forwards == backwards:", sum(numbers) == sum(numbers[::-1]))
print(f"difference: {sum(numbers) - sum(numbers[::-1]):.0e}")

# %% tags=["claim"]
assert 0 < abs(sum(numbers) - sum(numbers[::-1])) < 1e-14, (
    "The same numbers, added in another order, differ a little."
)

# %% [markdown]
# So nobody asks whether two computed numbers are equal, only whether they are near: `np.allclose`, `torch.allclose`,
# with a tolerance that fits the type of number.
#
# ### The best nudge
#
# Nudging used 0.00001 and came within about eleven places. It is only right for a *tiny* nudge, strictly speaking.

# %%
NUDGES = ["nearer to the truth", "just as near", "further off"]
widgets.predict_first(
    "09.3", "A nudge of 1e-12 in place of 1e-5: where does it lead?", NUDGES
)

# %% [markdown]
# We try every power of ten, in both types.

# %%
sizes = [10.0**-power for power in range(1, 13)]
errors = {}
for dtype in (np.float64, np.float32):
    weights, inputs = [weight.astype(dtype) for weight in start], points.astype(dtype)
    errors[dtype.__name__] = [
        abs(in_a_row(nudged_slopes(weights, inputs, size)) - in_a_row(by_hand)).max()
        for size in sizes
    ]
plotting.plot_lines(
    errors,
    x=sizes,
    xscale="log",
    yscale="log",
    title="Too large a nudge is crude, too small a one drowns in rounding",
    xlabel="nudge",
    ylabel="largest error of a slope",
)

# %% [markdown]
# From right to left: at first a smaller nudge is better, for it no longer walks past the bends of the loss. Then it
# turns. The two losses become so alike that they share nearly all of their digits, and what is left of their difference
# is rounding, divided by a tiny number. At $10^{-12}$ most of the sixteen digits are gone.

# %%
change = errors["float64"][11] / errors["float64"][4]
what_happened("09.3", NUDGES[2 if change > 2 else 0 if change < 0.5 else 1])

# %% tags=["claim"]
assert change > 1000, "A nudge of 1e-12 is far worse than one of 1e-5."
assert min(errors["float32"]) > 1e-6, (
    "In float32 no nudge comes nearer than a few places."
)

# %% [markdown]
# In `float32` the best nudge is good for about four places. That is why gradients are checked in `float64`
# (`torch.autograd.gradcheck` insists on it), and found by backpropagation.
#
# ## Does it learn the same?
#
# Slopes are not the goal. Let the NumPy network learn the spirals with momentum, the coach of lesson 05, and let
# PyTorch's do the same from the same start.

# %%
weights = [weight.copy() for weight in start]
velocities = [np.zeros_like(weight) for weight in weights]
for _ in range(NUM_STEPS):
    loss, notes = forward(weights, points, labels)
    slopes = backward(weights, points, labels, notes)
    for weight, velocity, slope in zip(weights, velocities, slopes, strict=True):
        velocity *= MOMENTUM
        velocity += slope
        weight -= LEARNING_RATE * velocity
print(f"loss {loss:.3f}, right: {(notes[2].argmax(axis=1) == labels).mean():.1%}")

# %% [markdown]
# And PyTorch, with its own layers, teacher, autograd and coach:

# %%
model = pytorch_student(start)
optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
for _ in range(NUM_STEPS):
    optimizer.zero_grad()
    nn.CrossEntropyLoss()(model(torch.from_numpy(points)), targets).backward()
    optimizer.step()
theirs = in_a_row([parameter.detach().numpy().T for parameter in model.parameters()])
difference = abs(in_a_row(weights) - theirs).max()
print(f"after {NUM_STEPS} corrections the weights differ by at most {difference:.0e}")

# %% tags=["claim"]
assert difference < 1e-9, "After all corrections the weights are the same."
assert (notes[2].argmax(axis=1) == labels).mean() > 0.97, (
    "The network separates the spirals."
)

# %% [markdown]
# The same 162 weights, to the fourteenth place. The box is open, and there is nothing else in it.
#
# ## Autograd in forty lines
#
# Almost nothing. We had to *know* the way back and write it down, line by line. PyTorch takes any forward pass you
# write and finds the way itself. How?
#
# By the picture above. Let every value remember two things: the values it was made of, and the link to each of them.
# Five operations are enough for a network and its teacher: add, multiply, exp, log, ReLU. Two links are new. $e^x$ is
# its own link, for it is the curve that is everywhere as steep as it is high. And $\log x$ has the link $1/x$.


# %%
class Value:
    """A number, or one number for each point, that remembers how it was made."""

    def __init__(self, data, made_by="", parents=(), links=()):
        self.data = np.asarray(data, dtype=float)
        self.grad = 0.0
        self.made_by, self.parents, self.links = made_by, parents, links

    def __add__(self, other):
        return Value(self.data + other.data, "+", (self, other), (1, 1))

    def __mul__(self, other):
        links = (other.data, self.data)
        return Value(self.data * other.data, "×", (self, other), links)

    def exp(self):
        power = np.exp(self.data)
        return Value(power, "exp", (self,), (power,))

    def log(self):
        return Value(np.log(self.data), "log", (self,), (1 / self.data,))

    def relu(self):
        return Value(np.maximum(self.data, 0), "ReLU", (self,), (self.data > 0,))


# %% [markdown]
# `made_by` is what PyTorch calls `grad_fn`. Python turns `a + b` into a call of `__add__`, so the graph grows by itself
# while somebody merely calculates.
#
# The way back visits every value once, and none before all the slopes that flow into it have arrived. Going through the
# values in the reverse order of their making ensures that. `in_order` finds this order: first whatever a value was made
# of, then the value.


# %%
def in_order(last):
    """Every value that `last` was made of, parents before children."""
    found = {}

    def visit(value):
        if value not in found:
            for parent in value.parents:
                visit(parent)
            found[value] = True

    visit(last)
    return list(found)


def backpropagate(loss):
    """Add the slope of the mean loss to each leaf's grad; return all slopes."""
    slopes = {loss: np.full_like(loss.data, 1 / loss.data.size)}
    for value in reversed(in_order(loss)):
        for parent, link in zip(value.parents, value.links, strict=True):
            slope = slopes[value] * link  # along an arrow, multiply
            if parent.data.ndim == 0:  # a single number that served every point
                slope = np.sum(slope)
            slopes[parent] = slopes.get(parent, 0) + slope  # where ways meet, add
        if not value.parents:  # a leaf: a weight, or an input
            value.grad = value.grad + slopes[value]
    return slopes


# %% [markdown]
# Both rules are there, each in one line. Try it on the smallest network of above. The teacher is spelled out this time:
# cross-entropy is $\log(e^{s_0} + e^{s_1}) - s_1$ where class 1 is the truth (lesson 05).

# %%
x, w, v0, v1 = Value(1.5), Value(0.8), Value(1.0), Value(-0.5)
h = (w * x).relu()
score0, score1 = v0 * h, h * v1
loss = (score0.exp() + score1.exp()).log() + Value(-1) * score1
slopes = backpropagate(loss)
print(f"slope at w: {w.grad:.6f}, by hand {d_w:.6f}")
print(f"slopes at the scores: {slopes[score0]:.3f} and {slopes[score1]:.3f}")
assert math.isclose(w.grad, d_w), "Our autograd and the walk by hand agree."

# %% [markdown]
# The slopes at the scores are *share − due*, as before, and nobody has told our autograd about that. It follows from
# the links of exp, log and add. Here is the graph that it has built.

# %%
nodes = in_order(loss)
names = {x: "x", w: "w", h: "h = ReLU", v0: "v0", v1: "v1", loss: "loss"}
names |= {score0: "score 0", score1: "score 1"}
plotting.draw_graph(
    {node: node.data for node in nodes},
    [
        (parent, node, link)
        for node in nodes
        for parent, link in zip(node.parents, node.links, strict=True)
    ],
    slopes=slopes,
    labels={node: names.get(node, node.made_by or "constant") for node in nodes},
    title="The graph that our autograd has built",
)

# %% [markdown]
# ## What does a second `backward()` do?
#
# We walk back through the same loss once more, without forgetting anything in between.

# %%
SECOND = ["the same slope", "twice the slope", "three times the slope"]
widgets.predict_first("09.4", "What stands in w.grad after the second walk?", SECOND)

# %% [markdown]
# Ours first, then PyTorch's.

# %%
once = w.grad
backpropagate(loss)
print(f"ours: {w.grad / once:.0f} times the slope")

weight = torch.tensor(0.8, requires_grad=True)
torch_loss = (1.5 * weight).relu().exp().log()
torch_loss.backward()
try:
    torch_loss.backward()
except RuntimeError as error:
    print("PyTorch:", str(error).partition(".")[0][:72])
what_happened("09.4", SECOND[round(float(w.grad / once)) - 1])

# %% tags=["claim"]
assert math.isclose(w.grad, 2 * once), "The second walk adds the same slope again."

# %% [markdown]
# Twice: a leaf's slopes add up until somebody forgets them, and this is what `zero_grad()` is for (lesson 06). PyTorch
# refuses, because it throws its notes away on the first walk, to save memory; with `backward(retain_graph=True)` it
# keeps them, and gets twice as well.
#
# There is a trap, and well-known small autograds fall into it. If *every* value kept its slope from walk to walk, not
# only the leaves, the second walk would send the first one's slopes down once more, and $w$ would get more than twice.
# Ours starts each walk with an empty `slopes`.
#
# ## The spirals, once more
#
# Now the test. A `Value` may hold 400 numbers, one for each point, so an input is one value. A weight is a single number
# that serves all points, and its slope is the sum over them. NumPy lets us fill tables with values, and its `@` then
# calls *our* × and +.

# %%
tables = [np.vectorize(Value, otypes=[object])(weight) for weight in start]
leaves = np.concatenate([table.ravel() for table in tables])
inputs = np.array([Value(points[:, 0]), Value(points[:, 1])], dtype=object)
is_one, is_zero, minus = Value(labels), Value(1 - labels), Value(-1)


def spiral_loss():
    W1, b1, W2, b2 = tables
    hidden = np.array([total.relu() for total in inputs @ W1 + b1], dtype=object)
    scores = hidden @ W2 + b2
    due = scores[0] * is_zero + scores[1] * is_one
    return (scores[0].exp() + scores[1].exp()).log() + minus * due


print(f"{len(in_order(spiral_loss()))} values in the graph")

# %% [markdown]
# Compare `spiral_loss` with `forward`: the same network, and no backward pass in sight. It learns in the loop that you
# know: answer and mark, trace back, correct, forget. `student_of` keeps a copy of the student for the picture.

# %%
read = np.vectorize(lambda leaf: float(leaf.data))


def student_of(weights):
    """Places (N, 2) in, scores (N, 2) out, with these weights."""
    W1, b1, W2, b2 = weights
    return lambda places: torch.from_numpy(
        np.maximum(places.numpy() @ W1 + b1, 0) @ W2 + b2
    )


velocity, students, losses = np.zeros(len(leaves)), [], []
for _ in range(NUM_STEPS):
    loss = spiral_loss()
    students.append(student_of([read(table) for table in tables]))
    losses.append(loss.data.mean())
    backpropagate(loss)
    velocity = MOMENTUM * velocity + np.array([leaf.grad for leaf in leaves])
    for leaf, pace in zip(leaves, velocity, strict=True):
        leaf.data = leaf.data - LEARNING_RATE * pace
        leaf.grad = 0.0
print(f"ours - NumPy   {abs(read(leaves) - in_a_row(weights)).max():.0e}")
print(f"ours - PyTorch {abs(read(leaves) - theirs).max():.0e}")

# %% tags=["claim"]
assert abs(read(leaves) - theirs).max() < 1e-9, (
    "Forty lines learn the same weights as PyTorch."
)

# %% [markdown]
# Three machines, one student. And here is what your forty lines have taught it to see.

# %%
plotting.animate_learning(students, losses, spirals, targets, guessing=math.log(2))

# %% [markdown]
# <details><summary><b>Questions and answers</b></summary>
#
# **Is this really how PyTorch does it?** The idea, yes. PyTorch's values are whole tensors, so a matrix product is one
# box and not thousands; its links are functions that apply themselves (`grad_fn`), because the table of links of a
# matrix product would be enormous; and it runs in C++.
#
# **Why from the loss backwards, and not from the weights forwards?** Forwards would take one walk for each weight. There
# is one loss and there are millions of weights, so backwards is cheaper by that factor.
#
# **What is the slope of ReLU at exactly 0?** There is none: the curve has a corner. PyTorch takes 0, and so do we.
#
# **Where does the formula for the best line come from?** At the lowest point of the loss both slopes are 0. Those are two
# equations with two unknowns, $w$ and $b$, and the formula is their solution. For a network with a bend in it nobody
# can solve them, and that is why we walk.
#
# **Why did `b` arrive before `w`?** Because $x$ lies between −1 and 1. The slope at $b$ is the miss, the slope at $w$ is
# the miss × $x$, which is smaller. Inputs of a size near 1 learn at one pace: a reason to normalise (lesson 03).
#
# **Can the loss lie below the noise floor?** On the points that it practises on, the best line does better than the truth
# itself: it also fits some of their noise. That is learning by heart, in its smallest form.
#
# </details>

# %% [markdown]
# ## Recap
#
# - **Judging**: a run has converged when what is missing is small beside chance; a falling curve wants more terms, and
#   nothing gets below the noise floor.
# - **Drawing**: along an arrow multiply by its link; where several arrows leave one value, add what comes back.
# - **Writing**: for `hidden @ W`, the slopes are `hidden.T @ d_scores` and `d_scores @ W.T`; the shapes allow no other.
# - **Comparing**: rounding depends on the order, so ask for *near*; nudge neither too far nor too little, in `float64`.
# - **Building**: values that remember their parents and links, and a walk in reverse order; leaves add up until told to
#   forget.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1 · Go on or stop?
#
# The noise floor is 0.25. A line's loss on fresh points is 0.31 ± 0.02 (one standard error), and its curve still falls.
# What is it: `"converged"`, `"too few terms"` or `"cannot be"`?

# %% tags=["exercise"]
verdict = ...  # replace the dots
exercises.check("09.1", verdict)

# %% tags=["wrong"] hint="three standard errors"
verdict = "converged"
exercises.check("09.1", verdict)

# %% tags=["wrong"] hint="above the floor"
verdict = "cannot be"
exercises.check("09.1", verdict)

# %% tags=["solution"]
verdict = "too few terms"
exercises.check("09.1", verdict)

# %% [markdown]
# ### Exercise 2 · A layer's way back
#
# A layer computes `outputs = inputs @ W + b`. You are given `d_outputs`, the slopes at its outputs `(N, K)`, its
# `inputs` `(N, J)` and `W` `(J, K)`. Return `d_inputs, d_W, d_b`.


# %% tags=["exercise"]
def layer_backward(d_outputs, inputs, W):
    return ..., ..., ...  # replace the dots


exercises.check("09.2", layer_backward)


# %% tags=["wrong"] hint="used once for every point"
def layer_backward(d_outputs, inputs, W):
    return d_outputs @ W.T, inputs.T @ d_outputs, d_outputs.mean(axis=0)


exercises.check("09.2", layer_backward)


# %% tags=["wrong"] hint="turned over"
def layer_backward(d_outputs, inputs, W):
    return d_outputs @ W.T, d_outputs.T @ inputs, d_outputs.sum(axis=0)


exercises.check("09.2", layer_backward)


# %% tags=["wrong"] hint="shape of what it belongs to"
def layer_backward(d_outputs, inputs, W):
    return d_outputs @ W.T, inputs.T @ d_outputs, d_outputs


exercises.check("09.2", layer_backward)


# %% tags=["solution"]
def layer_backward(d_outputs, inputs, W):
    return d_outputs @ W.T, inputs.T @ d_outputs, d_outputs.sum(axis=0)


exercises.check("09.2", layer_backward)

# %% [markdown]
# ### Exercise 3 · A sixth operation
#
# Teach your autograd the sigmoid, $\frac{1}{1 + e^{-x}}$, as an operation of its own. Its link is $s \cdot (1 - s)$,
# where $s$ is its result. The function takes a `Value` and returns one.


# %% tags=["exercise"]
def sigmoid(value):
    s = 1 / (1 + np.exp(-value.data))
    return ...  # a Value: its data, "sigmoid", its parents, its links


exercises.check("09.3", sigmoid, Value=Value)


# %% tags=["wrong"] hint="remembers no parent"
def sigmoid(value):
    return Value(1 / (1 + np.exp(-value.data)))


exercises.check("09.3", sigmoid, Value=Value)


# %% tags=["wrong"] hint="in place of the result"
def sigmoid(value):
    s = 1 / (1 + np.exp(-value.data))
    return Value(s, "sigmoid", (value,), (value.data * (1 - value.data),))


exercises.check("09.3", sigmoid, Value=Value)


# %% tags=["wrong"] hint="tuples"
def sigmoid(value):
    s = 1 / (1 + np.exp(-value.data))
    return Value(s, "sigmoid", value, s * (1 - s))


exercises.check("09.3", sigmoid, Value=Value)


# %% tags=["solution"]
def sigmoid(value):
    s = 1 / (1 + np.exp(-value.data))
    return Value(s, "sigmoid", (value,), (s * (1 - s),))


exercises.check("09.3", sigmoid, Value=Value)

# %% [markdown]
# ### Exercise 4 · Break it
#
# Somebody writes `slopes[parent] = slope` in `backpropagate`: rule 2 is gone, and the last way to arrive wins. On many
# expressions nobody notices. Find one that convicts it: a function of two values, built from our five operations, for
# which the broken walk gives `a` or `b` a wrong slope. It is tried with a = 2 and b = 3.


# %% tags=["exercise"]
def convict(a, b):
    return ...  # an expression, for example (a * b).exp()


exercises.check("09.4", convict, Value=Value)


# %% tags=["wrong"] hint="only one way"
def convict(a, b):
    return (a * b).log() + Value(1)


exercises.check("09.4", convict, Value=Value)


# %% tags=["wrong"] hint="shut"
def convict(a, b):
    return a + b + (a * Value(-1)).relu()


exercises.check("09.4", convict, Value=Value)


# %% tags=["wrong"] hint="a Value"
def convict(a, b):
    return 2.0


exercises.check("09.4", convict, Value=Value)


# %% tags=["solution"]
def convict(a, b):
    return a * b + a  # two ways lead back to a


exercises.check("09.4", convict, Value=Value)

# %% [markdown]
# ## Next
#
# You have seen the whole machine, and none of it knows what a picture is: it needs numbers with slopes. **Lesson 10**
# takes it where there are no pictures at all, to words.
