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
# # 03 · Transforms and DataLoaders
#
# **How does a picture become a tensor, and tensors a batch?**
#
# The practice pictures lie in their folders, and a `Dataset` opens them one by one. The student wants something else: a
# block of numbers of a fixed shape, many pictures at a time. On the way much can go wrong, and most of it raises no
# error. So we build the way first, and then you play detective: eight pipelines, each broken in one place, and nothing
# to go by but pictures, names and numbers.
#
# ## What you will learn
#
# - **build** the chain of transforms that a student's weights ask for, and undo its last step
# - **say** why a mean is subtracted, and which mean
# - **find** a broken pipeline by its pictures and its numbers, and measure what it costs
# - **augment** the practice pictures, and say why the mock exam stays as it is
# - **pack** samples into batches, count batches, iterations and epochs, and measure how fast they come
#
# ## Before you start
#
# You need the four steps of lesson 01 (resize, crop, scale, normalise), the `Dataset` of lesson 02 with its three
# splits, and the ten-line loop of lesson 00.

# %% tags=["settings"]
import os

# "photos": 3,781 real photographs, a download of 107 MB
DATASET = os.environ.get("COURSE_DATASET") or "drawn"
# "imagenet": torchvision's network, a download of 14 MB
WEIGHTS = os.environ.get("COURSE_WEIGHTS") or "course"
BATCH_SIZE = 32

# %%
import math
import random
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader
from torchvision.transforms import v2

from course_utils import build_classifier, extract_features, plotting, widgets
from course_utils.classroom import exercises
from course_utils.classroom.book import compare_with_book
from course_utils.classroom.predictions import what_happened
from course_utils.datasets import ImageFolderDataset, make_dataloaders
from course_utils.pictures.catalog import clothing
from course_utils.report.metrics import majority_baseline, standard_error
from course_utils.runtime import set_seed
from course_utils.transforms import (
    build_eval_transform,
    build_train_transform,
    denormalize,
    load_image,
)

used = {"pictures": DATASET, "weights": WEIGHTS}

# %% [markdown]
# ## Pictures that are not square
#
# Cameras take wide pictures and tall ones. The course's drawings are square, so we stretch two edges of each, until they
# are as 3 to 2: left and right, or above and below, in turn. That is today's mock exam. (Real photographs stay as they
# are.)


# %%
def as_a_camera_would(picture, number):
    """Return a square picture widened (even numbers) or heightened (odd), 3 to 2."""
    if picture.width != picture.height:
        return picture
    extra = picture.width // 4
    # at left and right, or above and below
    padding = [extra, 0] if number % 2 == 0 else [0, extra]
    return v2.functional.pad(picture, padding, padding_mode="edge")


root = clothing(DATASET)
practice = ImageFolderDataset(root / "train")
classes = practice.classes
mock_exam = ImageFolderDataset(root / "validation", classes=classes)
photographs = [
    as_a_camera_would(picture, number) for number, (picture, _) in enumerate(mock_exam)
]
truth = torch.tensor(mock_exam.targets)  # (N,)


def places_of(kind):
    """Return the places in the exam of all the pictures of this kind."""
    return [place for place, target in enumerate(truth) if classes[target] == kind]


