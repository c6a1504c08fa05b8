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
# All along, `loss.backward()` was one line that works: it leaves a slope at every weight, and the coach does the rest.
# Now we open that box. First a student learns a task whose best possible mark is known beforehand, so that you can see
# learning arrive. Then you walk back through a network with NumPy, slope by slope. In the end you build the box itself,
# in forty lines, and let it learn the spirals of lesson 00.
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
# Ten terms. In the picture the dotted line on the left is the truth. The grey band on the right is as wide as chance
# makes the mark of the truth itself in an exam of 200 points: two standard errors up and down. Then say what a hundred
# terms would bring.

# %%
# The squares of such noise spread by sqrt(2) of their mean.
floor_error = floor * math.sqrt(2 / 200)
print(*short.remarks(), sep="\n")
ten_terms = plotting.draw_fit(
    practice.tensors,
    {"after term 10": short_path[-1], "the truth": (2, 1)},
    short.val_loss,
    floor=floor,
    floor_error=floor_error,
    num_epochs=100,
    title="Ten terms",
)
plotting.show(ten_terms)
ENDS = ["near 0", "near 0.25", "near 0.5"]
widgets.predict_first("09.1", "After 100 terms, where will the loss be?", ENDS)

# %% tags=["claim"]
assert short.val_loss[-1] > 3 * floor, "The loss is more than three times the floor."
assert "still improving" in short.remarks()[0], "The remark says the same."

# %% [markdown]
# The line is too flat, and its loss is more than three times the floor. Is the loop wrong? Nothing in the code tells
# you, but the right end of the curve does: it still falls, and the report card's remark says the same.
#
# ## Has it learned enough?
#
# The cure costs one number. The remark only doubles the terms, and would say the same again after 20; we take 100 at
# once. Watch the line settle.

# %%
line, history, path = learn_line(100)
settling = plotting.animate_fit(
    practice.tensors,
    path,
    history.val_loss,
    floor=floor,
    floor_error=floor_error,
    others={"the truth": (2, 1)},
    title="A hundred terms",
)
plotting.show(settling)
last = history.val_loss[-1]
what_happened("09.1", min(ENDS, key=lambda end: abs(float(end[5:]) - last)))

# %% tags=["claim"]
assert abs(last - floor) < 2 * floor_error, "The loss comes to rest inside the band."
assert history.val_loss[19] < 0.975 * history.val_loss[18], (
    "After 20 terms the remark would say the same again."
)

# %% [markdown]
# It comes to rest inside the band; more an exam of 200 points cannot say. The mock exam also chose the best term, and
# the line has that term's weights. So we take the mark from points that chose nothing, the 2,000 of the final exam. Its
# error is that of a mean (lesson 07): the spread of the squared misses, divided by the root of their number.


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
mark, error = marks["100 terms"]
compare_with_book("09.line", mark, error=error)

# %% tags=["claim"]
assert marks["10 terms"][0] - floor > 10 * marks["10 terms"][1], (
    "Ten terms end far above the floor."
)
assert abs(mark - floor) < 2 * error, "A hundred end within two standard errors of it."
assert abs(mark - marks["the truth"][0]) < 0.005, "The truth itself does hardly better."

# %% [markdown]
# After 100 terms the mark lies within two standard errors of the floor. The truth itself does no better on these
# points.
#
# ### The best line there is
#
# For a straight line there is a second judge. The line with the smallest loss on given points can be calculated without
# any learning. It runs through the middle of the points, and a formula from statistics gives its $w$: the mean of (x
# minus its mean) × (y minus its mean), divided by the mean of the first squared.

# %%
x, y = practice.tensors
from_middle = x - x.mean()
best_w = ((from_middle * (y - y.mean())).mean() / (from_middle**2).mean()).item()
best_b = (y.mean() - best_w * x.mean()).item()
w_error = NOISE / (from_middle**2).sum().sqrt().item()  # its standard error
print(f"calculated: {best_w:.3f} x + {best_b:.3f}")
print(f"learned:    {line.weight.item():.3f} x + {line.bias.item():.3f}")
print(f"with other noise, the best w would differ by about {w_error:.3f}")
terms = (10, 20, 30, 40, 50)
missing = [best_w - path[term - 1][0] for term in terms]
for term, gap in zip(terms, missing, strict=True):
    print(f"after term {term}: {gap:.2f} of w is missing")

