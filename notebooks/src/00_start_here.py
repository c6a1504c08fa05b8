# ---
# jupyter:
#   course:
#     study_minutes: 40
#     budget_seconds: 60
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · Start here
#
# **Is my machine ready, and who is who in the story?**
#
# A neural network is not programmed, it is *taught*. This series tells how, as the story of a student who goes to
# school, and every line of the story is a line of code that you run. At the end you can train a network on pictures
# of your own, and you know what each line does and why it is there.
#
# ## What you will learn
#
# - **check** that your machine can run all lessons
# - **name** the characters of the story and the object in the code that each of them is
# - **read** a tensor: its shape, its type, its parts, and what happens when two of them are combined
# - **watch** a first network learn in a loop of ten lines
#
# ## Before you start
#
# You need Python's functions, lists and loops. You need no PyTorch, and no mathematics beyond school: powers, averages,
# the slope of a line. What else is needed is explained where it comes up.
#
# ## How to use these lessons
#
# A lesson is a page of text and of **cells** with code. Click into a cell and press Shift+Enter to run it. Run them in
# order, from the top: later cells use what earlier ones made. The first few only prepare things; run them, you need not
# understand them. Change anything you like, since this is your own copy.
# When a copy is beyond repair, the command `course reset 00` gives you a fresh one and keeps the old one beside it.
#
# Now and then a paragraph begins with **Predict first**. Do it, aloud or on paper, before you run the next cell. A
# guess that turns out wrong teaches more than an answer you only read.
#
# Each lesson ends in exercises. Their cells run as they are and tell you what is asked. A wrong answer gets a hint
# about what went wrong, and a solution is folded away below.

# %% tags=["settings"]
NUM_POINTS = 400  # points in the first experiment
NUM_STEPS = 400  # corrections that the student gets

# %%
import copy
import math
import time

import numpy as np
import torch
from torch import nn

from course_utils import plotting
from course_utils.classroom import exercises
from course_utils.classroom.doctor import check_environment
from course_utils.runtime import get_device, set_seed

# %% [markdown]
# ## Is the machine ready?
#
# The first question is a practical one. The next cell looks at what is installed, at the device that computes and at
# the files the lessons need. Whatever is missing comes with the one command that mends it; type it in a terminal.

# %%
check_environment()

# %% [markdown]
# The **device** is the part of the computer that calculates. `cpu` is the ordinary processor, and it is enough for
# every lesson. `cuda` is a graphics card by NVIDIA, which is many times faster; if there is one, the lessons use it.
# `mps` is the graphics part of Apple's chips: it is used only if you ask for it.

# %%
device = get_device()
print("This machine computes on:", device)

# %% [markdown]
# ## Who is who
#
# These are the characters. You will meet their names in every lesson, and each name always means the same object in
# the code.
#
# | in the story | in the code | what it does |
# |---|---|---|
# | the **student** | `model` | looks at a picture and answers |
# | the **teacher** | `criterion` | says how wrong the answer is with one number, the *loss*: 0 would be perfect, **lower is better** |
# | the **coach** | `optimizer` | changes the student a little, so that the next loss is lower |
# | the **assistant** | `scheduler` | tells the coach to correct more boldly or more gently as time goes by |
# | **practice** | training data | examples to learn from |
# | the **mock exam** | validation data | examples to see how well it goes, never to learn from |
# | the **final exam** | test data | opened once, at the very end |
# | a **school term** | epoch | one pass through all the practice examples; a mock exam follows |
# | the **report card** | `History` | the marks of every term |
#
# Two of them are often confused: **the teacher only marks, the coach only corrects.**

# %% [markdown]
# ## The whole journey in one picture
#
# This is the road from a photograph to an answer, and the loop that makes the answers better. Each box says which
# lesson is about it.

# %%
plotting.draw_flow(
    [
        ("pictures in folders", "02 Dataset"),
        ("tensors", "03 transforms"),
        ("batches", "03 DataLoader"),
        ("student answers", "04 model"),
        ("teacher marks", "05 criterion"),
        ("coach corrects", "05 optimizer"),
        ("report card", "06 History"),
        ("final exam", "08 test data"),
    ],
    loops=[(6, 2, "next term")],
    emphasis=[3],
    title="From pictures to a trained student",
)

# %% [markdown]
# ## What you write yourself
#
# Some libraries train in one call and hide the loop. In **PyTorch** you write it; its heart is five lines. That is more
# to type, and it is why this series uses PyTorch: nothing is hidden. What you type once becomes a tested function of
# the package `course_utils`, and later lessons import it.
#
# <details><summary><b>I come from Keras</b></summary>
#
# | | Keras | PyTorch |
# |---|---|---|
# | the loop over terms and batches | `model.fit(x, y, epochs=10)` runs it | you write it (lesson 06) |
# | practice mode, exam mode | automatic | `model.train()`, `model.eval()` |
# | clearing the previous correction | automatic | `optimizer.zero_grad()` |
# | moving data to the device | automatic | `images.to(device)` |
# | accuracy | a word in a list | you count it |
# | changing something in the middle | subclass, callback | change the line |
#
# </details>

