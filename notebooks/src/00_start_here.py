# ---
# jupyter:
#   course:
#     study_minutes: 50
#     budget_seconds: 60
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 00 · Start here
#
# **How does a network learn, and who is who in the story?**
#
# A neural network is not programmed, it is *taught*. This series tells how, as the story of a student who goes to
# school, and every line of the story is a line of code that you run. In a few minutes a first student learns before
# your eyes. At the end of the series you can train a network on pictures of your own, and you know what each line does
# and why it is there.
#
# ## What you will learn
#
# - **watch** a first network learn, in a loop of eight lines
# - **name** the characters of the story and the object in the code that each of them is
# - **read** a tensor: its shape, its type, its parts, and what happens when two of them are combined
# - **follow** one correction through the five lines that make it
# - **tell** learning from remembering, by asking about what was never practised
#
# ## Before you start
#
# You need Python's functions, lists and loops. You need no PyTorch, and no mathematics beyond school: powers, averages,
# the slope of a line. What else is needed is explained where it comes up.
#
# ## How to use these lessons
#
# A lesson is a page of text and of **cells** with code. Click into a cell and press Shift+Enter to run it. Run them in
# order, from the top: later cells use what earlier ones made. The first few only prepare things; you need not
# understand them. The last of those also asks whether your machine is ready, and whatever is missing comes with the one
# command that mends it; type that in a terminal. Change anything you like, since this is your own copy. When it is beyond
# repair, the command `course reset 00` gives you a fresh one and keeps the old one beside it.
#
# Now and then a box says **Predict first**. Choose an answer before you run on; the next cells show what happened. A
# guess that turns out wrong teaches more than an answer you only read.

# %% tags=["settings"]
NUM_POINTS = 400  # points to practise on
NUM_STEPS = 200  # corrections that the student gets

# %%
import copy
import math
import time

import torch
from torch import nn

from course_utils import plotting, widgets
from course_utils.classroom import exercises
from course_utils.classroom.book import compare_with_book
from course_utils.classroom.doctor import check_environment
from course_utils.classroom.predictions import what_happened
from course_utils.report.metrics import standard_error
from course_utils.runtime import set_seed

check_environment()

# %% [markdown]
# ## A subject small enough to draw
#
# Points in a plane, and each belongs to one of two spirals. Given the two coordinates of a point, the student is to say
# which spiral it belongs to. Nobody will tell it what a spiral is, and no straight line separates the two. (How they
# are drawn you may skip; look at the picture.)


# %%
def draw_spirals(num_points, seed):
    """Return points (num_points, 2) and the spiral, 0 or 1, that each belongs to."""
    set_seed(seed)  # the same seed, the same random numbers
    turn = torch.rand(num_points).sqrt() * 3 * math.pi
    labels = torch.arange(num_points) % 2  # 0, 1, 0, 1, ...
    angle = turn + labels * math.pi
    points = torch.stack([turn * angle.cos(), turn * angle.sin()], dim=1) / 10
    return points + 0.02 * torch.randn_like(points), labels


points, labels = draw_spirals(NUM_POINTS, seed=0)
plotting.plot_points(
    points,
    labels,
    kind="spiral",
    alt="Two spirals of points wound into each other around a common centre.",
)

# %% [markdown]
# ## The first three minutes of school
#
# The **student** is a small network: two numbers go in, two layers of 64 numbers each work on them, and two scores come
# out, one for each spiral. The higher score is its answer. (`nn.ReLU` between the layers turns what is negative into
# 0.) How it works on them is decided by 4,482 numbers inside it, its **weights**; PyTorch calls them parameters. They
# start at random.

# %%
BEFORE = ["hardly any", "about half of them", "nearly all"]
widgets.predict_first(
    "00.1", "How many of the 400 points does it get right before any practice?", BEFORE
)

# %% [markdown]
# Choose, then make the student and ask it about all of them.


# %%
def new_student(width=64):
    """Return a student who knows nothing, always the same one."""
    set_seed(0)
    return nn.Sequential(
        nn.Linear(2, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, 2),
    )