# %% tags=["claim"]
assert abs(best_w - line.weight.item()) < w_error / 2, (
    "What is left to learn is less than half of what chance does."
)
assert abs(best_b - line.bias.item()) < w_error / 2, "And so it is with b."

# %% tags=["claim"]
assert all(0.5 < missing[i + 1] / missing[i] < 0.75 for i in range(4)), (
    "Ten terms leave about six tenths of what was missing."
)

# %% [markdown]
# What the student has not learned after 100 terms is small beside what chance does to the best line itself. More terms
# would buy nothing.
#
# And on the way there? Every ten terms leave about six tenths of what was missing. There is no moment of arrival. The
# line **converges**: it comes nearer and nearer, and we stop when what is missing no longer counts. So a high loss at
# the end may mean a fault, or too little time, and the right end of the curve tells which.
#
# ## Where does a slope come from?
#
# All that learning consisted of steps like lesson 05's: *new weight = old weight − learning rate × slope*. The
# **slope** of the loss at a weight says how fast the loss rises when this weight rises a little. Where do the slopes
# come from?
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
# | $a - y$ | to $a$ it is 1: what $a$ gains, the difference gains; to $y$ it is −1 |
# | $p + b$ | to either it is 1 |
# | $w \cdot x$ | to $w$ it is $x$: one $w$ more is one $x$ more; to $x$ it is $w$. The *other* factor |
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

nudge = 0.001  # and as in lesson 05: a little up, a little down
higher, lower = (((w + step) * x + b - y) ** 2 for step in (nudge, -nudge))
print(f"slope at w by nudging {(higher - lower) / (2 * nudge):.2f}")
assert math.isclose((higher - lower) / (2 * nudge), d_w), "Both ways give one slope."

# %% [markdown]
# The same as a picture, a **computation graph**. A box for each value, an arrow from each value to what is made of it.
# Beside each arrow stands its link. Black values go forward; then red slopes come back.

# %%
values = {"w": w, "x": x, "w · x": product, "b": b}
values |= {"answer": answer, "y": y, "miss": miss, "loss": loss}
links = {
    "w · x": {"w": x, "x": w},
    "answer": {"w · x": 1, "b": 1},
    "miss": {"answer": 1, "y": -1},
    "loss": {"miss": 2 * miss},
}
slopes = {"w": d_w, "w · x": d_product, "b": d_b}
slopes |= {"answer": d_answer, "miss": d_miss, "loss": d_loss}
plotting.animate_graph(values, links, slopes=slopes)

# %% [markdown]
# Walking back through the graph of a loss, from link to link, is called **backpropagation**.
#
# Note what the slopes at $w$ and $b$ share: everything up to `answer`. The walk back computes it once and uses it for
# both. With a million weights nearly everything is shared, and this is why one walk back serves them all.
#
# ## What if two ways lead back?
#
# The smallest *network* has something that the line lacks. One hidden number $h$ feeds *two* scores, so two ways lead
# back to it. The input is 1.5, the truth is class 1, and the teacher is cross-entropy. At the scores the slopes are
# *share − due* (lesson 05). `by_score0` and `by_score1` take them one link further back, each on its own way to $h$.
# Two numbers arrive there. What is the slope of the loss at $h$?

# %%
x, w, v0, v1 = 1.5, 0.8, 1.0, -0.5


def loss_from(h):
    """From the hidden number to the two scores, the share of class 0, and the mark."""
    score0, score1 = v0 * h, v1 * h
    share0 = math.exp(score0) / (math.exp(score0) + math.exp(score1))
    return -math.log(1 - share0), score0, score1, share0


product = w * x
h = max(product, 0)  # ReLU
loss, score0, score1, share0 = loss_from(h)
d_score0, d_score1 = share0 - 0, (1 - share0) - 1
by_score0, by_score1 = d_score0 * v0, d_score1 * v1
MEETINGS = {
    "the larger of the two": max(by_score0, by_score1),
    "their mean": (by_score0 + by_score1) / 2,
    "their sum": by_score0 + by_score1,
}
print(
    f"back at h by way of score 0: {by_score0:.2f}, by way of score 1: {by_score1:.2f}"
)
widgets.predict_first("09.2", "What is the slope at h?", list(MEETINGS))

