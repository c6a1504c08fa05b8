# ---
# jupyter:
#   course:
#     study_minutes: 75
#     budget_seconds: 60
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 06 · The training loop
#
# **What happens between a student who knows nothing of a subject and one who passes the exam?**
#
# Every character has been introduced. The student can look (lesson 04), the teacher can mark and the coach can correct
# (lesson 05), and the pictures come in batches (lesson 03). In this lesson they work together, term after term. It is
# the heart of the series: about forty lines, and when you have read it, no training script will be a riddle to you.
#
# ## What you will learn
#
# - **tell** the story of a training run in eight steps, and point at the line of code for each
# - **write** the whole loop yourself: practice, mock exam, report card, best weights
# - **explain** what each line prevents, by looking at what happens without it
# - **read** loss and accuracy curves: too few terms, healthy learning, learning by heart
# - **use** the package's `train_model`, which is the same loop, and trust it because you have compared the two
#
# ## Before you start
#
# Lessons 02 to 05: data sets and splits, batches, the model with its frozen backbone, cross-entropy and Adam.

# %% tags=["settings"]
import os

# "photos": 3,781 photographs, a download of 107 MB
DATASET = os.environ.get("COURSE_DATASET") or "drawn"
# "imagenet": torchvision's network, a download of 14 MB
WEIGHTS = os.environ.get("COURSE_WEIGHTS") or "course"
NUM_PRACTICE = 480  # of the practice pictures, so that a term takes seconds
NUM_EPOCHS = 3  # school terms of that run

# %%
import copy
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils import (
    build_classifier,
    build_eval_transform,
    clothing,
    extract_features,
    get_device,
    make_dataloaders,
    plotting,
    set_seed,
    train_model,
    widgets,
)
from course_utils.classroom import exercises
from course_utils.classroom.book import compare_with_book
from course_utils.classroom.predictions import what_happened
from course_utils.report.metrics import standard_error

device = get_device()
root = clothing(DATASET)
print(f"pictures: {DATASET}, weights: {WEIGHTS}, device: {device}")

# %% [markdown]
# ## The story in eight steps
#
# Read the left column as a story. The right column is the same story in code, and by the end of the lesson you will
# have run every line of it.
#
# | | the story | the code |
# |---|---|---|
# | 1 | **Before school.** We start the clock and lay out an empty report card. Nothing has been learned yet, so we keep a copy of the student as it is. | `started = time.perf_counter()`, `report = {...}`, `best_weights = copy.deepcopy(model.state_dict())` |
# | 2 | **A term begins**, and there will be several. In each one the student sees every practice example once, and then sits a mock exam. | `for epoch in range(num_epochs):` |
# | 3 | **Two phases, two attitudes.** In practice the student learns. In the exam it only shows what it can do. | `model.train()` … `model.eval()` |
# | 4 | **We follow along** with a running sum of the marks and a count of the right answers. | `total_loss += …`, `num_right += …` |
# | 5 | **One batch.** The coach forgets the last correction, the student answers, the teacher marks, the mark is traced back to the weights, and the coach corrects. | `optimizer.zero_grad()`, `model(images)`, `criterion(…)`, `loss.backward()`, `optimizer.step()` |
# | 6 | **The end of a phase.** The mean mark per picture and the share of right answers go into the report card. | `total_loss / num_seen`, `num_right / num_seen` |
# | 7 | **A personal best?** If the mock exam went better than ever, we keep a copy of the student as it is now. | `best_weights = copy.deepcopy(…)` |
# | 8 | **After the last term** we stop the clock and give the student its best self back. | `model.load_state_dict(best_weights)` |
#
# **Predict first:** in step 5, three of the five actions happen in practice only. Which two happen in the exam as well?
#
# ## The cast, on stage
#
# One function builds the student, the coach and the loaders, because we shall need them more than once, and each time
# in the same state: the same seed gives the same new head and the same order of pictures. The backbone is frozen, as in
# lesson 04. The coach is handed the head's parameters only: everything else stays as it is. Practice pictures
# are prepared like exam pictures here, without augmentation, so that nothing but their order is left to chance.


# %%
def begin(num_pictures=NUM_PRACTICE):
    """Return a fresh student, its coach and the loaders, always in the same state."""
    set_seed(0)
    classes = sorted(
        folder.name for folder in (root / "train").iterdir() if folder.is_dir()
    )
    model = build_classifier(len(classes), weights=WEIGHTS, classes=classes).to(device)
    optimizer = torch.optim.Adam(model.head.parameters(), lr=0.001)
    look = build_eval_transform(model.spec)
    loaders = make_dataloaders(
        root, train_transform=look, eval_transform=look, limit=num_pictures
    )
    return model, optimizer, loaders