def share_right(student, points, labels):
    answers = student(points).argmax(dim=1)  # the position of the higher score, 0 or 1
    return (answers == labels).float().mean().item()


model = new_student()
untrained = share_right(model, points, labels)
print(f"right before any practice: {untrained:.0%}")
what_happened("00.1", BEFORE[0 if untrained < 0.25 else 1 if untrained < 0.75 else 2])

# %% tags=["claim"]
assert 0.25 < untrained < 0.75, "An untrained student is right about half of the time."
assert sum(each.numel() for each in model.parameters()) == 4482, "It has 4,482 weights."

# %% [markdown]
# It does not even guess. It has a faint opinion about every point, by accident, and with two answers to choose from an
# accident is right about half of the time.
#
# Two more characters. The **teacher** says with one number how wrong the answers are: the **loss**, and lower is
# better. The **coach** changes the weights a little, so that the loss should get lower; `lr`, the **learning rate**,
# says how large its changes are.
#
# And here is the loop. The five lines in it that carry a remark are the heart of everything that follows. The two
# with `append` keep a diary: a copy of the student before the correction, and its loss.

# %%
criterion = nn.CrossEntropyLoss()  # the teacher
optimizer = torch.optim.Adam(model.parameters(), lr=0.01)  # the coach
students, losses = [], []  # a diary, for the film below

for _ in range(NUM_STEPS):
    students.append(copy.deepcopy(model))
    optimizer.zero_grad()  # the old notes are thrown away
    scores = model(points)  # the student answers
    loss = criterion(scores, labels)  # the teacher marks
    loss.backward()  # the mark is traced back to every weight
    optimizer.step()  # the coach corrects
    losses.append(loss.item())

trained = share_right(model, points, labels)
print(f"right after {NUM_STEPS} corrections: {trained:.1%}")

# %% tags=["claim"]
assert abs(losses[0] - math.log(2)) < 0.15, "The loss starts near 0.69, which is ln 2."
assert losses[-1] < 0.05, "The loss falls to nearly nothing."
assert trained > 0.97, "Nearly every point is right in the end."

# %% [markdown]
# Nearly every point, after a second or two. Now look into the student's mind while it happened: the film asks it about
# *every* place in the plane, and colours the place by the answer. Blue ground: it says spiral 0. Red ground: it says
# spiral 1. Where it is white, the student is undecided; the black line is where its answer changes.

# %%
plotting.animate_learning(students, losses, points, labels, guessing=math.log(2))

# %% [markdown]
# (It plays three times; run the cell again to see it again. It ends before the last correction.) A bend, a hook, a
# spiral. Nobody told the student what a spiral is: it saw points, gave answers, was marked and corrected, and the shape
# appeared.
#
# The loss starts near 0.69, the loss of someone who gives both spirals the same chance. Lesson 05 shows where that
# number comes from (it is the natural logarithm of 2). It ends near 0.
#
# Recognising clothes in pictures, as in the coming lessons, is the same loop with more numbers in it.
#
# ## Who is who
#
# You have met three of the characters. Here are all of them, and each name always means the same thing in the code.
#
# | in the story | in the code | what it does |
# |---|---|---|
# | the **student** | `model` | looks at a picture, or a point, and answers |
# | the **teacher** | `criterion` | says how wrong the answers are with one number, the loss: 0 would be perfect |
# | the **coach** | `optimizer` | changes the student a little, to make the loss lower |
# | the **assistant** | `scheduler` | tells the coach to correct more boldly or more gently as time goes by |
# | **practice** | training data | examples to learn from |
# | the **mock exam** | validation data | examples to see how well it goes, never to learn from |
# | the **final exam** | test data | opened once, at the very end |
# | a **school term** | epoch | one pass through all the practice examples; a mock exam follows |
# | the **report card** | `History` | the marks of every term |
#
# Two of them are often confused: **the teacher only marks, the coach only corrects.** How does the coach know what to
# change? Between the two stands `loss.backward()`. It traces the mark back through the student and leaves a note at
# every weight: *were you a little larger, the loss would rise by so much*, or *would fall*. That note is the weight's
# **gradient**. The coach reads the notes and goes against them. `zero_grad` throws the old notes away.
#
# ## The whole journey in one picture
#
# With pictures in place of points there are too many to answer at once. They come in portions, called **batches**, and
# there is a correction after each. When all have been seen, a term is over. (Our 400 points were one batch, so that
# each correction took a whole term.)