# %% [markdown]
# ## Tensors
#
# Everything a network touches is a **tensor**: a block of numbers, all of the same type. If you know NumPy's arrays,
# you know nearly all of it.

# %%
grades = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]])
print(grades)
print("shape", tuple(grades.shape), "  type", grades.dtype, "  device", grades.device)

# %% [markdown]
# The **shape** is the first thing to ask any tensor for. This one has 2 rows and 3 columns, so its shape is `(2, 3)`. A
# single number has the shape `()`, a row of five `(5,)`. A batch of 32 colour pictures has the shape
# `(32, 3, 224, 224)`: 32 pictures, 3 colours, 224 pixels high and wide. Many beginners' errors are about shapes,
# and printing one takes a second.
#
# **Indexing** works as in NumPy: the first index chooses the row, a colon means "all", −1 is the last.

# %%
print("row 0:            ", grades[0])
print("column 1:         ", grades[:, 1])
print("last of row 1:    ", grades[1, -1])
print("the same as number:", grades[1, -1].item())

# %% [markdown]
# `item()` takes the number out of a tensor that holds exactly one.
#
# The **dtype** is the type of the numbers. Two matter here. `float32` is for anything that is measured or learned.
# `int64` is for counting, and for classes. A **class** is one of the possible answers; classes are numbered from 0. A
# **label** is the number of the right one: class 3 is a name, not an amount.

# %%
labels = torch.tensor([3, 0, 7])
print(labels.dtype, "->", labels.float().dtype)

# %% [markdown]
# Many functions shrink a tensor along one dimension, and `dim` says which one disappears. `mean(dim=1)` averages along
# each row, so that `(2, 3)` becomes `(2,)`. With `keepdim=True` the dimension stays, with size 1. `argmax` gives the
# *position* of the largest number instead of its value. And comparing gives True and False: their sum counts the True
# ones, their mean, after `.float()`, is the share of True.

# %%
print("mean of each row:        ", grades.mean(dim=1), tuple(grades.mean(dim=1).shape))
print("the same with keepdim:   ", tuple(grades.mean(dim=1, keepdim=True).shape))
print("where each row is largest:", grades.argmax(dim=1))
greater = grades > 2
print("greater than 2:          ", greater.sum().item(), "numbers")
print("a share of:              ", greater.float().mean().item())

# %% [markdown]
# **Combining** two tensors of the same shape goes number by number. When the shapes differ, PyTorch lines them up at
# the right end and repeats whichever has size 1, or no dimension at all, in that place. That is **broadcasting**. Any
# other difference is an error.
#
# Let `bonus` be `[10, 20, 30]`, with the shape `(3,)`. **Predict first:** what is the shape of `grades + bonus`, and
# what stands in its second row?

# %%
bonus = torch.tensor([10.0, 20.0, 30.0])
print(tuple(grades.shape), "+", tuple(bonus.shape), "->", tuple((grades + bonus).shape))
print(grades + bonus)
assert (grades + bonus)[1].tolist() == [14.0, 25.0, 36.0], (
    "The bonus should be added to every row."
)

# %% [markdown]
# Broadcasting is handy, and sometimes it is a trap, because it never complains when it *can* repeat. Here somebody
# compares four answers with four solutions, and one of the two has a dimension too many.

# %%
answers = torch.tensor([[1], [0], [1], [1]])  # shape (4, 1)
solutions = torch.tensor([1, 0, 1, 1])  # shape (4,)
print("right answers, they think:", (answers == solutions).sum().item(), "of 4")
print("the shape they compared:  ", tuple((answers == solutions).shape))
right = answers.squeeze(1) == solutions
print("right answers:            ", right.sum().item(), "of 4")

# %% [markdown]
# Ten right out of four. `(4,)` counts as `(1, 4)`, and *both* were repeated to `(4, 4)`: each answer was compared with
# each solution. `squeeze(1)` removes the dimension of size 1, and all is well.
#
# Two differences from NumPy's arrays matter: a tensor may live on another device, and it can remember how it was
# computed, which is what learning needs (lesson 05). `torch.from_numpy(array)` and `tensor.numpy()` copy nothing on the
# CPU: both look at the same memory. `torch.tensor(array)` makes a copy. (NumPy's numbers are `float64` unless you say
# otherwise; networks use `float32`, which is half the size.)