model, optimizer, loaders = begin()
criterion = nn.CrossEntropyLoss()
train_loader, val_loader = loaders.train, loaders.val
print(
    f"practice: {len(train_loader.dataset)} pictures in {len(train_loader)} batches of "
    "up to 32"
)
print(f"mock exam: {len(val_loader.dataset)} pictures in {len(val_loader)} batches")

# %% [markdown]
# ## One batch, in slow motion
#
# Before the loop, its innermost part, one line at a time. A batch comes from the loader. It always arrives on the CPU,
# because that is where files are read, and moves to the student's device.

# %%
images, labels = next(iter(train_loader))
images, labels = images.to(device), labels.to(device)
print(
    "images",
    tuple(images.shape),
    images.dtype,
    "  labels",
    tuple(labels.shape),
    labels.dtype,
)

# %% [markdown]
# The student answers: ten scores for each picture. The teacher marks: one number for the whole batch, the mean over its
# pictures.
#
# **Predict first:** the head is new and knows nothing. What loss do you expect for ten classes? (Lesson 05 had a name
# for it.)

# %%
model.train()
outputs = model(images)
loss = criterion(outputs, labels)
print(
    "outputs",
    tuple(outputs.shape),
    "  loss",
    round(loss.item(), 3),
    "  guessing: ln 10 =",
    2.303,
)

# %% [markdown]
# A little above $\ln 10$, as is usual: random scores already lean to some classes, mostly wrong ones. And the loss is
# not only a number. It remembers how it was computed, all the way back to the weights of the head. That is what
# `grad_fn` says, and it is what the next line walks along.
#
# `loss.backward()` fills in, for every weight that may learn, its **gradient**: how much the loss would rise if this
# weight rose a little. It changes no weight.

# %%
weight = model.head.weight
before = weight.detach().clone()
print("remembers:", type(loss.grad_fn).__name__, "  gradient before:", weight.grad)
loss.backward()
print(
    "gradient after backward:",
    tuple(weight.grad.shape),
    "  weights changed:",
    not torch.equal(before, weight),
)

# %% [markdown]
# (Run that cell a second time and PyTorch complains: `backward()` uses the notes up. Run the cells from the batch on
# again.)
#
# `optimizer.step()` is the line that changes the student. The coach reads the gradients and moves every weight a
# little, against its gradient.
#
# Adam's very first step moves each weight by about the learning rate, whatever the size of its gradient (lesson 05).

# %%
optimizer.step()
change = (weight - before).abs()
print(f"weights changed: by {change.mean():.5f} on average, at most {change.max():.5f}")
with torch.no_grad():
    print(
        f"loss on the same batch: {loss.item():.3f} before the correction, "
        f"{criterion(model(images), labels):.3f} after"
    )

# %% [markdown]
# That is all the learning there is. The rest of a training run is repetition, and bookkeeping that keeps us honest.
#
# ## The whole loop
#
# Here it is, in full. Read it against the eight steps; the comments give their numbers. We run it for a few terms on a
# few pictures, so that it takes seconds.

# %%
model, optimizer, loaders = begin()
train_loader, val_loader = loaders.train, loaders.val

started = time.perf_counter()  # 1
report = {"train_loss": [], "train_accuracy": [], "val_loss": [], "val_accuracy": []}
best_accuracy, best_weights = 0.0, copy.deepcopy(model.state_dict())

for epoch in range(NUM_EPOCHS):  # 2
    model.train()  # 3, practice
    total_loss, num_right, num_seen = 0.0, 0, 0  # 4
    for images, labels in train_loader:  # 5
        images, labels = images.to(device), labels.to(device)
        optimizer.zero_grad()
        outputs = model(images)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        total_loss += loss.item() * len(labels)
        num_right += (outputs.argmax(dim=1) == labels).sum().item()
        num_seen += len(labels)
    report["train_loss"].append(total_loss / num_seen)  # 6
    report["train_accuracy"].append(num_right / num_seen)

    model.eval()  # 3, mock exam
    total_loss, num_right, num_seen = 0.0, 0, 0
    with torch.no_grad():
        for images, labels in val_loader:
            images, labels = images.to(device), labels.to(device)
            outputs = model(images)
            total_loss += criterion(outputs, labels).item() * len(labels)
            num_right += (outputs.argmax(dim=1) == labels).sum().item()
            num_seen += len(labels)
    report["val_loss"].append(total_loss / num_seen)
    report["val_accuracy"].append(num_right / num_seen)
    print(
        f"term {epoch + 1}: "
        + ", ".join(f"{name} {marks[-1]:.3f}" for name, marks in report.items())
    )
    if report["val_accuracy"][-1] > best_accuracy:  # 7
        best_accuracy = report["val_accuracy"][-1]
        best_weights = copy.deepcopy(model.state_dict())