# %%
plotting.draw_flow(
    [
        ("pictures become tensors", "02 Dataset\n03 transforms"),
        ("batches", "03 DataLoader"),
        ("student answers", "04 model"),
        ("teacher marks", "05 criterion"),
        ("mark is traced back", "05 backward()"),
        ("coach corrects", "05 optimizer"),
        ("mock exam, report card", "06 History"),
        ("final exam", "08 test data"),
    ],
    loops=[(5, 1, "next batch"), (6, 1, "next term")],
    title="From pictures to a trained student",
)

# %% [markdown]
# Each box says which lesson is about it. What travels along the arrows, from the pictures to the loss, is of one kind:
#
# ## Tensors, on these very points
#
# Everything a network touches is a **tensor**: a block of numbers, all of the same type. The **shape** is the first
# thing to ask any tensor for.

# %%
print("points", tuple(points.shape), points.dtype)
print("labels", tuple(labels.shape), labels.dtype, labels[:4].tolist())
print("labels as float32:", labels[:4].float())

# %% [markdown]
# 400 rows and 2 columns: the shape is `(400, 2)`. A row of 400 has the shape `(400,)`, a single number `()`. A batch of
# 32 colour pictures has the shape `(32, 3, 224, 224)`: 32 pictures, 3 colours, 224 pixels high and wide. Many
# beginners' errors are about shapes, and printing one takes a second.
#
# The **dtype** is the type of the numbers. Two matter here: `float32` for what is measured or learned, `int64` for
# counting, and for classes. A **class** is one of the possible answers, and classes are numbered from 0: here the two
# spirals, later ten kinds of clothing. A **label** is the number of the right one. It is a name, not an amount.
#
# **Indexing**: the first index chooses the row, the second the column. A colon means "all", `:4` the first four, −1 the
# last.

# %%
print("point 0:                 ", points[0])
print("all first coordinates:   ", tuple(points[:, 0].shape))
print("last number of point 0:  ", points[0, -1])
print("the same as plain Python:", points[0, -1].item())

# %% [markdown]
# `item()` takes the number out of a tensor that holds exactly one. (Only about seven digits of a `float32` mean
# anything; the others are rounding.)
#
# ### From scores to marks
#
# The student's answer is a tensor as well: a row for each point, a score for each spiral.

# %%
scores = model(points)
print(tuple(scores.shape))
print(scores[:3])

# %% [markdown]
# `grad_fn` at the end says that these numbers remember how they were computed. `loss.backward()` goes back along that
# memory.
#
# Which score is the higher? `argmax(dim=1)` gives its *position* in each row. Comparing two tensors gives True or
# False, number by number. And True counts as 1: the sum is the number of right answers, and the mean, after `.float()`,
# is their share, the **accuracy**.

# %%
answers = scores.argmax(dim=1)
right = answers == labels
print("answers:", answers[:6].tolist(), "  labels:", labels[:6].tolist())
print("right:  ", right[:6].tolist())
print("number: ", right.sum().item(), "  accuracy:", right.float().mean().item())

# %% [markdown]
# Now you can read `share_right` above.
#
# ### Which dimension disappears?
#
# Many functions shrink a tensor along one dimension, and `dim` says which. Dimensions count from 0: `dim=0` are the
# rows, `dim=1` the columns. The one that is named disappears.

# %%
centre = points.mean(dim=0)
print("centre:      ", centre, tuple(centre.shape))
print("with keepdim:", tuple(points.mean(dim=0, keepdim=True).shape))
plotting.draw_dims(points[:4])