# %% [markdown]
# No need to believe anybody: nudge $h$ and see.

# %%
d_h = (loss_from(h + nudge)[0] - loss_from(h - nudge)[0]) / (2 * nudge)
print(f"the slope at h, by nudging: {d_h:.2f}")
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
links = {
    "w · x": {"w": x, "x": w},
    "h": {"w · x": 1},  # the gate is open
    "score 0": {"v0": h, "h": v0},
    "score 1": {"h": v1, "v1": h},
    "loss": {"score 0": d_score0, "score 1": d_score1},
}
slopes = {"w": d_w, "w · x": d_product, "v0": d_v0, "h": d_h, "v1": d_v1}
slopes |= {"score 0": d_score0, "score 1": d_score1, "loss": 1}
plotting.draw_graph(values, links, slopes=slopes, title="Two ways lead back to h")

# %% [markdown]
# ## Four hundred points at once
#
# Now a network worth the name, in NumPy, for the spirals of lesson 00. Two layers: 2 numbers in, 32 hidden ones, 2
# scores out, for all N points at once. The plan of both passes: the upper row is computed from left to right, and below
# each table stands the table of its slopes, found from right to left. (The points need none: below them stand the
# slopes of the first weights. Those of the second branch off at `d_scores` in the same way.)

# %%
# How the spirals are made, as in lesson 00; you may skip it.
set_seed(0)
turn = torch.rand(400).sqrt() * 3 * math.pi
targets = torch.arange(400) % 2  # 0, 1, 0, 1, ...
angle = turn + targets * math.pi
spirals = torch.stack([turn * angle.cos(), turn * angle.sin()], dim=1) / 10
spirals = spirals + 0.02 * torch.randn_like(spirals)
points, labels = spirals.double().numpy(), targets.numpy()  # the same for NumPy
print("points", points.shape, points.dtype, "labels", labels.shape)
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
# First the upper row. The weights begin at random, since hidden numbers that start alike stay alike. The forward pass
# also returns its **notes**, what the walk back will need.


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


rng = np.random.default_rng(4)
W1, b1 = rng.normal(size=(2, NUM_HIDDEN)), rng.normal(size=NUM_HIDDEN)
W2, b2 = 0.1 * rng.normal(size=(NUM_HIDDEN, 2)), np.zeros(2)
start = [W1, b1, W2, b2]
loss, notes = forward(start, points, labels)
print(f"loss {loss:.3f}; guessing would cost {math.log(2):.3f}")

# %% [markdown]
# And the lower row? A matrix product is nothing but multiplying and adding, so one line of NumPy is thousands of
# arrows. Take `hidden @ W2`, and apply the two rules.
#
# - **At a weight.** `W2[j, k]` multiplies hidden number $j$ on its way to score $k$. So its link is that hidden number.
#   And it is used once *for every point*: 400 arrows leave it, and what comes back is added. Sums of products again,
#   and all of them at once are `hidden.T @ d_scores`, of shape (32, N) @ (N, 2) = (32, 2).
# - **At a hidden number.** It feeds both scores, as $h$ did. Its link to score $k$ is `W2[j, k]`, and the two ways are
#   added: `d_scores @ W2.T`, of shape (N, 2) @ (2, 32) = (N, 32).
#
# If you forget which factor to transpose: a slope always has the shape of what it belongs to, and where the sizes
# differ only one way fits. The bias is used for every point with link 1, so its slope is a plain sum.
#
# The loss is a mean over N points, so each of them counts with 1/N. Here is the whole walk.


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
# The notes have a price: tables of 400 rows wait in memory until the walk back is over. PyTorch keeps such notes too,
# and they are what `torch.no_grad()` saves in an exam.
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
        for place in np.ndindex(weight.shape):  # every row and column
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
# shows the largest difference over all weights, where the largest slope is about 0.25; its last row says what share of
# the 162 is equal to the last digit. Nudging goes by $10^{-5}$ in `float64` and by $10^{-3}$ in `float32`. Strictly, it
# is right for a *tiny* nudge only. Would a tinier one have been better?

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
print("\n0.1 + 0.2 + 0.3 =", 0.1 + 0.2 + 0.3, "   0.3 + 0.2 + 0.1 =", 0.3 + 0.2 + 0.1)
NUDGES = ["nearer to the truth", "just as near", "further off"]
widgets.predict_first("09.3", "A nudge of 1e-12 in place of 1e-5 leads ...", NUDGES)