model.load_state_dict(best_weights)  # 8
print(
    f"{time.perf_counter() - started:.0f} seconds, best mock exam {best_accuracy:.1%}"
)

# %% [markdown]
# Over the terms the losses should fall and the shares of right answers should rise. Practice does so steadily; the mock
# exam may well take a step back in between. With so few pictures do not expect much more than a beginning.
#
# ## The package's loop is this loop
#
# `course_utils.train_model` is the same story as a function. It is split into `train_one_epoch` and `evaluate`, which
# you can use on their own; it shows a progress bar, and it looks for beginners' mistakes in the first batch. That it
# computes the same is not a matter of trust: same seed, same start, and the two report cards must agree.

# %% tags=["write-it:course_utils.training.train_model"]
model, optimizer, loaders = begin()
history = train_model(
    model,
    loaders.train,
    loaders.val,
    criterion=criterion,
    optimizer=optimizer,
    num_epochs=NUM_EPOCHS,
    device=device,
)

for name, marks in report.items():
    theirs = getattr(history, name)
    assert all(abs(a - b) < 1e-4 for a, b in zip(marks, theirs, strict=True)), (
        f"The two loops disagree about {name}."
    )
for name, weights in best_weights.items():
    assert torch.allclose(weights, model.state_dict()[name], atol=1e-5), (
        f"The two loops disagree about {name}."
    )

# %% [markdown]
# What comes back is the **report card**, a `History`. In a notebook it shows itself as a table.

# %%
history

# %% [markdown]
# Now that we know the loop, we take it apart. What does each line prevent?
#
# ## Practice and mock exam, line by line
#
# Put the two inner loops beside each other and look for what is missing on the right.
#
# | practice | mock exam | why |
# |---|---|---|
# | `model.train()` | `model.eval()` | learn, or only show |
# | | `with torch.no_grad():` | nothing will be traced back, so take no notes |
# | `for images, labels in train_loader` | `for images, labels in val_loader` | other pictures; the exam's are never practised on |
# | `optimizer.zero_grad()` | | there is no correction to forget |
# | `outputs = model(images)` | `outputs = model(images)` | the student answers |
# | `loss = criterion(outputs, labels)` | `criterion(outputs, labels)` | the teacher marks |
# | `loss.backward()` | | nothing is traced back |
# | `optimizer.step()` | | nobody corrects |
# | count | count | the same bookkeeping |
#
# So the answer to the prediction above: answering and marking happen in both. A mock exam is a forward pass, and
# nothing else.
#
# ## `zero_grad`: why forget?
#
# PyTorch *adds* each new gradient to what is there already. It does not replace it. Let us watch that with one weight
# whose gradients we choose: 0.5 for the first batch, 0.3 for the second, −0.2 for the third.
#
# **Predict first:** without `zero_grad`, what stands in `weight.grad` after the third?

# %%
gradients = [0.5, 0.3, -0.2]
for forget in (True, False):
    weight = torch.tensor(1.0, requires_grad=True)
    seen = []
    for gradient in gradients:
        if forget:
            weight.grad = None  # what optimizer.zero_grad() does to every weight
        (weight * gradient).backward()  # the slope of weight * 0.5 is 0.5
        seen.append(round(weight.grad.item(), 2))
    print("with zero_grad:   " if forget else "without zero_grad:", seen)
assert seen == [0.5, 0.8, 0.6], "Without zero_grad the gradients should add up."

# %% [markdown]
# Without it, the third correction follows a sum of all gradients so far, old ones included: the coach lowers the
# weight (the sum is 0.6), although the third batch alone says *raise it* (−0.2).
#
# ### Adding up on purpose
#
# Sometimes the sum is just what one wants. If a batch of 32 does not fit into memory, take four of 8, add up their
# gradients, and correct once: **gradient accumulation**. Each loss is divided by 4, because the mean over 32 is the
# mean of the four means. We check on one batch that both ways give the same gradient.

# %%
model, optimizer, loaders = begin()
images, labels = next(iter(loaders.train))
images, labels = images.to(device), labels.to(device)

optimizer.zero_grad()
criterion(model(images), labels).backward()
at_once = model.head.weight.grad.clone()