# %% [markdown]
# (The picture takes four points only, the cell all 400.) So `mean(dim=0)` leaves one number for each column: the middle
# of the cloud. With `keepdim=True` the dimension stays, with size 1.
#
# ### Combining two tensors
#
# Two tensors of the same shape are combined number by number. But `points` has the shape `(400, 2)` and `centre` has
# `(2,)`.

# %%
SHAPES = ["an error", "a tensor (2,)", "a tensor (400, 2)"]
widgets.predict_first("00.2", "What is points - centre?", SHAPES)

# %% [markdown]
# Choose, then subtract.

# %%
moved = points - centre
print("points - centre:", tuple(moved.shape), "  its own centre:", moved.mean(dim=0))
plotting.show(
    plotting.draw_broadcasting(points[:4], centre, "-", title="points - centre")
)
assert torch.equal(moved[7], points[7] - centre), (
    "Each point should have moved by the same amount."
)
what_happened("00.2", SHAPES[2 if moved.shape == points.shape else 1])

# %% [markdown]
# Every point was moved; the picture shows the first four, rounded to two places. (The new centre is 0, but for a
# rounding error of some hundred-millionths.) PyTorch lines the two shapes up at the right end and repeats whatever has
# size 1, or is not there at all, as often as needed. That is **broadcasting**. Any other difference is an error. The
# pale numbers are never stored; they only show what is repeated. Broadcasting can be a trap: here somebody compares
# four answers with four solutions, and one of the two has a dimension too many.

# %%
answers = torch.tensor([[1], [0], [1], [1]])  # shape (4, 1)
solutions = torch.tensor([1, 0, 1, 1])  # shape (4,)
print("right answers, they think:", (answers == solutions).sum().item(), "of 4")
right = answers.squeeze(1) == solutions
print("right answers:            ", right.sum().item(), "of 4")
plotting.draw_broadcasting(answers, solutions, "==", title="answers == solutions")

# %% [markdown]
# Ten right out of four! *Both* were repeated, and each answer was compared with each solution. `squeeze(1)` removes
# dimension 1, whose size is 1, and all is well.
#
# ### NumPy, and where tensors live
#
# If you know NumPy's arrays, you know nearly all of this. Two things are new. A tensor can remember how it was
# computed, and it may live on another **device**, the part of the computer that calculates. `cpu` is the ordinary
# processor, and it is enough for every lesson. `cuda` is a graphics card by NVIDIA, which is many times faster for
# large networks.

# %%
few = torch.zeros(3)
array = few.numpy()  # no copy: the same memory
array[0] = 7
print("the tensor sees the change:", few)

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print("points:", points.device, "  points.to(device):", points.to(device).device)

# %% [markdown]
# `numpy()` and its opposite, `torch.from_numpy(array)`, copy nothing on the CPU; `torch.tensor(array)` makes a copy.
# (NumPy's own numbers are `float64`, twice the size of `float32`.)
#
# Whatever is combined has to be on the same device: student and pictures. Later lessons move both, with `.to(device)`.
# They ask `get_device()`, which does what the line with `torch.device` does, unless you choose for yourself by setting
# the variable `COURSE_DEVICE`. (`mps`, the graphics part of Apple's chips, is used only then.)
#
# ### Why not lists?
#
# A tensor does a whole block of arithmetic in one call. In a **matrix product**, written `@`, each row of the left
# table meets each column of the right one: they are multiplied number by number, and the products added up. For two
# tables of 200 × 200 numbers that is 200 × 200 × 200, eight million multiplications. Networks do little else:
# `nn.Linear` is a matrix product, and an addition.

# %%
FASTER = ["up to ten times", "ten to a hundred times", "more than a hundred times"]
question = (
    "How many times faster than lists are tensors, over eight million multiplications?"
)
widgets.predict_first("00.3", question, FASTER)

# %% [markdown]
# Choose; then first with Python's lists, then with tensors, and both must give the same table.

# %%
left, right = torch.rand(200, 200), torch.rand(200, 200)
rows, columns = left.tolist(), right.T.tolist()

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