# %% tags=["claim"]
assert 0.2 < abs(in_a_row(by_hand)).max() < 0.3, "The largest slope is about 0.25."
assert table["float64"]["by hand - autograd"] < 1e-14, (
    "By hand and autograd agree to 15 places."
)
assert table["float32"]["by hand - autograd"] < 1e-6, "In float32 to 6 places."
assert table["float64"]["nudging - autograd"] < 1e-9, (
    "In float64 nudging is off by about 1e-11."
)
assert 1e-6 < table["float32"]["nudging - autograd"] < 1e-2, (
    "In float32 nudging is good for three places."
)
assert all(0.1 < each["by hand == autograd"] < 0.9 for each in table.values()), (
    "Half or so of the slopes are equal to the last digit."
)

# %% [markdown]
# By hand and autograd agree as far as the type of number reaches, so our backward pass is right. And yet `==` says no
# for many of the weights. The last line shows why: a computer rounds after every operation, so the *order* of a sum
# decides its last digits, and NumPy and PyTorch add up 400 points in different orders. Ask whether two computed numbers
# are *near*, never whether they are equal: `np.allclose`, `torch.allclose`, with a tolerance that fits their type.
#
# ### The best nudge
#
# Now from 0.1 down to $10^{-12}$, in both types.

# %%
sizes = [10.0**-power for power in range(1, 13)]
errors = {}
for dtype in (np.float64, np.float32):
    weights, inputs = [weight.astype(dtype) for weight in start], points.astype(dtype)
    errors[dtype.__name__] = [
        abs(in_a_row(nudged_slopes(weights, inputs, size)) - in_a_row(by_hand)).max()
        for size in sizes
    ]
curve = plotting.plot_lines(
    errors,
    x=sizes,
    xscale="log",
    yscale="log",
    title="Too large a nudge is crude, too small a one drowns in rounding",
    xlabel="nudge",
    ylabel="largest error of a slope",
)
plotting.show(curve)
change = errors["float64"][11] / errors["float64"][4]
what_happened("09.3", NUDGES[2 if change > 2 else 0 if change < 0.5 else 1])

# %% tags=["claim"]
assert change > 1000, "A nudge of 1e-12 is far worse than one of 1e-5."
assert 1e-5 < min(errors["float32"]) < 1e-3, (
    "In float32 no nudge comes nearer than about 0.0001."
)
assert errors["float64"][0] > 100 * min(errors["float64"]), (
    "At first a smaller nudge is better."
)

# %% [markdown]
# Read it from right to left. At first a smaller nudge is better, for it no longer walks past the bends of the loss.
# Then it turns. The two losses become so alike that they share nearly all of their digits; what is left of their
# difference is rounding, divided by a tiny number. (At the far left a nudge in `float32` is lost altogether: the weight
# plus the nudge is the weight, the slope comes out as 0, and the error is the largest slope.) In `float32` no nudge
# comes nearer than about 0.0001. That is why gradients are checked in `float64` (`torch.autograd.gradcheck` asks for
# it), and found by backpropagation.
#
# ## Does it learn the same?
#
# Slopes are not the goal. Let the NumPy network learn the spirals with momentum, the coach of lesson 05, and let
# PyTorch's do the same from the same start, with its own layers, teacher, autograd and coach.

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
right = (notes[2].argmax(axis=1) == labels).mean()

model = pytorch_student(start)
optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE, momentum=MOMENTUM)
for _ in range(NUM_STEPS):
    optimizer.zero_grad()
    nn.CrossEntropyLoss()(model(torch.from_numpy(points)), targets).backward()
    optimizer.step()