# %%
array = np.zeros(3)
tensor = torch.from_numpy(array)
array[0] = 7
print("the tensor sees the change:", tensor)
print("moved to the device:", grades.to(device).device)

# %% [markdown]
# Why not simply Python lists? Because a tensor does a whole block of arithmetic in one call. In a **matrix product**,
# written `@`, each row of the left table meets each column of the right one. For two tables of 200 × 200 numbers that
# is 200 × 200 × 200, eight million multiplications. Networks do little else.
#
# **Predict first:** how many times faster is the tensor?

# %%
size = 200
left, right = torch.rand(size, size), torch.rand(size, size)
rows, columns = left.tolist(), right.t().tolist()

started = time.perf_counter()
product = [
    [sum(a * b for a, b in zip(row, column, strict=True)) for column in columns]
    for row in rows
]
list_seconds = time.perf_counter() - started

started = time.perf_counter()
for _ in range(20):
    left @ right
tensor_seconds = (time.perf_counter() - started) / 20
assert torch.allclose(torch.tensor(product), left @ right, atol=1e-3), (
    "Both ways should give the same table."
)
print(f"the tensor is about {list_seconds / tensor_seconds:,.0f} times as fast")

# %% [markdown]
# ## A first student learns
#
# Enough vocabulary. Here is a subject small enough to draw: points in a plane that belong to two spirals. Given the two
# coordinates of a point, the student is to say which spiral it belongs to.

# %%
# How the spirals are made; you may skip it.
set_seed(0)
turn = torch.rand(NUM_POINTS).sqrt() * 3 * math.pi
labels = torch.arange(NUM_POINTS) % 2  # 0, 1, 0, 1, ...
angle = turn + labels * math.pi
points = torch.stack([turn * angle.cos(), turn * angle.sin()], dim=1) / 10
points = points + 0.02 * torch.randn_like(points)
print(
    "points", tuple(points.shape), "  labels", tuple(labels.shape), labels[:6].tolist()
)

# %% [markdown]
# No straight line separates these two. Look for yourself.

# %%
plotting.plot_points(
    points,
    labels,
    kind="spiral",
    alt="Two spirals of points wound into each other around a common centre.",
)

# %% [markdown]
# Now the characters. The student is a small network: two numbers go in, two layers of 64 numbers each work on them, and
# two scores come out, one for each spiral. The teacher is the cross-entropy loss and the coach is called Adam; `lr`
# says how large its corrections are. Lessons 04 and 05 take all three apart; today they only have to work.

# %%
set_seed(0)
model = nn.Sequential(
    nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2)
)
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)

untrained = (model(points).argmax(dim=1) == labels).float().mean().item()
print(f"right before any practice: {untrained:.0%}")

# %% tags=["claim"]
assert 0.25 < untrained < 0.75, "An untrained student is right about half of the time."

# %% [markdown]
# An untrained student does not even guess. It has some opinion about every point, by accident, and with two answers to
# choose from an accident is right somewhere near half of the time.
#
# And here is the loop. Five of its lines are the heart of everything that follows: *forget the last correction, answer,
# mark, find out what to change, change it.* **Lesson 06 explains every line.** The two lines with `snapshots` only keep
# pictures of the student's mind for the drawing below.

# %%
losses, snapshots = [], {}
for step in range(NUM_STEPS):
    if step in (0, 40):
        snapshots[f"after {step} corrections"] = copy.deepcopy(model)
    optimizer.zero_grad()  # forget the last correction
    scores = model(points)  # the student answers
    loss = criterion(scores, labels)  # the teacher marks
    loss.backward()  # what should change, and in which direction?
    optimizer.step()  # the coach changes it a little
    losses.append(loss.item())
snapshots["at the end"] = copy.deepcopy(model)

trained = (model(points).argmax(dim=1) == labels).float().mean().item()
print(f"right after {NUM_STEPS} corrections: {trained:.0%}")

# %% tags=["claim"]
assert abs(losses[0] - math.log(2)) < 0.15, "The loss starts near 0.69, which is ln 2."
assert trained > 0.97, (
    "The two spirals come apart: nearly every point is right in the end."
)

# %% [markdown]
# The loss tells the same story, correction by correction. It should start near 0.69 and fall from there. That is the
# loss of someone who gives both spirals the same chance; lesson 05 shows where the number comes from (it is $\ln 2$).

# %%
assert losses[-1] < losses[0] / 2, (
    "The loss should have fallen to less than half of where it began."
)
plotting.plot_corrections(
    {"the student": losses}, guessing=math.log(2), title="The student improves"
)