times = list_seconds / tensor_seconds
print(f"the tensor is about {times:,.0f} times as fast")
what_happened("00.3", FASTER[0 if times < 10 else 1 if times < 100 else 2])

# %% tags=["claim"]
assert times > 100, "The tensor is more than a hundred times as fast."

# %% [markdown]
# ## One correction, in slow motion
#
# Now you can read the five lines again, one at a time, with a student who has learned nothing yet. We watch one of its
# weights, the first of its first layer.

# %%
beginner = new_student()
optimizer = torch.optim.Adam(beginner.parameters(), lr=0.01)
weight = beginner[0].weight  # (64, 2): 64 numbers are made of 2

optimizer.zero_grad()
scores = beginner(points)
loss = criterion(scores, labels)
print("scores", tuple(scores.shape), "  loss", tuple(loss.shape), round(loss.item(), 4))
print("weight:", round(weight[0, 0].item(), 4), "  its note:", weight.grad)

# %% [markdown]
# 400 pairs of scores become one number, the mean over the points. There is no note at the weight yet.

# %%
loss.backward()
gradient, before = weight.grad[0, 0].item(), weight[0, 0].item()
optimizer.step()
after = weight[0, 0].item()
loss_now = criterion(beginner(points), labels)
print(f"after backward: weight {before:.4f}   its note {gradient:+.5f}")
print(f"after step:     weight {after:.4f}   moved by {after - before:+.4f}")
print(f"loss: {loss:.4f} before, {loss_now:.4f} now")

# %% tags=["claim"]
assert gradient * (after - before) < 0, "The weight goes against its gradient."
assert abs(abs(after - before) - 0.01) < 1e-3, "Adam's first step is the learning rate."
assert loss_now < loss, "The loss is lower after the step."
assert weight.grad.shape == weight.shape, "There is a note for every weight."
assert gradient > 0, "The note is positive."
assert sum((each.grad != 0).sum() for each in beginner.parameters()) > 2000, (
    "More than 2,000 weights go at once."
)

# %% [markdown]
# `backward()` changed no weight: it only left the note. `step()` changed the weight, and against its note: the note is
# positive, so the weight went down. (It went by 0.01, the learning rate. Adam's very first step is that large even
# where the note is as small as here; lesson 05 says why.) More than 2,000 weights went at once in this way (the note of
# the others was 0: a `ReLU` let nothing of them through), and the loss is a little lower. Two hundred times that, and
# you have the film.
#
# ## Why write the loop yourself?
#
# Some libraries train in one call and hide the loop. In **PyTorch** you write it: that is more to type, and nothing is
# hidden. What you type once becomes a tested function of the package `course_utils`, and later lessons import it.
# Beside Keras (if you do not know it, skip the table):
#
# | | Keras | PyTorch |
# |---|---|---|
# | the loop over terms and batches | `model.fit(x, y, epochs=10)` runs it | you write it (lesson 06) |
# | practice mode, exam mode | automatic | `model.train()`, `model.eval()` |
# | throwing the old notes away | automatic | `optimizer.zero_grad()` |
# | moving data to the device | automatic | `images.to(device)` |
# | accuracy | a word in a list | you count it |
# | changing something in the middle | subclass, callback | change the line |
#
# ## Has it understood, or does it remember?
#
# We asked the student about the very points that it had practised on, and that proves little: it might have learned
# them by heart. So let us ask about 2,000 fresh points from the same two spirals.

# %%
fresh_points, fresh_labels = draw_spirals(2000, seed=1)
fresh = share_right(model, fresh_points, fresh_labels)
print(f"practice: {trained:.1%}   fresh points: {fresh:.1%}")
compare_with_book("00.fresh", fresh, error=standard_error(fresh, 2000))

# %% tags=["claim"]
assert fresh > 0.97, "Nearly every fresh point is right as well."
assert (
    fresh_points[model(fresh_points).argmax(dim=1) != fresh_labels].norm(dim=1).max()
    < 0.2
), "Every wrong answer lies in the middle, where the spirals touch."