some = range(0, len(truth), len(truth) // 6 + 1)[:6]
shown = [photographs[place] for place in some]
plotting.draw_images(
    shown,
    titles=[f"{picture.width} × {picture.height}" for picture in shown],
    title="Six pictures, width × height",
    num_columns=6,
    width=4.5,
)

# %% [markdown]
# ## A student who knows the subject
#
# To see what a mistake costs, we need somebody whose mark can fall: a student who knows the ten kinds of clothing. Its
# eye comes from school and looks once at each practice picture; then its last layer learns in the ten-line loop of
# lesson 00. (Lessons 04 to 06 explain every line of this cell. The `spec` is the note on what its eye expects to see.)

# %%
set_seed(0)
student = build_classifier(len(classes), weights=WEIGHTS, classes=classes)
spec = student.spec
look = build_eval_transform(spec)
loaders = make_dataloaders(root, train_transform=look, eval_transform=look)
notes = extract_features(student.backbone, loaders.train_eval, device="cpu", keep=True)
optimizer = torch.optim.Adam(student.head.parameters(), lr=0.001)
for _ in range(20):
    for inputs, labels in DataLoader(notes, batch_size=32, shuffle=True):
        optimizer.zero_grad()
        F.cross_entropy(student.head(inputs), labels).backward()
        optimizer.step()
student.eval()
print(spec)

# %% [markdown]
# Now it sits the exam. `sit` sends all the pictures through a **pipeline**, a function that makes a tensor of a
# picture, 32 at a time, and returns the answers.


# %%
def sit(pipeline):
    """Return the student's answer to each question of the exam: (N,)."""
    answers = []
    for start in range(0, len(photographs), 32):
        batch = [pipeline(picture) for picture in photographs[start : start + 32]]
        with torch.no_grad():
            answers.append(student(torch.stack(batch)).argmax(dim=1))
    return torch.cat(answers)


right = sit(look) == truth
mark = right.float().mean().item()
majority = majority_baseline(torch.tensor(practice.targets), truth)
print(f"{right.sum()} of {len(truth)} right: {mark:.1%}")
print(f"always the most frequent answer: {majority:.1%}")
compare_with_book("03.mark", mark, error=standard_error(mark, len(truth)), **used)

# %% tags=["claim"]
assert mark > majority + 0.3, "Two in three, far above the majority baseline."
assert 0.6 < mark < 0.75, "Two in three."

# %% [markdown]
# Two answers in three are right. Every pipeline below asks the same questions of the same student: what falls, falls by
# the preparation alone.
#
# ## From picture to numbers
#
# `look` is a chain of steps. A **transform** is an object that you first make and then call: `v2.ToImage()` makes one,
# `v2.ToImage()(picture)` uses it. The picture stays as it is, and a new one comes back. We follow a single pixel. A
# Pillow picture, seen as an array, has the shape `(H, W, C)`: the three colours of a pixel stand together. PyTorch
# wants `(C, H, W)`: a sheet for each colour.

# %%
picture = photographs[0]
row, column = picture.height // 2, picture.width // 2
as_array = np.asarray(picture)
print("as array ", as_array.shape, as_array[row, column], as_array.dtype)
as_image = v2.ToImage()(picture)
pixel = as_image[:, row, column].numpy()  # of each sheet, the place in the middle
print("ToImage  ", tuple(as_image.shape), pixel, as_image.dtype)
for scale in (False, True):
    floats = v2.ToDtype(torch.float32, scale=scale)(as_image)
    pixel = floats[:, row, column].numpy().round(3)
    print(f"ToDtype   {tuple(floats.shape)} {pixel} {floats.dtype}, {scale=}")
normalized = v2.Normalize(spec.mean, spec.std)(floats)
pixel = normalized[:, row, column].numpy().round(3)
print("Normalize", tuple(normalized.shape), pixel)
SIZES = ["128 × 128", "128 × 85", "192 × 128"]
widgets.predict_first("03.1", "240 × 160 pixels: what does Resize(128) give?", SIZES)

# %% [markdown]
# `ToImage` moves numbers and changes none. `ToDtype` changes the type, and only with `scale=True` does it also divide
# by 255. `Normalize` subtracts a mean and divides by a standard deviation, for each colour. What if one of these is
# left out? You will see.
#
# ## Squash or crop?
#
# `Resize` takes one number or two, and that is not the same thing. Choose above, then look at two pairs of trousers.

# %%
size = spec.image_size
trousers = [photographs[place] for place in places_of("pants")[8:10]]
tall, wide = sorted(trousers, key=lambda picture: picture.width)
crop = v2.Compose([v2.Resize(size), v2.CenterCrop(size)])
squash = v2.Resize((size, size))
for name, picture in {"tall": tall, "wide": wide}.items():
    print(f"{name}, width and height: {picture.size}", end="")
    print(f"   Resize({size}): {v2.Resize(size)(picture).size}", end="")
    print(f"   Resize(({size}, {size})): {squash(picture).size}")
plotting.show(
    plotting.draw_images(
        [tall, crop(tall), squash(tall), wide, crop(wide), squash(wide)],
        titles=["tall", "cropped", "squashed", "wide", "cropped", "squashed"],
        num_columns=6,
        width=4.6,
        alt="Trousers in a tall and in a wide picture. Cropped, they keep their shape; "
        "squashed, they are short and thick in one and long and thin in the other.",
    )
)
result = v2.Resize(128)(wide).size
happened = f"{result[0]} × {result[1]}"
what_happened("03.1", happened if happened in SIZES else SIZES[2])

# %% tags=["claim"]
assert photographs[0].size == (240, 160), "One is 240 wide and 160 high."
assert happened == SIZES[2], "One number sets the shorter side."
assert v2.Resize((size, size))(tall).size == (size, size), "Two set both sides."

# %% [markdown]
# With one number, `Resize` sets the **shorter** side and keeps the proportions. With two it sets height and width, and
# whatever is in the picture is squashed to fit. So there are two ways to a square: keep the proportions and **crop**
# the middle, or **squash** everything into it.
#
# Cropping loses the edges, and with them perhaps a sleeve. Squashing keeps everything, but a wide leg is no longer told
# from a narrow one. More important than the choice is to make it **once**: whoever practised on cropped trousers and is
# examined on squashed ones has practised for another exam. That is why the `spec` travels with the weights.
#
# Which square? The famous one is 224; MobileNetV2 halves height and width five times: 224 → 112 → 56 → 28 → 14 → 7.
# (What lies on those 7 × 7 places, lesson 04 shows.) Other sizes work too, and the work grows with
# the *area*: twice the side is four times the work. Enlarging adds nothing: a picture of 160 pixels knows no more at
# 224. The safe choice is the `image_size` of the weights, because there a collar has about the size at which the
# student learned it. No law says that it is the best.
#
# ## Why subtract a mean?
#
# The famous numbers for `Normalize`, `(0.485, 0.456, 0.406)` and `(0.229, 0.224, 0.225)`, were computed from ImageNet's
# photographs. There is no magic in it. We compute ours from the practice pictures, and *only* those: nothing of an exam
# may leak into what we prepare.

# %%
cut = [squash if spec.resize_size is None else v2.Resize(spec.resize_size)]
cut += [v2.CenterCrop(size)]
to_numbers = [v2.ToImage(), v2.ToDtype(torch.float32, scale=True), v2.ToPureTensor()]
chain = v2.Compose([*cut, *to_numbers])
means, stds, tiny = [], [], []
for picture, _ in practice:
    numbers = chain(picture)  # (3, H, W), from 0 to 1
    means.append(numbers.mean(dim=(1, 2)))
    stds.append(numbers.std(dim=(1, 2)))
    tiny.append(F.adaptive_avg_pool2d(numbers, 12))  # shrunk, for later
means, stds, tiny = torch.stack(means), torch.stack(stds), torch.stack(tiny)
mean, std = means.mean(dim=0), stds.mean(dim=0)  # (3,): one for each colour
for name, values in {"our mean": mean, "our deviation": std}.items():
    print(f"{name:14}", [round(value, 3) for value in values.tolist()])
shown = torch.stack([chain(photograph)[:, ::4, ::4] for photograph in photographs[::3]])
plotting.show(
    plotting.draw_pixel_values(
        {"Before": shown, "After Normalize": v2.Normalize(spec.mean, spec.std)(shown)}
    )
)
HELPS = ["dividing by the deviation", "subtracting the mean", "both about equally"]
widgets.predict_first("03.2", "Which of the two helps a student to learn?", HELPS)

# %% tags=["claim"]
assert (std < torch.tensor(spec.std)).all(), "A drawing holds less contrast."

# %% [markdown]
# (The deviation is the average of the single pictures' own, as ImageNet's is, as far as can be reconstructed. A drawing
# holds less contrast than a photograph.)
#
# The curves are moved and widened, no more. Why is that worth a step? Ask somebody who learns **from nothing**: a
# single layer of weights, on practice pictures shrunk to 12 × 12, a hundred corrections with all pictures at once, at
# eight learning rates. It is given the numbers as they are, divided by the deviation, with the mean subtracted, and
# both. Choose above, then let it practise.


# %%
def loss_after_100(images, learning_rate):
    """Return the loss of a new layer of weights after a hundred corrections."""
    inputs, labels = images.flatten(1), torch.tensor(practice.targets)  # (N, 432), (N,)
    layer = nn.Linear(inputs.shape[1], len(classes))
    nn.init.zeros_(layer.weight)
    optimizer = torch.optim.SGD(layer.parameters(), lr=learning_rate)
    for _ in range(100):
        optimizer.zero_grad()
        loss = F.cross_entropy(layer(inputs), labels)
        loss.backward()
        optimizer.step()
    return loss.item()


sheet_mean, sheet_std = mean.view(3, 1, 1), std.view(3, 1, 1)  # to broadcast
given = {"0 to 1": tiny, "divided": tiny / sheet_std}
given["mean subtracted"] = tiny - sheet_mean
given["both"] = (tiny - sheet_mean) / sheet_std
rates = [0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3]
losses = {
    name: [loss_after_100(images, rate) for rate in rates]
    for name, images in given.items()
}
plotting.show(
    plotting.plot_lines(
        losses,
        x=rates,
        level=("guessing: ln 10", math.log(10)),
        title="What a hundred corrections reach",
        xlabel="learning rate",
        ylabel="practice loss",
        xscale="log",
        ylim=(1.4, 3.2),
    )
)
best = {name: min(values) for name, values in losses.items()}
best_rate = {name: rates[losses[name].index(best[name])] for name in losses}
for name in losses:
    print(f"{name:16} best loss {best[name]:.2f}, at rate {best_rate[name]}")
by_mean = best["0 to 1"] - best["mean subtracted"]
by_std = best["0 to 1"] - best["divided"]
alike = abs(by_mean - by_std) < 0.1
what_happened("03.2", HELPS[2 if alike else int(by_mean > by_std)])

# %% tags=["claim"]
assert by_mean > 0.2, "Subtracting the mean makes the difference."
assert by_std < 0.1, "Dividing alone only moves the curve."
assert abs(best["both"] - best["mean subtracted"]) < 0.12, (
    "Both: no more than the mean."
)
assert best_rate["mean subtracted"] > 9 * best_rate["0 to 1"] > best_rate["divided"], (
    "Ten times the rate and more; dividing alone moves the best rate down."
)

# %% [markdown]
# The mean does it. Dividing alone only moves the curve to the left, with the rate at which the loss flies off the top:
# larger numbers ask for a smaller rate. (It brings pictures of all kinds to one scale, so that the usual rates fit, and
# the weights of a trained student expect it.)
#
# Why? Numbers from 0 to 1 are all positive. So each picture pulls *all* 432 weights of a class (three colours of 12 ×
# 12) the same way. Together they judge how bright a picture is, and this common part drowns what tells one picture from
# another. A rate small enough that it does not fly off is too small for the rest. With the mean subtracted, the common
# part is gone, and the best rate is ten times as high and more. (Lesson 05 looks at such landscapes, steep one way and
# flat the other.)
#
# Which mean should you use, yours or the student's? **The student's**, whenever it comes with weights: they were
# learned in that light. Your own is for a student who starts from nothing.
#
# ## There and back
#
# A normalised tensor cannot be drawn: many of its numbers are below zero, and a screen has no colour for that. To see
# what the student sees we undo the step: multiply by the deviation, add the mean. (`view(3, 1, 1)` makes three numbers
# broadcast over height and width, lesson 00. `clamp(0, 1)` makes 0 of what lies below and 1 of what lies above.) And
# here is the whole chain. `Compose` is a list of transforms that is itself a transform: it hands the picture down the
# list.


# %% tags=["write-it:course_utils.transforms.denormalize", "write-it:course_utils.transforms.build_eval_transform"]
def my_denormalize(images, spec):
    """Undo Normalize: (3, H, W) or (N, 3, H, W), out come numbers from 0 to 1."""
    mean = torch.tensor(spec.mean).view(3, 1, 1)
    std = torch.tensor(spec.std).view(3, 1, 1)
    return (images * std + mean).clamp(0, 1)


def my_build_eval_transform(spec):
    """Return the transform that makes any RGB picture what the student expects."""
    return v2.Compose(
        [
            v2.Resize(spec.resize_size),  # the shorter side
            v2.CenterCrop(spec.image_size),  # the middle square
            v2.ToImage(),  # (H, W, C) becomes (C, H, W)
            v2.ToDtype(torch.float32, scale=True),  # 0 to 255 becomes 0 to 1
            v2.Normalize(spec.mean, spec.std),  # around 0
        ]
    )


# %% [markdown]
# The package's functions do the same; its chain also knows how to squash (a `spec` without `resize_size`) and ends in
# `ToPureTensor`, which changes no number. Both against both, and what you see if you forget to undo:

# %%
for picture in (tall, wide):
    mine, theirs = my_build_eval_transform(spec)(picture), look(picture)
    assert torch.equal(mine, theirs), "Both chains should give the same tensor."
    back = denormalize(theirs, spec)
    assert torch.allclose(my_denormalize(theirs, spec), back), "Both should agree."
    print(f"{picture.size!s:>12} -> {tuple(theirs.shape)}, equal")
plotting.draw_images(
    [theirs.clamp(0, 1), back, crop(wide)],
    titles=["not undone", "denormalised", "cropped only"],
    width=3.2,
    alt="The same trousers three times: drawn straight from the normalised tensor, in "
    "harsh wrong colours; denormalised, as they should be; and the cropped picture.",
)

# %% [markdown]
# ## Find the bug
#
# Now for the game. Here are eight ways to get it wrong, all of them met in real projects. Read the code; the right
# chain is `[*cut, *to_numbers, normalize]`, and one thing is wrong in each. (`lambda` makes a function without a name.)


# %%
def axes_mixed_up(picture):
    """Take the array (H, W, C) for (C, H, W), without moving a number."""
    return torch.from_numpy(np.array(picture)).reshape(3, size, size) / 255


normalize = v2.Normalize(spec.mean, spec.std)
unscaled = [v2.ToImage(), v2.ToDtype(torch.float32), v2.ToPureTensor()]
quarter_turn = v2.Lambda(lambda picture: picture.rotate(90, expand=True))
blue_first = v2.Lambda(lambda image: image.flip(0))  # what was red is blue
SUSPECTS = {
    "squashed": [squash, *to_numbers, normalize],
    "not divided by 255": [*cut, *unscaled, normalize],
    "not normalised": [*cut, *to_numbers],
    "normalised twice": [*cut, *to_numbers, normalize, normalize],
    "blue before red": [*cut, *to_numbers, blue_first, normalize],
    "axes mixed up": [*cut, axes_mixed_up, normalize],
    "on its side": [quarter_turn, *cut, *to_numbers, normalize],
    "other numbers": [*cut, *to_numbers, normalize],
}
ERRORS = ["none", "one or two", "three or more"]
widgets.predict_first("03.3", "How many of the eight raise an error?", ERRORS)

# %% [markdown]
# The last one looks right. Its mistake lies elsewhere: the exam's folders were numbered in the order in which the disk
# happened to list them, so the labels have other numbers. Choose; then all eight sit the exam (the longest cell of the
# lesson), and we keep their answers for later.

# %%
disk_order = random.Random(0).sample(classes, len(classes))
truths = dict.fromkeys(SUSPECTS, truth)
truths["other numbers"] = torch.tensor([disk_order.index(classes[t]) for t in truth])

exam, num_errors = {}, 0
for name, steps in SUSPECTS.items():
    try:
        exam[name] = sit(v2.Compose(steps)) == truths[name]
    except Exception as error:
        num_errors += 1
        print(name, error)
print(num_errors, "errors")
what_happened("03.3", ERRORS[0 if num_errors == 0 else 1 if num_errors < 3 else 2])

# %% tags=["claim"]
assert num_errors == 0, "None raises an error."

# %% [markdown]
# None. The shapes fit, so the student answers, and nothing warns you.
#
# Here they are, shuffled, under letters, the right one first: three garments turned back with `denormalize`, the names
# that they are given, the shape of one, the lowest and highest number and the mean. **Find out who is who.**

# %%
hidden = random.Random(3).sample(list(SUSPECTS), 8)  # do not print it!
kinds = ["dress", "pants", "shoes"]
shown = [places_of(kind)[0] for kind in kinds]
batches = {"As it should be": torch.stack([look(photographs[at]) for at in shown])}
names = {"As it should be": kinds}
for letter, name in zip("ABCDEFGH", hidden, strict=True):
    pipeline = v2.Compose(SUSPECTS[name])
    batches[letter] = torch.stack([pipeline(photographs[at]) for at in shown])
    names[letter] = [classes[truths[name][at]] for at in shown]
plotting.show(
    plotting.draw_pipelines(batches, names, spec=spec, title="Eight broken pipelines")
)
LEAST = list(SUSPECTS)
widgets.predict_first("03.4", "Which of the eight costs the fewest points?", LEAST)

# %% [markdown]
# Write your answers into the cell: exercise 1, for once in the middle of a lesson. The hint says where to look again.

# %% tags=["exercise"]
answer = {"A": ..., "B": ..., "C": ..., "D": ...}  # such as "squashed"
answer |= {"E": ..., "F": ..., "G": ..., "H": ...}
exercises.check("03.1", answer, truth=dict(zip("ABCDEFGH", hidden, strict=True)))

# %% tags=["wrong"] hint="0 of 8 are right"
answer = dict(zip("ABCDEFGH", hidden[1:] + hidden[:1], strict=True))
exercises.check("03.1", answer, truth=dict(zip("ABCDEFGH", hidden, strict=True)))

# %% tags=["wrong"] hint="Choose from"
answer = dict.fromkeys("ABCDEFGH", "wrong colours")
exercises.check("03.1", answer, truth=dict(zip("ABCDEFGH", hidden, strict=True)))

# %% tags=["solution"]
answer = {
    "A": "normalised twice",
    "B": "blue before red",
    "C": "on its side",
    "D": "not divided by 255",
    "E": "not normalised",
    "F": "other numbers",
    "G": "axes mixed up",
    "H": "squashed",
}
exercises.check("03.1", answer, truth=dict(zip("ABCDEFGH", hidden, strict=True)))

# %% [markdown]
# ### What each of them costs
#
# You have found them by eye. Would their marks have given them away? The exam is the same for all, so what counts
# are the answers that *changed*: those lost and those won (`&` is *and*, `~` is *not*, answer by answer). The cost is
# lost − won. Its standard error is the root of lost + won: of 60 lost and 15 won, 45 ± 9.

# %%
marks, costs = {"right": mark}, {}
print(f"{'':20} lost   won   points")
for name, now_right in exam.items():
    lost, won = (right & ~now_right).sum().item(), (now_right & ~right).sum().item()
    share = 100 / len(truth)  # one answer in points
    costs[name] = share * (lost - won), share * math.sqrt(lost + won)
    marks[name] = now_right.float().mean().item()
    print(
        f"{name:20} {lost:4}  {won:4}   {-costs[name][0]:+5.1f} ± {costs[name][1]:.1f}"
    )
_, ax = plotting.new_figure(height=3.4)
plotting.show(
    plotting.plot_marks(
        {name.replace(" ", "\n"): mark for name, mark in marks.items()},
        ax,
        majority=majority,
        num_samples=len(truth),
        title="The same student, the same questions",
    )
)
what_happened("03.4", min(LEAST, key=lambda name: costs[name][0]))

# %% tags=["claim"]
assert costs["squashed"][0] > 3 * costs["squashed"][1], "Far beyond chance."
assert 8 < costs["squashed"][0] < 22, "About fifteen points."
assert 6 < costs["normalised twice"][0] < 16, "About eleven points."
assert 0.35 < marks["not normalised"] / mark < 0.65, "Half of the mark."
assert abs(costs["blue before red"][0]) < 8, "Blue before red costs hardly anything."
assert all(
    costs[name][0] > 25
    for name in ("not divided by 255", "not normalised", "axes mixed up", "on its side")
), "They cost about half of the mark, or more."
assert costs["other numbers"][0] > 35, "Wrong names cost nearly all."
assert costs["not normalised"][0] > 1.8 * costs["normalised twice"][0] > 8, (
    "Pale costs more."
)
assert marks["not divided by 255"] < majority + 0.05, (
    "No better than one answer for all."
)

# %% [markdown]
# Three things to take along.
#
# - **Looks do not tell the cost.** *Normalised twice* looks terrible and costs eleven points. The pale pictures of *not
#   normalised* cost half of the mark. *Squashed*, which you may have found last, costs fifteen points, far beyond
#   chance.
# - **What costs too little to see stays hidden.** *Blue before red* shows neither in the mark nor in the numbers, only
#   in a picture, where wood is blue. A student for whom colour matters would pay for it.
# - **Right pixels are not enough.** In those of *other numbers* nothing is wrong; the names tell. So look at pictures
#   *with* their names.
#
# | suspect | how it shows | where it comes from, and the cure |
# |---|---|---|
# | squashed | garments thin or fat, every edge still there | `Resize` with two numbers; one, then `CenterCrop` |
# | not divided by 255 | numbers in the hundreds, all white | `ToDtype(..., scale=True)` |
# | not normalised | pale; numbers from 0 to 1 | `Normalize` with the student's own numbers |
# | normalised twice | harsh; numbers up to 10 | once in the data set and again in the model: drop one |
# | blue before red | blue wood | OpenCV's order is BGR: `image.flip(0)`, or read with Pillow |
# | axes mixed up | coloured weave | `permute(2, 0, 1)` moves axes; `reshape` only recounts |
# | on its side | on its side | the camera's note which way is up was ignored; `load_image` heeds it |
# | other numbers | the names | one list of classes for all splits: `classes=practice.classes` |
#
# ## A picture, seen anew each time
#
# A student with a thousand pictures meets each of them again in every term. It may then learn them by heart: *this*
# crease is a skirt. **Augmentation** works against that: it changes the picture a little at each look, at random, but
# not what it shows: another part of it, mirrored, in another light.

# %%
train_transform = build_train_transform(spec, augment="strong")
shirt = practice[practice.targets.index(practice.class_to_idx["shirt"])][0]
set_seed(0)
looks = [train_transform(shirt) for _ in range(6)]
plotting.show(
    plotting.draw_images(
        looks,
        spec=spec,
        title="Six looks at one shirt",
        num_columns=6,
        width=5,
        alt="One shirt six times: other parts of it, some mirrored, in other light.",
    )
)
widgets.augmentation_explorer(shirt, spec)

# %% [markdown]
# (The sliders, where they appear: how strongly, and from which seed.) It remains a shirt throughout. You would say so
# at once, and the student has to learn to. The rule: **change what must not matter, leave what does.** What that is,
# only somebody who knows the subject can say:
#
# | subject | harmless | harmful |
# |---|---|---|
# | clothes | mirror, crop, brightness | much hue, if "the red one" is a class |
# | handwritten digits | a small shift | upside down: a 6 becomes a 9 |
# | chest X-rays | a little brightness | mirror: the heart changes sides |
# | views from a satellite | mirror, any turn | a crop that loses what the label names |
#
# A term has as many samples as before, only the look at each is new. And it is no gift: practice gets harder, and a
# student who does not learn by heart has little to gain. Whether it helps, the mock exam says (lesson 08).
#
# ### Why the mock exam is not augmented
#
# If variety is good in practice, why not in the exam? Let the *same* student sit the *same* questions twice, augmented.

# %%
set_seed(0)
first, second = (sit(train_transform) for _ in range(2))
changed = (first != second).sum().item()
both = [(answers == truth).float().mean().item() for answers in (first, second)]
print(f"the exam as it is: {mark:.1%}; augmented: {both[0]:.1%}, then {both[1]:.1%}")
print(f"{changed} of {len(truth)} answers changed from the first sitting to the second")
error = standard_error(both[0], len(truth))
compare_with_book("03.augmented", both[0], error=error, **used)

# %% tags=["claim"]
assert changed > 0.2 * len(truth), (
    "A quarter of the answers and more changed by chance."
)
assert max(both) < mark - 0.08, "Augmented, the exam is harder."
assert torch.equal(look(wide), look(wide)), "As it is, every time the same."

# %% [markdown]
# Every answer that changed, changed by chance, and the mark is lower besides. An exam is a measuring instrument: if its
# questions change from one sitting to the next, a better mark may come from an easier draw. So: random transforms for
# practice, the fixed one for every exam and every use.
#
# ## From samples to a batch
#
# The student takes a batch, `(N, C, H, W)`. Making one is stacking: `torch.stack` lays tensors of the same shape on top
# of each other, along a new first dimension. The labels become a tensor of whole numbers, `(N,)`. *Of the same shape*:
# this is the deeper reason for the square. The cell also tries it with pictures as they come.

# %%
practice.transform = look  # from here on, practice[5] is a tensor and a label
samples = [practice[index] for index in (0, 200, 400, 600)]
images, labels = zip(*samples, strict=True)
images, labels = torch.stack(images), torch.tensor(labels)
print("images", tuple(images.shape), "  labels", tuple(labels.shape), labels.tolist())
assert images.shape == (4, 3, size, size), "Four pictures should give (4, 3, H, W)."
try:
    torch.stack([v2.ToImage()(tall), v2.ToImage()(wide)])
except RuntimeError as error:
    print("RuntimeError:", error)

# %% [markdown]
# (`zip(*samples)` turns a list of pairs into pictures and labels.) A whole term takes a few lines more: go through the
# samples in some order, `batch_size` at a time. `yield` hands out a batch and waits for the next request, so it
# prepares one batch at a time. PyTorch's `DataLoader` does the same.


# %%
def my_batches(dataset, batch_size, order):
    """Yield (images, labels), (N, 3, H, W) and (N,), for all indices in `order`."""
    for start in range(0, len(order), batch_size):
        samples = [dataset[index] for index in order[start : start + batch_size]]
        images, labels = zip(*samples, strict=True)
        yield torch.stack(images), torch.tensor(labels)


hundred = practice.select(range(0, len(practice), len(practice) // 100)[:100])
mine = list(my_batches(hundred, BATCH_SIZE, range(len(hundred))))
theirs = list(DataLoader(hundred, batch_size=BATCH_SIZE))
for (images, labels), (their_images, their_labels) in zip(mine, theirs, strict=True):
    assert torch.equal(images, their_images), "The pictures should be the same."
    assert torch.equal(labels, their_labels), "The labels should be the same."
print("100 samples in batches of", [len(labels) for _, labels in theirs])

# %% tags=["claim"]
assert [len(labels) for _, labels in theirs] == [32, 32, 32, 4], (
    "The last one is short."
)

# %% [markdown]
# The last batch is short, and counts all the same.
#
# ### Batch, iteration, epoch
#
# A **batch** is what is handed to the student at a time. Using one batch, which means one correction, is an
# **iteration**. Once through all samples is an **epoch**, a school term. Here are fourteen samples in batches of four,
# shuffled anew each term; the colours are their classes:

# %%
set_seed(0)
orders = [torch.randperm(14) for _ in range(2)]
plotting.animate_terms(orders, torch.arange(14) % 4, batch_size=4)

# %% [markdown]
# So a term has *samples / batch size* iterations, rounded up: here 14 / 4, that is 4, and 8 in two terms. The 3,068
# practice photographs of the real data set, in batches of 32, make 96 iterations, and ten terms 960 corrections.
#
# Why shuffle? The practice pictures lie in folders, sorted by class. A loader's `batch_sampler` tells which samples
# each batch will get, without opening any picture.

# %%
targets = torch.tensor(practice.targets)
batches = {}
for order, shuffle in {"In order": False, "Shuffled": True}.items():
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(
        practice, batch_size=BATCH_SIZE, shuffle=shuffle, generator=generator
    )
    batches[order] = [targets[indices] for indices in loader.batch_sampler]
plotting.show(plotting.draw_batches(batches, classes, batch_size=BATCH_SIZE))
for attempt in ("first run", "run again"):
    generator = torch.Generator().manual_seed(0)
    loader = DataLoader(
        practice, batch_size=BATCH_SIZE, shuffle=True, generator=generator
    )
    terms = [next(iter(loader.batch_sampler))[:5] for _ in range(2)]
    print(f"{attempt}: term 1 begins with {terms[0]}, term 2 with {terms[1]}")
FALLS = ["a quarter as far", "half as far", "nearly as far"]
question = "Batches four times as large: how far does their mean brightness scatter?"
widgets.predict_first("03.5", question, FALLS)

# %% tags=["claim"]
assert batches["In order"][0].unique().tolist() == [0], "In order: dresses only."
assert all(len(batch.unique()) > 4 for batch in batches["Shuffled"][:-1]), "A likeness."
assert terms[0] != terms[1], "Each term has its own order."
assert math.ceil(3068 / 32) == 96, "96 iterations, with the short one."

# %% [markdown]
# In order, the student would see nothing but dresses for a while (the brightest yellow means half a batch or more).
# "Always say dress" would earn full marks, until the hats come, and so on: it chases the last class it met. Shuffled,
# each batch is roughly a small likeness of the whole. A new term gets a new order, and a **seed** makes the orders
# repeatable.
#
# The exams are *not* shuffled: in a fixed order answer number 17 belongs to picture number 17, today and tomorrow.
#
# ## Why 32?
#
# The coach corrects by what the teacher says about *one batch*. That is a sample of the practice pictures, so it is
# near the truth, but not quite there. As a stand-in for the teacher's mark take something simpler, the mean brightness
# of the pictures. For each size we draw 10,000 batches and see how far their means scatter. Do four times as large ones
# scatter a quarter as much? Choose above, then draw.
#
# (The figure shows a hundred batches of each size.)

# %%
brightness = means.mean(dim=1)  # one number for each practice picture
set_seed(0)
batch_means, scatter = {}, {}
print("batch size   scatter   iterations in a term")
for batch_size in (1, 4, 16, 32, 64, 256):
    draws = torch.randint(len(brightness), (10_000, batch_size))
    drawn = brightness[draws].mean(dim=1)
    batch_means[batch_size], scatter[batch_size] = drawn[:100], drawn.std().item()
    iterations = math.ceil(len(practice) / batch_size)
    print(f"{batch_size:10}{scatter[batch_size]:10.4f}{iterations:18}")
plotting.show(
    plotting.plot_batch_means(
        batch_means,
        mean=brightness.mean().item(),
        ylabel="mean brightness of the batch",
    )
)
ratio = scatter[64] / scatter[16]
what_happened("03.5", FALLS[0 if ratio < 0.37 else 1 if ratio < 0.7 else 2])

# %% tags=["claim"]
assert abs(ratio - 0.5) < 0.02, "Four times the batch halves the scatter."
assert abs(scatter[32] / scatter[64] - 2**0.5) < 0.05, "Twice the batch: 1.4."

# %% [markdown]
# A larger batch is a better witness, but four times the batch only *halves* the scatter, because it falls with the
# square root. Each doubling divides it by 1.4, and costs half of the corrections in a term.
#
# It also costs **memory**: for the pictures themselves, and for what the student keeps of every layer while *all* of it
# learns, to trace a mistake back. PyTorch tells how much that is: it calls a function of ours, here `count`, with every
# tensor that it keeps. (Lesson 06 comes back to that.)


# %%
def kept_while_learning(num_pictures):
    """Return how many megabytes the student keeps to trace a mistake back."""
    kept = {}

    def count(tensor):
        kept[tensor.data_ptr()] = tensor.nbytes  # each place in memory once
        return tensor

    whole = build_classifier(10, weights=None, freeze_backbone=False)
    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        whole(torch.zeros(num_pictures, 3, size, size))
    return sum(kept.values()) / 1e6


a_picture = 3 * size**2 * 4 / 1e6  # a float32 takes 4 bytes
# What is kept once for all batches falls out of the difference.
kept = (kept_while_learning(6) - kept_while_learning(2)) / 4
print("batch size    pictures    kept while learning")
for batch_size in (1, 32, 256):
    pictures_take, all_keep = batch_size * a_picture, batch_size * kept
    print(f"{batch_size:10}{pictures_take:9.1f} MB{all_keep:15,.0f} MB")

# %% tags=["claim"]
assert 110 < kept / a_picture < 150, "130 times as much as the pictures take."

# %% [markdown]
# What the layers keep takes 130 times as much as the pictures, and that is what fills a graphics card. (With a frozen
# eye, as in lesson 04, next to nothing is kept.) How large, then?
#
# - **Too small**: each correction follows a few odd pictures, and the processor handles them one by one.
# - **Too large**: few corrections in a term, a full memory, and hardly better advice. Who enlarges the batch usually
#   enlarges the learning rate with it, since each step is better advised and there are fewer of them. And with batches
#   of thousands, students have often ended up a little worse on fresh pictures.
#
# So 32 is no law. It is a place in the middle that works on nearly every machine. If the memory overflows, halve it.
#
# ## How fast is loading?
#
# While pictures are loaded, the student waits. How long? We take the time of each stage for 32 practice pictures, the
# shortest of four tries: opening the files, transforming them, and the student's look at them, one by one and all at
# once.


# %%
def milliseconds(action):
    """Return how long the action takes for one of 32 pictures, at best."""
    times = []
    for _ in range(4):
        started = time.perf_counter()
        action()
        times.append(time.perf_counter() - started)
    return 1000 * min(times) / 32


def one_by_one(network, batch):
    for sample in batch:
        network(sample.unsqueeze(0))


paths = [path for path, _ in practice.samples[:: len(practice) // 32][:32]]
pictures = [load_image(path) for path in paths]
images = torch.stack([look(picture) for picture in pictures])
features = notes.tensors[0][:32]
with torch.no_grad():
    times = {
        "open and decode": milliseconds(lambda: [load_image(path) for path in paths]),
        "transform": milliseconds(lambda: [look(picture) for picture in pictures]),
        "the look, one by one": milliseconds(lambda: one_by_one(student, images)),
        "the look, 32 at once": milliseconds(lambda: student(images)),
    }
    single = milliseconds(lambda: one_by_one(student.head, features))
    at_once = milliseconds(lambda: student.head(features))
for name, value in times.items():
    print(f"{name:22}{value:6.2f} ms a picture")
print(f"its last layer alone: {1000 * single:.1f} µs one by one, ", end="")
print(f"{1000 * at_once:.1f} µs when 32 come at once")

# %% tags=["claim"]
assert single > 2 * at_once, "The fixed price is most of a small layer's time."

# %% [markdown]
# Each look has a fixed price, for getting about a hundred and fifty operations under way, and 32 at once pay it once.
# For the last layer, which has little to compute, that is most of its time; for the whole eye, on a processor, a
# smaller share. A graphics card gains many times over. (From a slow disk or over a network the first line is longer.)
#
# A `DataLoader` can have helpers. With `num_workers=1` it starts one more Python process, which prepares the next
# batches while the student looks at this one. At best both happen side by side, and only the longer of the two counts.
# Here are none, one and two, for 256 pictures.

# %%
some = practice.select(range(0, len(practice), len(practice) // 256)[:256])
passes = {}
print("workers   first batch after   loading alone   loading and looking")
for num_workers in (0, 1, 2):
    loader = DataLoader(some, batch_size=BATCH_SIZE, num_workers=num_workers)
    times = []
    for looks_too in (False, True):
        started = time.perf_counter()
        for number, (images, _) in enumerate(loader):
            first = time.perf_counter() - started if number == 0 else first
            if looks_too:
                with torch.no_grad():
                    student(images)
        times.append(time.perf_counter() - started)
    passes[num_workers] = times[1]
    print(f"{num_workers:7}{first:18.2f} s{times[0]:14.2f} s{times[1]:20.2f} s")
print(f"two workers: {passes[0] / passes[2]:.2f} times as fast as none")

# %% [markdown]
# What can be won is at most the loading, and on a processor that is the shorter part. Each worker is a Python process
# that takes time to start: look at the first batch. The cores that it would use may be busy with the student already.
# And on Windows and macOS, and from Python 3.14 on everywhere, it starts from nothing: it first imports PyTorch, which
# takes seconds, and cannot find a class or a function that was defined in a notebook. (`make_dataloaders` says so
# instead of hanging.)
#
# So these lessons keep `num_workers=0`. With a graphics card the look is many times shorter, and the student mostly
# waits for pictures: there, as many workers as there are free cores can multiply the speed. The rule holds for every
# machine: **measure first.**
#
# ## All loaders at once, and a batch to look at
#
# From the next lesson on we import the function that does all this. It gives four loaders: practice, shuffled and with
# the transform for practice; the others, in order and with the fixed transform. `train_eval` holds the practice
# pictures once more, seen as in an exam. (The final exam we only count: its envelope stays sealed until lesson 08.)
#
# And before any training, look at a batch, **with its names**. It takes a second, and it would show wrong colours,
# wrong names, an augmentation that goes too far. Here are three rows of one, as the student sees them, gently
# augmented, each under its answer. Where it is wrong, the truth stands below.

# %%
loaders = make_dataloaders(
    root,
    train_transform=build_train_transform(spec, augment="light"),
    eval_transform=look,
    batch_size=BATCH_SIZE,
    seed=0,
)
for name, loader in loaders._asdict().items():
    kind = type(loader.sampler).__name__
    print(
        f"{name:11}{len(loader.dataset):6,} pictures in {len(loader):3} batches, {kind}"
    )
images, labels = next(iter(loaders.train))
with torch.no_grad():
    answers = student(images).argmax(dim=1)
num_right = (answers == labels).sum()
plotting.draw_wall(
    list(denormalize(images[:18], spec)),
    [classes[answer] for answer in answers[:18]],
    [classes[label] for label in labels[:18]],
    title=f"From a batch: {num_right} of {len(labels)} are right",
    num_columns=6,
    width=4.8,
)

# %% tags=["claim"]
assert (answers == labels).float().mean() > 0.5, "Most are right."

# %% [markdown]
# That is a batch when everything on its way is right. (These are practice pictures, so the student knows more of them
# than of the exam.) Cover the names, show it to a friend, and let them play against the student.
#
# <details><summary><b>Questions and answers</b></summary>
#
# **Older code imports `transforms`, not `v2`, and says `ToTensor`.** Both work. `ToTensor` is `ToImage` and `ToDtype`
# in one, and it divides by 255. `v2` is the present form and can also change boxes and masks together with the picture.
#
# **Why 224?** It is 7 × 32: halved five times without a remainder, and 7 × 7 has a place in the exact middle. The rest
# is history: in 2012 the network that made the field famous cut squares of 224 out of pictures of 256, its successors
# wanted to be comparable, and so it stayed. And it is not always best: a student that practised on cut and enlarged
# pictures often does better a little above the size of its practice.
#
# **Other courses get a larger standard deviation.** They put all pixels of all pictures into one bag. There dark
# pictures and bright ones lie together, so it spreads more than a single picture does.
#
# **What is the type `Image` that `ToImage` returns?** A tensor that remembers to be a picture. The package's chain ends
# in `ToPureTensor`, which makes it an ordinary one. The numbers are the same.
#
# **May I normalise with 0.5 for everything?** If the weights were learned so, yes. Otherwise you show the student a
# light that it does not know.
#
# **Can I leave the short batch out?** `drop_last=True` does that. While practising it costs hardly anything, since the
# order is new in each term. In an exam it would leave questions unmarked.
#
# **Must the batch size be a power of two?** No. Graphics cards like multiples of 8; 30 works as well as 32.
#
# **Does the seed repeat the augmentation too?** Random transforms draw from PyTorch's global generator, so `set_seed`
# repeats them. The loader's own generator repeats the order.
#
# **Why not transform all pictures once and keep the tensors?** With a fixed transform one can: it is the idea behind
# the revision notes of lesson 06. With a random one it would freeze the chance, and it takes memory: 10,000 pictures
# of 3 × 224 × 224 `float32` numbers are 6.0 GB.
#
# **Does padding exist?** Yes, a third way to a square: `v2.Pad` adds a border, and nothing is lost or squashed. The
# student then has to learn that borders mean nothing.
#
# **What is `pin_memory`?** It keeps batches in a part of memory that a graphics card reads faster. `make_dataloaders`
# turns it on where there is such a card.
#
# **I come from Keras.** `preprocess_input` is the `Normalize` that belongs to a model, `image_dataset_from_directory`
# the `Dataset` and `DataLoader` together.
#
# **I have changed the settings, and my figures are others.** Another network was schooled in another light, real
# photographs have other edges. The eight suspects look the same.
#
# </details>
#
# ## Recap
#
# - **Building the chain**: resize, crop, scale, normalise, all from the `spec`; `denormalize` is the way back.
# - **The mean**: subtract it, or brightness drowns the rest; with weights, use the weights' own.
# - **Finding the bug**: nothing raises an error; look at pictures, names and numbers of a batch before any training.
# - **Augmenting**: change what must not matter, in practice only; an exam is a measuring instrument.
# - **Packing**: stack, shuffle the practice, mind the short last batch, measure before you look for workers.
#
# ## Exercises
#
# The first stands above: find the bug.
#
# ### Exercise 2 · A loader of your own
#
# Write a function that gives the first batch of a data set: a `DataLoader` with `batch_size` samples a batch,
# **shuffled** by a generator with the given `seed`. It returns the images ready to be drawn, from 0 to 1, and the
# labels. (The data set's pictures are normalised with `spec`.)


# %% tags=["exercise"]
def first_batch(dataset, batch_size, seed, spec):
    return ...  # instead: images, labels


exercises.check("03.2", first_batch)


# %% tags=["wrong"] hint="in the order of the data set"
def first_batch(dataset, batch_size, seed, spec):
    images, labels = next(iter(DataLoader(dataset, batch_size=batch_size)))
    return denormalize(images, spec), labels


exercises.check("03.2", first_batch)


# %% tags=["wrong"] hint="still normalised"
def first_batch(dataset, batch_size, seed, spec):
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(dataset, batch_size, shuffle=True, generator=generator)
    images, labels = next(iter(loader))
    return images, labels


exercises.check("03.2", first_batch)


# %% tags=["wrong"] hint="another order each time"
def first_batch(dataset, batch_size, seed, spec):
    images, labels = next(iter(DataLoader(dataset, batch_size, shuffle=True)))
    return denormalize(images, spec), labels


exercises.check("03.2", first_batch)


# %% tags=["solution"]
def first_batch(dataset, batch_size, seed, spec):
    generator = torch.Generator().manual_seed(seed)
    loader = DataLoader(dataset, batch_size, shuffle=True, generator=generator)
    images, labels = next(iter(loader))
    return denormalize(images, spec), labels


exercises.check("03.2", first_batch)

# %% [markdown]
# ### Exercise 3 · Mend a colleague's chain
#
# A colleague's student was schooled on **whole** pictures, squashed to 64 × 64, with numbers from **−1 to 1**. Their
# chain for the exam has two faults:
#
# ```python
# v2.Compose(
#     [
#         v2.Resize(64),
#         v2.ToImage(),
#         v2.ToDtype(torch.float32),
#         v2.Normalize([0.5] * 3, [0.5] * 3),
#     ]
# )
# ```
#
# Write it as it should be. (If $x$ lies between 0 and 1, where does `Normalize` with 0.5 and 0.5 bring it?)

# %% tags=["exercise"]
colleagues_transform = ...  # v2.Compose([...])
exercises.check("03.3", colleagues_transform)

# %% tags=["wrong"] hint="only the shorter side"
colleagues_transform = v2.Compose(
    [
        v2.Resize(64),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize([0.5] * 3, [0.5] * 3),
    ]
)
exercises.check("03.3", colleagues_transform)

# %% tags=["wrong"] hint="lost its edges"
colleagues_transform = v2.Compose(
    [
        v2.Resize(64),
        v2.CenterCrop(64),
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        v2.Normalize([0.5] * 3, [0.5] * 3),
    ]
)
exercises.check("03.3", colleagues_transform)

# %% tags=["wrong"] hint="scale=True"
colleagues_transform = v2.Compose(
    [
        v2.Resize((64, 64)),
        v2.ToImage(),
        v2.ToDtype(torch.float32),
        v2.Normalize([0.5] * 3, [0.5] * 3),
    ]
)
exercises.check("03.3", colleagues_transform)

# %% tags=["solution"]
colleagues_transform = v2.Compose(
    [
        v2.Resize((64, 64)),  # two numbers: the whole picture, squashed
        v2.ToImage(),
        v2.ToDtype(torch.float32, scale=True),
        # (0 - 0.5) / 0.5 is -1, (1 - 0.5) / 0.5 is 1
        v2.Normalize([0.5] * 3, [0.5] * 3),
    ]
)
exercises.check("03.3", colleagues_transform)

# %% [markdown]
# ## Next
#
# The batches are ready. Our student's eye came from school in one line, and nobody has explained it yet.
# **Lesson 04** looks inside: how does a network see, and how is it given a new subject?