theirs = in_a_row([parameter.detach().numpy().T for parameter in model.parameters()])
difference = abs(in_a_row(weights) - theirs).max()
print(f"NumPy: loss {loss:.3f}, right {right:.1%}")
print(f"after {NUM_STEPS} corrections the weights differ by at most {difference:.0e}")

# %% tags=["claim"]
assert difference < 1e-9, "After all corrections the weights are the same."
assert right > 0.97, "The network separates the spirals."

# %% [markdown]
# After 400 corrections the same 162 weights, but for rounding. The box is open, and there is nothing else in it.
#
# ## Autograd in forty lines
#
# So what is left for PyTorch to do? One thing: we had to *know* the way back and write it down, line by line. PyTorch
# takes any forward pass you write and finds the way itself. How?
#
# By the picture above. Let every value remember two things: the values it was made of, and the link to each of them.
# Five operations are enough for a network and its teacher: add, multiply, exp, log, ReLU. Two links are new. $e^x$ is
# its own link, for it is the curve that is everywhere as steep as it is high. And $\log x$ has the link $1/x$. (Nudge
# them and see.)


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
# `made_by` plays the part of PyTorch's `grad_fn`. Python turns `a + b` into a call of `__add__`, so the graph grows by
# itself while somebody merely calculates.
#
# The way back visits every value once, and none before all the slopes that flow into it have arrived. Going through the
# values in the reverse order of their making ensures that. `in_order` finds an order that is as good: first whatever a
# value was made of, then the value. (A value may hold one number for each point. Then the walk begins, as in
# `backward`, with 1/N at each, and at a weight, a single number that served them all, their slopes are added up.)


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
loss = (score0.exp() + score1.exp()).log() + score1 * Value(-1)
slopes = backpropagate(loss)
print(f"slope at w: {w.grad:.6f}, by hand {d_w:.6f}")
print(f"slopes at the scores: {slopes[score0]:.3f} and {slopes[score1]:.3f}")
assert math.isclose(w.grad, d_w), "Our autograd and the walk by hand agree."

# %% [markdown]
# The slopes at the scores are *share − due*, as before, and nobody has told our autograd about that. It follows from
# the links of exp, log, + and ×. Here is the graph that has grown while we calculated. Then a question: we walk back
# through it once more, without forgetting anything in between. What happens?

# %%
nodes = in_order(loss)
names = {x: "x", w: "w", h: "h", v0: "v0", v1: "v1", loss: "loss"}
names |= {score0: "score 0", score1: "score 1"}
built = plotting.draw_graph(
    {node: node.data for node in nodes},
    {node: list(zip(node.parents, node.links, strict=True)) for node in nodes},
    slopes=slopes,
    labels={node: names.get(node, node.made_by or "number") for node in nodes},
    title="The graph that our autograd has built",
)
plotting.show(built)
SECOND = ["the same slope", "twice the slope", "three times the slope"]
widgets.predict_first("09.4", "After a second walk, what stands in w.grad?", SECOND)

# %% [markdown]
# ## What does a second `backward()` do?
#
# Ours first, then PyTorch's.

# %%
once = w.grad
backpropagate(loss)
print(f"ours: {w.grad / once:.0f} times the slope")

weight = torch.tensor(0.8, requires_grad=True)
torch_loss = (1.5 * weight).relu().exp().log()
torch_loss.backward(retain_graph=True)
torch_once = weight.grad.item()
torch_loss.backward()
print(f"PyTorch, its notes kept: {weight.grad / torch_once:.0f} times the slope")
try:
    torch_loss.backward()
except RuntimeError as error:
    print("PyTorch, its notes gone:", str(error).partition(" (")[0])
what_happened("09.4", SECOND[round(float(w.grad / once)) - 1])

# %% tags=["claim"]
assert math.isclose(w.grad, 2 * once), "The second walk adds the same slope again."
assert math.isclose(weight.grad, 2 * torch_once), "And so does PyTorch's."