# %% [markdown]
# It has found a rule that holds for new points, and not only learned the old ones. Doing well on what was never
# practised is called **generalising**, and it is all that counts. (In the notebook, a bar below the number compares
# yours with the book's. What stands after ± is how far chance alone may well carry it; lesson 07 computes it.)
#
# Was there a danger at all? We take the same points, but shuffle the labels like a pack of cards.
# Now there is no rule to be found, for anybody. One student learns the spirals, another one the shuffled labels, with
# 1,000 corrections each. Then each of them sits an exam of 2,000 fresh points; the second one's exam is shuffled, too.
# The same loop, as a function:


# %%
def practise(labels, *, width=64, learning_rate=0.01, num_steps=NUM_STEPS):
    """Return a student who has practised on `points`, and its losses."""
    student = new_student(width)
    optimizer = torch.optim.Adam(student.parameters(), lr=learning_rate)
    losses = []
    for _ in range(num_steps):
        optimizer.zero_grad()
        loss = criterion(student(points), labels)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return student, losses


COURSES = [
    "half right, in practice and in the exam",
    "much more than half in practice, half in the exam",
    "much more than half in both",
]
widgets.predict_first("00.4", "How does the student of shuffled labels do?", COURSES)

# %% [markdown]
# Choose, then let them practise. It takes a few seconds. (In the figure, the dotted line is the mark of somebody who
# says the same spiral to everything.)

# %%
set_seed(2)
shuffled = labels[torch.randperm(len(labels))]
fresh_shuffled = fresh_labels[torch.randperm(len(fresh_labels))]
real_student, _ = practise(labels, num_steps=1000)
fooled_student, _ = practise(shuffled, num_steps=1000)

marks = {
    "spirals\npractice": share_right(real_student, points, labels),
    "spirals\nexam": share_right(real_student, fresh_points, fresh_labels),
    "shuffled\npractice": share_right(fooled_student, points, shuffled),
    "shuffled\nexam": share_right(fooled_student, fresh_points, fresh_shuffled),
}
plotting.show(
    plotting.plot_marks(
        marks,
        majority=0.5,
        color=plotting.COLORS[2],
        title="The same loop, two subjects",
    )
)
in_practice, in_exam = list(marks.values())[2:]
what_happened("00.4", COURSES[0 if in_practice < 0.6 else 1 if in_exam < 0.6 else 2])

# %% tags=["claim"]
assert 0.65 < in_practice < 0.8, "About seven in ten are right, without any rule."
assert abs(in_exam - 0.5) < 0.05, "The exam shows that nothing was learned: a half."
assert min(list(marks.values())[:2]) > 0.97, "The spirals are right in both."

# %% [markdown]
# About seven in ten right in practice, where there was nothing to understand! It has bent its boundary around single
# points until many of them fell on the right side. In the exam that is worth nothing. Look into both minds, each with
# the points that it practised on:

# %%
plotting.show(
    plotting.draw_opinions(
        {"the spirals": real_student, "shuffled labels": fooled_student},
        points,
        [labels, shuffled],
    )
)
compare_with_book("00.shuffled", in_practice, error=standard_error(in_practice, 400))