optimizer.zero_grad()  # also before the first of the four
for part, part_labels in zip(images.split(8), labels.split(8), strict=True):
    (criterion(model(part), part_labels) / 4).backward()
print(
    "largest difference between the two gradients: "
    f"{(model.head.weight.grad - at_once).abs().max():.1e}"
)
assert torch.allclose(at_once, model.head.weight.grad, atol=1e-5), (
    "Four parts should add up to the whole."
)

# %% [markdown]
# In a loop there are two traps. When the number of batches is no multiple of four, the last few are left over and need
# a correction of their own, and there each loss is divided by the *number* of left-over batches, not by 4. (That is
# exact where all are equally large; otherwise each counts by its number of pictures.) And it is *not* the same as a
# large batch for a student whose BatchNorm layers are learning: they look at eight pictures at a time, not at 32.
#
# ## `train` and `eval`: what changes?
#
# Two kinds of layers behave differently while learning. **Dropout** switches off a random part of the numbers, so that
# the student cannot lean on a few of them. **BatchNorm** scales by the mean and variance of the batch at hand, where in
# the exam it uses the averages that it collected. Which of these does our student have?
#
# **Predict first:** we ask the same student about the same pictures twice, in `train()` and in `eval()`. For which
# of these do the answers differ: ours; one with dropout in its head; one with an unfrozen backbone?

# %%
students = {
    "frozen backbone, plain head": build_classifier(10, weights=WEIGHTS),
    "frozen backbone, dropout 0.5": build_classifier(10, weights=WEIGHTS, dropout=0.5),
    "unfrozen backbone": build_classifier(10, weights=WEIGHTS, freeze_backbone=False),
}
eight = images[:8].cpu()
with torch.no_grad():
    for name, student in students.items():
        in_practice, in_exam = student.train()(eight), student.eval()(eight)
        print(
            f"{name:30} answers differ by up to "
            f"{(in_practice - in_exam).abs().max():.3f}"
        )

# %% [markdown]
# For ours, not at all: its head has no dropout, and its frozen BatchNorm layers stay in `eval()` even when `train()` is
# called (lesson 04). It is often said that the answers differ "because of dropout"; a network whose classifier was
# replaced has lost its only dropout with it. Write both lines all the same. The day you add dropout or unfreeze a
# block, they begin to matter, and nothing will remind you.
#
# The second effect you know from lesson 04: in practice the answer about *your* picture depends on who else is in the
# batch. Once more, with four pictures:

# %%
student = students["unfrozen backbone"]
with torch.no_grad():
    for mode in ("train", "eval"):
        student.train(mode == "train")
        alone_with_first = student(images[[0, 1, 2, 3]].cpu())[0]
        in_other_company = student(images[[0, 9, 10, 11]].cpu())[0]
        print(
            f"{mode:6} the same picture in other company: "
            f"{(alone_with_first - in_other_company).abs().max():.3f}"
        )

# %% [markdown]
# ## `no_grad`: what does it save?
#
# To trace a loss back, PyTorch keeps the intermediate results of every layer. An exam is never traced back, so they
# would be kept for nothing. How much is that? A **hook** is a function that PyTorch calls at a certain moment. Ours,
# `count`, is called for each tensor that is kept during one batch through the unfrozen student, and notes its size,
# once for each place in memory. You may skip how it is written.


# %%
def megabytes_kept(run):
    """Return how many megabytes PyTorch keeps for `backward` while `run()` computes."""
    kept = {}

    def count(tensor):
        kept[tensor.data_ptr()] = tensor.nbytes
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
        run()
    return sum(kept.values()) / 1e6


student.eval()
sixteen = images[:16].cpu()
started = time.perf_counter()
with_notes = megabytes_kept(lambda: student(sixteen))
seconds_with = time.perf_counter() - started
started = time.perf_counter()
with torch.no_grad():
    without_notes = megabytes_kept(lambda: student(sixteen))
seconds_without = time.perf_counter() - started
print(f"with notes    {with_notes:6.0f} MB kept, {seconds_with:.2f} s")
print(f"with no_grad  {without_notes:6.0f} MB kept, {seconds_without:.2f} s")
assert without_notes == 0, "Under no_grad nothing should be kept."

# %% [markdown]
# And it grows with the batch. On a graphics card, where memory is scarce, forgetting `no_grad` in the exam is a common
# reason why training stops with "out of memory" at the end of the first term. (With our frozen backbone little would be
# kept either way, because nothing is traced back through it. That is why the unfrozen student stands here.)
#
# ## `.item()`: take the number, leave the notes
#
# `loss.item()` is a Python number. `loss` is a tensor with notes attached. Add up the tensors and the trail of notes
# grows with every batch.