# %% [markdown]
# Twice: a leaf's slopes add up until somebody forgets them, and this is what `zero_grad()` is for (lesson 06). PyTorch
# does the same as long as it has its notes. To save memory it throws them away on a walk, unless it is told
# `retain_graph=True`; without them it refuses to walk again.
#
# There is a trap, and well-known small autograds fall into it. If *every* value kept its slope from walk to walk, not
# only the leaves, the second walk would send the first one's slopes down once more, and each value on the way would add
# what it had kept: in PyTorch's little chain they would pass on twice, three times, four times their slope, and the
# weight would end at five times its own. Ours starts each walk with an empty `slopes`.
#
# ## The spirals, once more
#
# Now the test. A `Value` may hold 400 numbers, one for each point, so an input is one value. A weight is a single
# number that serves all points, and its slope is the sum over them. NumPy lets us fill tables with values, and its `@`
# then calls *our* × and +. (`np.vectorize(Value, ...)` makes such a table: each of its entries becomes a `Value`.)
# `is_one` and `is_zero` pick the score of the truth, point by point.

# %%
tables = [np.vectorize(Value, otypes=[object])(weight) for weight in start]
leaves = np.concatenate([table.ravel() for table in tables])
inputs = np.array([Value(points[:, 0]), Value(points[:, 1])], dtype=object)
is_one, is_zero, minus = Value(labels), Value(1 - labels), Value(-1)


def spiral_loss():
    W1, b1, W2, b2 = tables
    hidden = np.array([total.relu() for total in inputs @ W1 + b1], dtype=object)
    scores = hidden @ W2 + b2
    true_score = scores[0] * is_zero + scores[1] * is_one
    return (scores[0].exp() + scores[1].exp()).log() + minus * true_score


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
plotting.animate_learning(students, losses, spirals, targets, guessing=math.log(2))

# %% tags=["claim"]
assert abs(read(leaves) - theirs).max() < 1e-9, (
    "Forty lines learn the same weights as PyTorch."
)

# %% [markdown]
# Three machines, one student: the weights are NumPy's and PyTorch's, but for rounding. At first the bold coach
# overshoots and the loss jumps; then two arms grow into the plane. Your forty lines have told two spirals apart.
#
# <details><summary><b>Questions and answers</b></summary>
#
# **Is this really how PyTorch does it?** The idea, yes. PyTorch's values are whole tensors, so a matrix product is one
# box and not thousands; its links are functions that apply themselves (`grad_fn`), because the table of links of a
# matrix product would be enormous; and it runs in C++.
#
# **Why from the loss backwards, and not from the weights forwards?** Forwards would take one walk for each weight.
# There is one loss and there are millions of weights, so backwards is cheaper by that factor.
#
# **What is the slope of ReLU at exactly 0?** There is none: the curve has a corner. PyTorch takes 0, and so do we.
#
# **Where does the formula for the best line come from?** At the lowest point of the loss both slopes are 0. Those are
# two equations with two unknowns, $w$ and $b$, and the formula is their solution. For a network with a bend in it
# there is no such formula, and that is why we walk.
#
# **In the film `b` settles before `w`. Why?** Because $x$ lies between −1 and 1. The slope at $b$ is twice the miss,
# the slope at $w$ is that × $x$, which is smaller. Inputs of a size near 1 learn at one pace: a reason to normalise
# (lesson 03).
#
# **Can the loss lie below the noise floor?** On the points that it practises on, the best line does better than the
# truth itself: it also fits some of their noise. That is learning by heart, in its smallest form.
#
# </details>
#
# ## Recap
#
# - **Judging**: a run has converged when what is missing is small beside chance; a falling curve wants more terms, and
#   on fresh points nothing stays below the noise floor, but by luck.
# - **Drawing**: along an arrow multiply by its link; where several arrows leave one value, add what comes back.
# - **Writing**: for `hidden @ W`, the slopes are `hidden.T @ d_scores` and `d_scores @ W.T`; the shapes remind you.
# - **Comparing**: rounding depends on the order, so ask for *near*; nudge neither too far nor too little, in `float64`.
# - **Building**: values that remember their parents and links, and a walk in reverse order; leaves add up until told to
#   forget.
#
# ## Exercises
#
# ### Exercise 1 · A layer's way back
#
# A layer computes `outputs = inputs @ W + b`. You are given `d_outputs`, the slopes at its outputs `(N, K)`, its
# `inputs` `(N, J)` and `W` `(J, K)`. Return `d_inputs, d_W, d_b`.