# %% [markdown]
# Seven in ten look like half an understanding. Only the exam shows that there is none. **That is why there are
# exams**: a mock exam after every term, and a final exam at the end.
#
# <details><summary><b>Questions and answers</b></summary>
#
# **Do I need a graphics card?** No. Every lesson runs on two ordinary processor cores in a few minutes at most.
#
# **Do I need the internet?** Not after the installation. The pictures are drawn on your machine, and the trained
# network came with the package. Real photographs and a stronger network take one word in a lesson's settings, and a
# download.
#
# **Why is it called a tensor?** The word comes from mathematics and physics, where it means more. Here it is a block of
# numbers with a shape.
#
# **What is a seed?** Random numbers in a computer follow from a starting number, the seed. The same seed gives the same
# numbers, so that you see what this page shows. `set_seed` is `torch.manual_seed`, for all sources of random numbers at
# once. On another kind of machine small differences remain.
#
# **The loop runs, but my loss is the same after every step, to the last digit. Who is at fault?** The coach: it was
# handed the parameters of another student, and corrects that one. `optimizer = ...(model.parameters())` has to come
# after `model = ...`. Lesson 05 shows how to notice.
#
# **Why is it not 100 % on the fresh points?** In the middle the two spirals touch, and there a point may belong to
# either. Every wrong answer lies there, within 0.2 of the centre.
#
# </details>
#
# ## Recap
#
# - **Watching**: clear the notes, answer, mark, trace back, correct: five lines, repeated, and two spirals come apart.
# - **Naming**: student `model`, teacher `criterion`, coach `optimizer`, assistant `scheduler`, report card `History`.
# - **Reading tensors**: shape first, then dtype and device; `dim` disappears; broadcasting repeats what has size 1.
# - **Following**: `backward()` leaves a gradient at every weight, `step()` moves the weights against it.
# - **Telling apart**: practice rises without understanding, too; only fresh examples show whether a student
#   generalises.
#
# ## Exercises
#
# Their cells run as they are and tell you what is asked. A wrong answer gets a hint about what went wrong, and a
# solution is folded away below.
#
# ### Exercise 1 · Count the right answers
#
# Write a function that takes `scores` of shape `(N, C)`, for N pictures and C classes, and `labels` of shape `(N,)`,
# and returns how many answers are right, as a Python number.


# %% tags=["exercise"]
def count_right(scores, labels):
    return ...  # replace the dots


exercises.check("00.1", count_right)


# %% tags=["wrong"] hint="without `dim`"
def count_right(scores, labels):
    return (scores.argmax() == labels).sum().item()


exercises.check("00.1", count_right)


# %% tags=["wrong"] hint="a share"
def count_right(scores, labels):
    return (scores.argmax(dim=1) == labels).float().mean().item()


exercises.check("00.1", count_right)


# %% tags=["solution"]
def count_right(scores, labels):
    return (scores.argmax(dim=1) == labels).sum().item()


exercises.check("00.1", count_right)

# %% [markdown]
# ### Exercise 2 · A small student
#
# How small can a student be? Width, learning rate and the number of corrections are **hyperparameters**: numbers that
# you choose, and that practice does not change. Choose them so that a student with at most 16 numbers in each layer
# gets 95 % of the fresh points right. (`plotting.plot_opinion(small[0], points, labels)` shows its mind.)

# %% tags=["exercise"]
# Replace the dots: practise(labels, width=..., learning_rate=..., num_steps=...)
small = ...
exercises.check("00.2", small, points=fresh_points, labels=fresh_labels)

# %% tags=["wrong"] hint="64 numbers"
small = practise(labels)
exercises.check("00.2", small, points=fresh_points, labels=fresh_labels)

# %% tags=["wrong"] hint="bolder coach"
small = practise(labels, width=4)
exercises.check("00.2", small, points=fresh_points, labels=fresh_labels)

# %% tags=["solution"]
small = practise(labels, width=16, learning_rate=0.03, num_steps=600)
exercises.check("00.2", small, points=fresh_points, labels=fresh_labels)

# %% [markdown]
# ### Exercise 3 · A coach too bold
#
# Find a learning rate that breaks the student: its loss is to leap up, to more than twice what it was at first, and
# after 200 corrections it is still above 0.3. (`plotting.plot_corrections({"mine": broken[1]})` shows the loss.)

# %% tags=["exercise"]
broken = ...  # replace the dots: practise(labels, learning_rate=...)
exercises.check("00.3", broken)

# %% tags=["wrong"] hint="too timid"
broken = practise(labels, learning_rate=0.0001)
exercises.check("00.3", broken)

# %% tags=["wrong"] hint="never leapt"
broken = practise(labels, learning_rate=0.01)
exercises.check("00.3", broken)

# %% tags=["solution"]
broken = practise(labels, learning_rate=3)
exercises.check("00.3", broken)

# %% [markdown]
# ## Next
#
# Our first student began from nothing. **Lesson 01** meets one who has been to school for a long time, and asks it
# what it sees in a photograph.