# %%
outputs = model(images)
loss = criterion(outputs, labels)
live_total, plain_total = 0.0, 0.0
for _ in range(3):
    live_total = live_total + loss
    plain_total = plain_total + loss.item()
print("sum of tensors:", live_total, "\nsum of numbers:", round(plain_total, 4))

# %% [markdown]
# The `grad_fn` in the first line is a thread that leads to all the batches so far. In practice `backward()` has thrown
# away the bulky part of their notes; in an exam without `no_grad` you keep all of it. (Each `item()` also waits for the
# graphics card to finish, if there is one. The package therefore sums with `loss.detach()`, without notes, and reads
# the number out only when the progress bar is redrawn.)
#
# ## Counting right answers
#
# The student's answer is the class with the highest score, `argmax` along the classes. Comparing with the labels gives
# True and False, and their sum counts the True ones. Softmax is not needed: it does not change which score is highest.
# (This student is fresh from `begin()`; it has not practised. A new head often leans to one class, by accident.)

# %%
answers = outputs.argmax(dim=1)
print("answers", answers[:8].tolist())
print("labels ", labels[:8].tolist())
print("right  ", (answers == labels)[:8].tolist())
print("in the whole batch:", (answers == labels).sum().item(), "of", len(labels))
assert torch.equal(answers, outputs.softmax(dim=1).argmax(dim=1)), (
    "Softmax should keep the order of the scores."
)

# %% [markdown]
# ## The uneven last batch
#
# `criterion` returns the *mean* over a batch. Many loops add up these means and divide by the number of batches. That
# is right only if all batches are equally large, and the last one rarely is.
#
# Lesson 03 worked this out: with 341 pictures in batches of 32 the last holds 21. In a mean of eleven batch means each
# of those 21 pictures counts $32 / 21 = 1.52$ times as much as the others. Two loops with different batch sizes would
# disagree about the same student.


# %%
def losses_of_one_exam(batch_size):
    """Return the loss per picture and the mean of batch means, of one student on 100
    made-up answers.
    """
    generator = torch.Generator().manual_seed(1)
    scores = 2 * torch.randn(100, 10, generator=generator)
    right = torch.randint(10, (100,), generator=generator)
    parts = list(zip(scores.split(batch_size), right.split(batch_size), strict=True))
    per_picture = sum(criterion(s, r).item() * len(r) for s, r in parts) / 100
    mean_of_means = sum(criterion(s, r).item() for s, r in parts) / len(parts)
    return per_picture, mean_of_means


for batch_size in (100, 50, 32, 99):
    per_picture, mean_of_means = losses_of_one_exam(batch_size)
    print(
        f"batches of {batch_size:3}: per picture {per_picture:.4f}, mean of batch "
        f"means {mean_of_means:.4f}"
    )
assert abs(losses_of_one_exam(99)[0] - losses_of_one_exam(100)[0]) < 1e-5, (
    "Per picture, batch size must not matter."
)

# %% [markdown]
# Hence `loss.item() * len(labels)` in the loop, and the division by the number of pictures. (With class weights the
# criterion divides by something else; `train_model` takes care of it.)
#
# ## Reading curves
#
# Numbers in a table are slow to read; curves are not. To see a few characteristic ones we need more terms than our
# patience allows on pictures. So here is a trick that lesson 07 is about: a frozen backbone says the same about a
# picture in every term. We let it look **once** and keep what it says, the student's *revision notes*. Then only the
# head has to practise, and a term takes milliseconds.

# %%
model, optimizer, loaders = begin(num_pictures=None)  # all of them
practice_notes = extract_features(model.backbone, loaders.train_eval, device=device)
exam_notes = extract_features(model.backbone, loaders.val, device=device)
val_notes = DataLoader(exam_notes, batch_size=300)
print(
    "practice notes",
    tuple(practice_notes.tensors[0].shape),
    "  exam notes",
    tuple(exam_notes.tensors[0].shape),
)


def practise(head, num_pictures, learning_rate, num_epochs, **options):
    """Train `head` on the notes of the first so many pictures of a fixed random order;
    return the report card.
    """
    chosen = torch.randperm(
        len(practice_notes), generator=torch.Generator().manual_seed(0)
    )[:num_pictures]
    generator = torch.Generator().manual_seed(0)
    train_notes = DataLoader(
        TensorDataset(*practice_notes[chosen]),
        batch_size=32,
        shuffle=True,
        generator=generator,
    )
    optimizer = torch.optim.Adam(head.parameters(), lr=learning_rate)
    return train_model(
        head.to(device),
        train_notes,
        val_notes,
        criterion=criterion,
        optimizer=optimizer,
        num_epochs=num_epochs,
        device=device,
        monitor="val_loss",
        progress=False,
        **options,
    )