# %% tags=["exercise"]
def layer_backward(d_outputs, inputs, W):
    return ..., ..., ...  # replace the dots


exercises.check("09.1", layer_backward)


# %% tags=["wrong"] hint="used once for every point"
def layer_backward(d_outputs, inputs, W):
    return d_outputs @ W.T, inputs.T @ d_outputs, d_outputs.mean(axis=0)


exercises.check("09.1", layer_backward)


# %% tags=["wrong"] hint="turned over"
def layer_backward(d_outputs, inputs, W):
    return d_outputs @ W.T, d_outputs.T @ inputs, d_outputs.sum(axis=0)


exercises.check("09.1", layer_backward)


# %% tags=["wrong"] hint="shape of what it belongs to"
def layer_backward(d_outputs, inputs, W):
    return d_outputs @ W.T, inputs.T @ d_outputs, d_outputs


exercises.check("09.1", layer_backward)


# %% tags=["solution"]
def layer_backward(d_outputs, inputs, W):
    return d_outputs @ W.T, inputs.T @ d_outputs, d_outputs.sum(axis=0)


exercises.check("09.1", layer_backward)

# %% [markdown]
# ### Exercise 2 · A sixth operation
#
# Teach your autograd the sigmoid, $\frac{1}{1 + e^{-x}}$, as an operation of its own. Its link is $s \cdot (1 - s)$,
# where $s$ is its result. The function takes a `Value` and returns one.


# %% tags=["exercise"]
def sigmoid(value):
    s = 1 / (1 + np.exp(-value.data))
    return ...  # a Value: its data, "sigmoid", its parents, its links


exercises.check("09.2", sigmoid, Value=Value)


# %% tags=["wrong"] hint="remembers no parent"
def sigmoid(value):
    return Value(1 / (1 + np.exp(-value.data)))


exercises.check("09.2", sigmoid, Value=Value)


# %% tags=["wrong"] hint="in place of the result"
def sigmoid(value):
    s = 1 / (1 + np.exp(-value.data))
    return Value(s, "sigmoid", (value,), (value.data * (1 - value.data),))


exercises.check("09.2", sigmoid, Value=Value)


# %% tags=["wrong"] hint="tuples"
def sigmoid(value):
    s = 1 / (1 + np.exp(-value.data))
    return Value(s, "sigmoid", value, s * (1 - s))


exercises.check("09.2", sigmoid, Value=Value)


# %% tags=["solution"]
def sigmoid(value):
    s = 1 / (1 + np.exp(-value.data))
    return Value(s, "sigmoid", (value,), (s * (1 - s),))


exercises.check("09.2", sigmoid, Value=Value)

# %% [markdown]
# ### Exercise 3 · Break it
#
# Somebody writes `slopes[parent] = slope` in `backpropagate`: rule 2 is gone, and the last way to arrive wins. On many
# expressions nobody notices. Find one that convicts it: a function of two values, built from our five operations, for
# which the broken walk gives `a` or `b` a wrong slope. It is tried with a = 2 and b = 3.


# %% tags=["exercise"]
def convict(a, b):
    return ...  # an expression, for example (a * b).exp()


exercises.check("09.3", convict, Value=Value)


# %% tags=["wrong"] hint="only one way"
def convict(a, b):
    return (a * b).log() + Value(1)


exercises.check("09.3", convict, Value=Value)


# %% tags=["wrong"] hint="shut"
def convict(a, b):
    return a + b + (a * Value(-1)).relu()


exercises.check("09.3", convict, Value=Value)


# %% tags=["wrong"] hint="a Value"
def convict(a, b):
    return 2.0


exercises.check("09.3", convict, Value=Value)


# %% tags=["solution"]
def convict(a, b):
    return a * b + a  # two ways lead back to a


exercises.check("09.3", convict, Value=Value)

# %% [markdown]
# ## Next
#
# You have seen the whole machine, and none of it knows what a picture is: it needs numbers with slopes. **Lesson 10**
# takes it where there are no pictures at all, to words.