# %% [markdown]
# Better still, we can look into the student's mind: ask it about *every* place in the plane, and colour the place by
# the answer. Blue ground: it says spiral 0. Yellow ground: it says spiral 1. In between it is undecided.

# %%
plotting.draw_opinions(snapshots, points, labels)

# %% [markdown]
# Nobody told the student what a spiral is. It saw points, gave answers, was marked and corrected, and the shape
# appeared. Recognising clothes in pictures, as in the coming lessons, is the same loop with more numbers in it.
#
# One thing is missing here. We asked the student about the very points that it had practised on, and that proves
# little: it might have learned them by heart. The answer to that is the mock exam, and it comes in lesson 02.

# %% [markdown]
# <details><summary><b>Questions and answers</b></summary>
#
# **Do I need a graphics card?** No. Every lesson runs on two ordinary processor cores in about a minute. With a card it
# is faster.
#
# **Do I need the internet?** Not after the installation. The pictures are drawn on your machine, and the trained
# network came with the package. Real photographs and a stronger network are one word in a lesson's settings away.
#
# **What is the difference between a model and a network?** None in this series. The weights, also called parameters,
# are the numbers in it that learning changes.
#
# **Why is it called a tensor?** The word comes from mathematics and physics, where it means more. Here it is a block
# of numbers with a shape.
#
# **What is `torch.manual_seed`, or `set_seed`?** Random numbers in a computer follow from a starting number, the seed.
# The same seed gives the same numbers, so that you see what this page shows. On another kind of machine small
# differences remain.
#
# </details>

# %% [markdown]
# ## Recap
#
# - **Checking**: `check_environment()` says what is missing, and the command that mends it.
# - **Naming**: student `model`, teacher `criterion`, coach `optimizer`, assistant `scheduler`, report card `History`.
# - **Reading tensors**: shape first, then dtype and device; `dim` disappears; broadcasting repeats what has size 1.
# - **Watching**: forget, answer, mark, find the change, make it: five lines, repeated, and two spirals come apart.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1 · Which shape?
#
# Each of 32 pictures has 10 scores: `scores` has the shape `(32, 10)`. You subtract the mean score of each picture,
# computed as `scores.mean(dim=1, keepdim=True)`. What is the shape of that **mean**? Write a tuple.

# %% tags=["exercise"]
shape_of_mean = ...  # replace the dots
exercises.check("00.1", shape_of_mean)

# %% tags=["wrong"] hint="keepdim"
shape_of_mean = (32,)
exercises.check("00.1", shape_of_mean)

# %% tags=["wrong"] hint="one mean for each picture"
shape_of_mean = (1, 10)
exercises.check("00.1", shape_of_mean)

# %% tags=["solution"]
shape_of_mean = (32, 1)
exercises.check("00.1", shape_of_mean)

# %% [markdown]
# ### Exercise 2 · Count the right answers
#
# Write a function that takes `scores` of shape `(N, C)`, for N pictures and C classes, and `labels` of shape `(N,)`,
# and returns how many answers are right, as a Python number. A student's answer is the class with the highest score:
# `scores.argmax(dim=1)`.


# %% tags=["exercise"]
def count_right(scores, labels):
    return ...  # replace the dots


exercises.check("00.2", count_right)


# %% tags=["wrong"] hint="without `dim`"
def count_right(scores, labels):
    return (scores.argmax() == labels).sum().item()


exercises.check("00.2", count_right)


# %% tags=["wrong"] hint="a share"
def count_right(scores, labels):
    return (scores.argmax(dim=1) == labels).float().mean().item()


exercises.check("00.2", count_right)


# %% tags=["solution"]
def count_right(scores, labels):
    return (scores.argmax(dim=1) == labels).sum().item()


exercises.check("00.2", count_right)

# %% [markdown]
# ### Exercise 3 · Teacher or coach?
#
# Somebody has two networks, `model` and `old_model`. They call `scores = model(points)`, all five lines of the loop
# run, but the loss is the same after every step, to the last digit. Printing shows that no weight of `model` ever
# changes, although `loss.backward()` has worked out what should change in it: somebody is holding the weights of
# `old_model` in hand. Which character works on the wrong student: `"model"`, `"criterion"` or `"optimizer"`?

# %% tags=["exercise"]
who = ...  # replace the dots
exercises.check("00.3", who)

# %% tags=["wrong"] hint="only marks"
who = "criterion"
exercises.check("00.3", who)

# %% tags=["wrong"] hint="answers as well as it can"
who = "model"
exercises.check("00.3", who)

# %% tags=["solution"]
who = "optimizer"
exercises.check("00.3", who)

# %% [markdown]
# ## Next
#
# Our first student learned from nothing. **Lesson 01** meets one who has been to school for a long time, and asks it
# what it sees in a photograph.