# %% [markdown]
# ### Too few terms
#
# A linear head, three terms, at a gentle rate of 0.0003, so that the curves are smooth. With `monitor="val_loss"` the
# best term is the one with the lowest loss in the mock exam. In the figures it has a circle, and its accuracy need not
# be the highest. The whiskers are one standard error up and down, as in lesson 04.
#
# **Predict first:** what will the two curves do at their right end?

# %%
set_seed(0)
short = practise(
    nn.Linear(1280, 10), num_pictures=1000, learning_rate=0.0003, num_epochs=3
)
plotting.plot_history(short, title="Three terms")

# %% [markdown]
# Look at the right end of the loss curves. Both losses are still on their way down when the run ends. Nothing is wrong
# with this student; it was taken out of school too early. A high loss at the end does not mean that the loop is wrong.
#
# ### A healthy run
#
# The same student with ten times as many terms. The curve grows while it trains: `on_epoch_end` takes a function that
# gets the report card after every term, and `LiveCurves` redraws one figure.

# %%
set_seed(0)
healthy = practise(
    nn.Linear(1280, 10),
    num_pictures=1000,
    learning_rate=0.0003,
    num_epochs=30,
    on_epoch_end=plotting.LiveCurves(title="Thirty terms"),
)

# %% [markdown]
# Is your run the book's? A figure of this course comes with its chance: here the standard error of a mark over 300
# pictures. Two that lie within two standard errors of their difference tell the same story.

# %%
mark = max(healthy.val_accuracy)
compare_with_book(
    "06.healthy",
    mark,
    error=standard_error(mark, 300),
    pictures=DATASET,
    weights=WEIGHTS,
)

# %% [markdown]
# The losses fall steeply at first, then more and more slowly. At first the practice curve may lie above the mock
# exam's, because it is measured while the student is still learning. Later it lies below, and that is normal: these are
# the pictures that it practised on. What counts is that the mock exam's loss levels off. A few hundredths up or down
# are nothing; turning back looks different, as the next figure shows.
#
# ### Learning by heart
#
# Now a student with far more room than it needs, a head with an inner layer of 512, only 40 pictures, and a bold coach.
# The practice loss will fall, for forty pictures are soon known by heart. And the loss on pictures that it has not seen?

# %%
COURSES = ["down, further than before", "down, then level", "down, then up again"]
widgets.predict_first("06.1", "Where does the mock exam's loss go?", COURSES)

# %% [markdown]
# Choose first, then let it practise.

# %%
set_seed(0)
roomy_head = nn.Sequential(nn.Linear(1280, 512), nn.ReLU(), nn.Linear(512, 10))
by_heart = practise(roomy_head, num_pictures=40, learning_rate=0.003, num_epochs=40)
plotting.plot_history(by_heart, title="Forty terms on forty pictures")

# %% [markdown]
# The mock exam's loss, at its lowest and at the end:

# %%
lowest, last = min(by_heart.val_loss), by_heart.val_loss[-1]
print(f"lowest {lowest:.2f}, last {last:.2f}")
what_happened("06.1", COURSES[2 if last > 1.05 * lowest else 0 if last < 1 else 1])

# %% tags=["claim"]
assert by_heart.train_loss[-1] < 0.1, "All forty pictures are known by heart."
assert last > 1.2 * lowest, "The mock exam's loss turns back and climbs."

# %% [markdown]
# The practice loss goes to nearly zero: all forty pictures are known by heart. The mock exam's loss falls for a few
# terms and then climbs. That is **overfitting**. The lowest point of the mock exam's loss, ringed in the figure, is
# where the student stops learning the subject and goes on learning the pictures.
#
# Notice too that the accuracy on the right hardly suffers while the loss on the left climbs. This is why we record
# both. Accuracy asks: *is the highest score the right one?* The loss asks: *how sure was the student of the truth?* A
# student who learns by heart becomes more and more certain, of its mistakes as well.
#
# | | practice loss | mock-exam loss | what to do |
# |---|---|---|---|
# | too few terms | falling | falling | go on |
# | healthy | falling slowly | level | stop, it is done |
# | learning by heart | near zero | climbing | fewer terms, more pictures, less room, augmentation (lesson 08) |
# | does not learn | level, near ln C | level, near ln C | learning rate (lesson 07), labels (lesson 05), a missing line |
#
# ## The report card has remarks
#
# You have read the curves yourself. A `History` also puts into words what a good teacher would write under it, with the
# figures that each remark rests on. Compare them with what you saw. Where the figures do not
# carry a remark, it says nothing: *too few terms*, for one, needs a last fall of the mock exam's loss by more than 2 %.

# %%
for name, card in {
    "three terms": short,
    "thirty terms": healthy,
    "forty on forty": by_heart,
}.items():
    print(name)
    for remark in card.remarks():
        print("  -", remark)

# %% [markdown]
# ## Why a copy of the best weights?
#
# At the end, `train_model` gives the student back the weights of its best term, not of its last. Step 7 keeps them with
# `copy.deepcopy`, and that word matters: `state_dict()` hands out the live tensors, which go on changing.

# %%
head = nn.Linear(2, 1)
kept_by_reference, kept_as_copy = head.state_dict(), copy.deepcopy(head.state_dict())
with torch.no_grad():
    head.weight += 1  # a later term
print(
    "by reference, changed along:",
    torch.equal(kept_by_reference["weight"], head.weight),
)
print(
    "as a copy, kept:            ", not torch.equal(kept_as_copy["weight"], head.weight)
)

# %% [markdown]
# One honest remark about "best". We choose the best of several mock exams, and the best of several is partly luck. So
# its mark is a little too good, and this is why there is a final exam, which nobody has chosen anything by (lesson 08).
#
# ## Four classic pitfalls
#
# | pitfall | what you see | what helps |
# |---|---|---|
# | `zero_grad()` forgotten | jumpy, poor learning | the five lines, always in the same order |
# | `train()` or `eval()` forgotten | marks that change with batch size and company | one at the start of each phase, not once before the loop |
# | data or model on another device | an error that names two devices | `.to(device)` for the model once, for each batch again |
# | the wrong teacher, or softmax before it | slow learning, no error | `CrossEntropyLoss` on raw scores, whole-number labels |
#
# The package looks for these and other mistakes in the first batch and says what it found. Here a label is out of
# range, as when classes are counted from 1.

# %%
features, labels = practice_notes.tensors
broken = DataLoader(TensorDataset(features, labels + 1), batch_size=len(labels))
head = nn.Linear(1280, 10).to(device)
try:
    optimizer = torch.optim.Adam(head.parameters())
    train_model(
        head,
        broken,
        broken,
        criterion=criterion,
        optimizer=optimizer,
        num_epochs=1,
        device=device,
    )
except ValueError as error:
    print("ValueError:", error)
else:
    raise AssertionError("The package should have refused labels from 1 to 10.")

# %% [markdown]
# ## Quick reference
#
# | step | code | what for |
# |---|---|---|
# | practice mode | `model.train()` | dropout and BatchNorm behave as in practice |
# | forget | `optimizer.zero_grad()` | each correction follows one batch |
# | answer | `outputs = model(images)` | forward pass |
# | mark | `loss = criterion(outputs, labels)` | how wrong? |
# | trace back | `loss.backward()` | gradients |
# | correct | `optimizer.step()` | change the weights |
# | exam mode | `model.eval()`, `with torch.no_grad():` | show, take no notes |
# | count | `loss.item() * len(labels)`, `argmax(dim=1) == labels` | per picture, exact |
# | keep the best | `copy.deepcopy(model.state_dict())` | a copy, not a reference |
#
# <details><summary><b>Questions and answers</b></summary>
#
# **Can I call `zero_grad()` after `step()` instead of before `backward()`?** Yes. Once per batch, anywhere between one
# `step` and the next `backward`. Before is easier to read.
#
# **Why compute the loss in the mock exam, if nothing is corrected?** To notice learning by heart. It shows in the loss
# earlier than in the accuracy.
#
# **Can I leave out the mock exam?** The loop would run, and you would fly blind: practice marks always look fine.
#
# **Why is the practice accuracy sometimes below the mock exam's?** It was counted *while* the student was still
# learning, at the beginning of the term too. Augmented pictures and dropout also make practice harder. It is no bug.
#
# **How many terms?** Until the mock exam no longer improves. `train_model(..., patience=5)` stops by itself after five
# terms without a new best.
#
# **My computer went to sleep in the middle.** `train_model(..., checkpoint_path="run.pt")` saves after every term, and
# `resume=True` goes on from there, with the same result as if nothing had happened.
#
# **Can I stop it by hand?** Interrupt the kernel (the square button). What was learned so far comes back, best weights
# in place.
#
# </details>
#
# ## Recap
#
# - **The story**: eight steps; five lines per batch: forget, answer, mark, trace back, correct.
# - **The loop**: practice and mock exam in every term, counted per picture, best weights kept as a copy.
# - **Why each line**: gradients add up, modes change layers, `no_grad` saves memory, `.item()` drops the notes.
# - **Curves**: still falling means too few terms; a mock-exam loss that turns back while practice goes on falling means
#   learning by heart; loss notices before accuracy.
# - **The package**: `train_model` is this loop, with checks, a report card and its remarks.
#
# ## Exercises
#
# ### Exercise 1 · One step, in the right order
#
# Write the five lines for one batch as a function. It returns the loss as a Python number. The check runs it twice on
# the same student and looks at the weights.


# %% tags=["exercise"]
def training_step(model, images, labels, criterion, optimizer):
    return ...  # instead: the five lines, and a return of the loss as a number


exercises.check("06.1", training_step)


# %% tags=["wrong"] hint="gradients of both batches"
def training_step(model, images, labels, criterion, optimizer):
    loss = criterion(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


exercises.check("06.1", training_step)


# %% tags=["wrong"] hint="erases"
def training_step(model, images, labels, criterion, optimizer):
    loss = criterion(model(images), labels)
    loss.backward()
    optimizer.zero_grad()
    optimizer.step()
    return loss.item()


exercises.check("06.1", training_step)


# %% tags=["wrong"] hint="Python number"
def training_step(model, images, labels, criterion, optimizer):
    optimizer.zero_grad()
    loss = criterion(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss


exercises.check("06.1", training_step)


# %% tags=["solution"]
def training_step(model, images, labels, criterion, optimizer):
    optimizer.zero_grad()
    loss = criterion(model(images), labels)
    loss.backward()
    optimizer.step()
    return loss.item()


exercises.check("06.1", training_step)

# %% [markdown]
# ### Exercise 2 · The loss of a term
#
# A term had three batches, of 32, 32 and 8 pictures, with mean losses 1.0, 2.0 and 5.0. What is the loss per picture?

# %% tags=["exercise"]
loss_per_picture = ...  # replace the dots
exercises.check("06.2", loss_per_picture)

# %% tags=["wrong"] hint="mean of the three means"
loss_per_picture = (1.0 + 2.0 + 5.0) / 3
exercises.check("06.2", loss_per_picture)

# %% tags=["wrong"] hint="72 pictures"
loss_per_picture = (1.0 * 32 + 2.0 * 32 + 5.0 * 8) / 96
exercises.check("06.2", loss_per_picture)

# %% tags=["solution"]
loss_per_picture = (1.0 * 32 + 2.0 * 32 + 5.0 * 8) / (32 + 32 + 8)
exercises.check("06.2", loss_per_picture)

# %% [markdown]
# ### Exercise 3 · How many corrections?
#
# 1,000 practice pictures, batches of 32, 10 terms, and the coach corrects after every *fourth* batch, with a correction
# of its own for the batches left over at the end of a term. How often does the coach correct in all?

# %% tags=["exercise"]
num_corrections = ...  # replace the dots
exercises.check("06.3", num_corrections)

# %% tags=["wrong"] hint="after every batch"
num_corrections = 32 * 10
exercises.check("06.3", num_corrections)

# %% tags=["wrong"] hint="one term"
num_corrections = 8
exercises.check("06.3", num_corrections)

# %% tags=["solution"]
# 1000 / 32 = 31.25, so 32 batches; 32 / 4 = 8 corrections a term, none left over
num_corrections = 8 * 10
exercises.check("06.3", num_corrections)

# %% [markdown]
# ### Exercise 4 · Diagnose
#
# A report card: practice loss 2.1, 0.6, 0.2, 0.05, 0.01; mock-exam loss 1.9, 0.9, 0.8, 1.1, 1.6. What is it:
# `"too few terms"`, `"healthy"`, `"learning by heart"` or `"does not learn"`?

# %% tags=["exercise"]
diagnosis = ...  # replace the dots
exercises.check("06.4", diagnosis)

# %% tags=["wrong"] hint="Only the practice"
diagnosis = "healthy"
exercises.check("06.4", diagnosis)

# %% tags=["wrong"] hint="since the third term"
diagnosis = "too few terms"
exercises.check("06.4", diagnosis)

# %% tags=["solution"]
diagnosis = "learning by heart"
exercises.check("06.4", diagnosis)

# %% [markdown]
# ## Next
#
# We used a learning rate of 0.001, and now and then another, and never asked why. **Lesson 07** asks: how fast should a
# student learn, how much room does its memory need, and is the difference between two runs real?
