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
# # 06 · The training loop
#
# **What happens between a student who knows nothing of a subject and one who passes the exam?**
#
# Every character has been introduced. The student can look (lesson 04), the teacher can mark and the coach can correct
# (lesson 05), and the pictures come in batches (lesson 03). Now they work together, term after term. It is the heart of
# the series: about forty lines. You put them together, you see them succeed, and then you break them, one thing at a
# time.
#
# ## What you will learn
#
# - **tell** the story of a training run in eight steps, and point at the line of code for each
# - **build** the loop, a practice, a mock exam, the terms, the best weights, and write its heart yourself
# - **break** it in six places, and say from the curves and the ring what is wrong
# - **tell apart** `eval()` and `no_grad()`, two switches for two different things
# - **read** loss curves: too few terms, healthy learning, learning by heart
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
NUM_EPOCHS = 20  # school terms

# %%
import copy
import math
import random
import time

import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils import (
    History,
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
from course_utils.report.metrics import majority_baseline, standard_error

device = get_device()
root = clothing(DATASET)
criterion = nn.CrossEntropyLoss()  # the teacher, for the whole lesson

# %% [markdown]
# ## The story in eight steps
#
# Read the middle column as a story. The right one is the same story in code; by the end of the lesson you will have run
# every line of it.
#
# | | the story | the code |
# |---|---|---|
# | 1 | **Before school.** The clock is started, and an empty report card is laid out. | `time.perf_counter()`, an empty `report` |
# | 2 | **A term begins**, and there will be several. In each the student sees every practice picture once, and then sits a mock exam. | `for _ in range(num_epochs):` |
# | 3 | **Two phases, two attitudes**: in practice it learns, in the exam it shows what it can do. | `model.train()`, `model.eval()` |
# | 4 | **We follow along** with a running sum of the marks, which are losses, and a count of the right answers. | `total_loss += ...`, `num_right += ...` |
# | 5 | **One batch.** The coach forgets the last batch's gradients, the student answers, the teacher marks, the mark is traced back to the weights, the coach corrects. | `zero_grad()`, `model(inputs)`, `criterion(...)`, `backward()`, `step()` |
# | 6 | **The end of a phase.** The mean mark per picture and the share of right answers go into the report card. | `total_loss / num_seen`, `num_right / num_seen` |
# | 7 | **A personal best?** If the mock exam's loss is lower than ever, we keep a copy of the student as it is now. | `copy.deepcopy(model.state_dict())` |
# | 8 | **After the last term** the student gets its best self back. | `model.load_state_dict(best_weights)` |
#
# It is a loop inside a loop: batches within a term, terms within the schooling.

# %%
plotting.draw_flow(
    [
        ("a term begins", "train()"),
        ("a batch comes", "inputs, labels"),
        ("forget", "zero_grad()"),
        ("answer", "model(inputs)"),
        ("mark", "criterion()"),
        ("trace back", "backward()"),
        ("correct", "step()"),
        ("mock exam", "eval()\nno_grad()"),
        ("report card", "History"),
        ("a best? keep it", "deepcopy()"),
    ],
    loops=[(6, 1, "next batch"), (9, 0, "next term")],
    num_columns=5,
    title="A loop inside a loop",
)

# %% [markdown]
# ## One batch, in slow motion
#
# Step 5 first, on real pictures, one line at a time. The student is lesson 04's, with a frozen backbone and a new head.
# Pictures are files, so a batch arrives on the CPU; it moves to the student's device.

# %%
set_seed(0)
classes = sorted(path.name for path in (root / "train").iterdir() if path.is_dir())
model = build_classifier(len(classes), weights=WEIGHTS, classes=classes).to(device)
look = build_eval_transform(model.spec)
loaders = make_dataloaders(root, train_transform=look, eval_transform=look)

images, labels = next(iter(loaders.train))
images, labels = images.to(device), labels.to(device)
print("images", tuple(images.shape), "  labels", tuple(labels.shape))
LOSSES = ["near 0", "near 2.3", "near 10"]
widgets.predict_first("06.1", "What is the loss of a new head, ten classes?", LOSSES)

# %% [markdown]
# Choose. Then *forget*, *answer*, *mark*. The coach is handed the head's weights only: everything else stays as it is.

# %%
optimizer = torch.optim.Adam(model.head.parameters(), lr=0.001)

model.train()
optimizer.zero_grad()
outputs = model(images)
loss = criterion(outputs, labels)
print("outputs", tuple(outputs.shape), "  loss", round(loss.item(), 3))
what_happened("06.1", LOSSES[0 if loss < 1 else 1 if loss < 5 else 2])

# %% tags=["claim"]
assert 2.1 < loss < 3.2, "The new head's loss is near ln 10, as a rule a little above."

# %% [markdown]
# Guessing among ten classes costs log 10 = 2.30 (lesson 05); a new head has accidental opinions, and they cost a
# little more. Then *trace back* and *correct*. We watch the weights of the head before and after.

# %%
weight = model.head.weight
before = weight.detach().clone()  # a copy of the numbers alone (lesson 05)
print("gradient before:", weight.grad)
loss.backward()
print("after backward: gradient", tuple(weight.grad.shape), end="")
print(", weights moved:", not torch.equal(before, weight))
optimizer.step()
print(f"after step: weights moved, by {(weight - before).abs().mean():.5f} on average")
with torch.no_grad():
    loss_now = criterion(model(images), labels)
print(f"loss on this batch: {loss:.3f} before, {loss_now:.3f} now")

# %% tags=["claim"]
assert loss_now < loss, "One correction lowers the loss on its own batch."
assert abs((weight - before).abs().mean() - 0.001) < 2e-4, (
    "Adam's first step is the rate."
)

# %% [markdown]
# `backward()` fills in a gradient for every weight that may learn, and moves none. `step()` moves them. (By the
# learning rate: that is Adam's first step, lesson 05. Run the cell again and PyTorch complains, since `backward()` uses
# the graph up.) That is all the learning there is. The rest is repetition, and bookkeeping that keeps us honest.
#
# ## Look once
#
# A frozen backbone says the same about a picture in every term. So we let it look *once* and keep what it says, 1,280
# numbers a picture: the student's **revision notes** (more about them in lesson 07). From here on only a head
# practises, and a term takes a moment. The loop does not know the difference: its loader hands out notes in place of
# pictures. (`extract_features` returns a data set; its `.tensors` are the notes and the labels. `train_eval` is the
# practice in order, not shuffled.)
#
# `begin()` gives us a fresh head, its practice and its coach, always in the same state. The head has **dropout**: in
# practice a random half of its inputs is switched off, so that it cannot lean on a few.


# %%
options = {"device": device, "keep": True}  # kept on the disk
practice_notes = extract_features(model.backbone, loaders.train_eval, **options)
exam_notes = extract_features(model.backbone, loaders.val, **options)
val_loader = DataLoader(exam_notes, batch_size=100)
num_exam = len(exam_notes)
majority = majority_baseline(practice_notes.tensors[1], exam_notes.tensors[1])
print("practice", tuple(practice_notes.tensors[0].shape), "  mock exam", num_exam)
print(f"always the most frequent answer: {majority:.0%} right")


def begin(seed=0, learning_rate=0.001):
    set_seed(seed)
    head = nn.Sequential(nn.Dropout(0.5), nn.Linear(1280, len(classes))).to(device)
    train_loader = DataLoader(practice_notes, batch_size=32, shuffle=True)
    optimizer = torch.optim.Adam(head.parameters(), lr=learning_rate)
    return head, train_loader, optimizer


# %% [markdown]
# ## The loop, written out
#
# Three functions. The first is one practice; the numbers in its remarks are those of the story.


# %%
def train_one_epoch(model, loader, criterion, optimizer):
    """Practise for one term. Return the loss and the share of right answers."""
    model.train()  # 3
    total_loss, num_right, num_seen = 0.0, 0, 0  # 4
    for inputs, labels in loader:  # 5
        inputs, labels = inputs.to(device), labels.to(device)
        optimizer.zero_grad()
        outputs = model(inputs)
        loss = criterion(outputs, labels)
        loss.backward()
        optimizer.step()
        total_loss += loss.item() * len(labels)
        num_right += (outputs.argmax(dim=1) == labels).sum().item()
        num_seen += len(labels)
    return total_loss / num_seen, num_right / num_seen  # 6


# %% [markdown]
# The second is one mock exam. Look for what is missing: there is nothing to forget, nothing is traced back, and
# nobody corrects. The student answers, the teacher marks, and that is all.


# %%
def evaluate(model, loader, criterion):
    """Sit an exam. Return the loss and the share of right answers."""
    model.eval()  # 3
    total_loss, num_right, num_seen = 0.0, 0, 0
    with torch.no_grad():
        for inputs, labels in loader:
            inputs, labels = inputs.to(device), labels.to(device)
            outputs = model(inputs)
            total_loss += criterion(outputs, labels).item() * len(labels)
            num_right += (outputs.argmax(dim=1) == labels).sum().item()
            num_seen += len(labels)
    return total_loss / num_seen, num_right / num_seen  # 6


# %% [markdown]
# The third is the whole schooling: term after term, both of them, the report card, and the best weights. Practice and
# exam bring two numbers each, for the four lists of the report card. (`History` is the package's; a cell that ends in one
# shows it as a table.)


# %% tags=["write-it:course_utils.training.train_model"]
LISTS = ["train_loss", "train_accuracy", "val_loss", "val_accuracy"]


def train(model, train_loader, optimizer, criterion=criterion, num_epochs=NUM_EPOCHS):
    """Run the whole loop. Return the report card; `model` has its best weights."""
    started = time.perf_counter()  # 1
    report = {name: [] for name in LISTS}
    best_loss, best_weights = math.inf, copy.deepcopy(model.state_dict())
    for _ in range(num_epochs):  # 2
        practice = train_one_epoch(model, train_loader, criterion, optimizer)
        exam = evaluate(model, val_loader, criterion)
        for name, value in zip(report, [*practice, *exam], strict=True):  # 6
            report[name].append(value)
        if exam[0] < best_loss:  # 7
            best_loss, best_weights = exam[0], copy.deepcopy(model.state_dict())
    model.load_state_dict(best_weights)  # 8
    print(f"{num_epochs} terms in {time.perf_counter() - started:.1f} seconds")
    return History(**report, num_val=num_exam, majority=majority, monitor="val_loss")


healthy = train(*begin())
plotting.show(
    plotting.plot_history(healthy, guessing=math.log(10), title="The loop, written out")
)
accuracy = healthy.val_accuracy[healthy.best_epoch - 1]
error = standard_error(accuracy, num_exam)
used = {"pictures": DATASET, "weights": WEIGHTS}
compare_with_book("06.healthy", accuracy, error=error, **used)

# %% tags=["claim"]
assert accuracy > majority + 0.25, "Far above the majority baseline."
assert healthy.val_loss[0] < math.log(10), "The first term is better than guessing."
assert healthy.val_loss[0] - healthy.val_loss[5] > 2 * (
    healthy.val_loss[-6] - healthy.val_loss[-1]
), "Steeply at first, then more and more slowly."

# %% [markdown]
# It has learned. The loss comes down from guessing, steeply at first, then ever more slowly; the share of right answers
# is far above the dotted line of somebody who always says the same. (The whiskers are one standard error. The
# bar under the figure compares your share, in the best term, with the book's.)
#
# ## The package's loop is this loop
#
# `course_utils.train_model` is the same story, split into functions with the same names. It has a progress bar,
# checkpoints, and checks of the first batch besides. That it computes the same is no matter of trust: same seed, same
# start, and the two report cards must agree.
#
# `on_epoch_end` takes a function that is called after every term. Ours asks the student what it thinks of eight garments
# of the mock exam.


# %%
def remember(_):
    head.eval()
    with torch.no_grad():
        thoughts.append(head(eight_notes).softmax(dim=1).cpu())


eight = list(range(5, num_exam, num_exam // 8))[:8]
eight_notes = exam_notes.tensors[0][eight].to(device)
head, train_loader, optimizer = begin()
thoughts = []
remember("before the first term")
card = train_model(
    head,
    train_loader,
    val_loader,
    criterion=criterion,
    optimizer=optimizer,
    num_epochs=NUM_EPOCHS,
    device=device,
    monitor="val_loss",
    on_epoch_end=remember,
    progress=False,
)
for name in LISTS:
    ours, theirs = getattr(healthy, name), getattr(card, name)
    assert all(abs(a - b) < 1e-4 for a, b in zip(ours, theirs, strict=True)), name
print("The two report cards agree, number by number, to 0.0001.")

# %% [markdown]
# And here is the student, watched while it learned: its probabilities for each of the eight garments, term by term. The
# blue bar with the small arrow is the truth.

# %%
garments = [loaders.val.dataset[place][0] for place in eight]
truths = exam_notes.tensors[1][eight].tolist()
plotting.animate_thoughts(garments, thoughts, truths, classes, spec=model.spec)

# %% tags=["claim"]
assert sum(thoughts[0].argmax(1) == torch.tensor(truths)) <= 4, "At first, accidents."
assert sum(thoughts[-1].argmax(1) == torch.tensor(truths)) >= 6, "Nearly all are right."

# %% [markdown]
# (It plays three times; run the cell again to see it again.) Before the first term the bars are accidents. Then the blue
# ones push through, most of them in the first few terms, and in the end nearly all of the eight are right. Where the
# student hesitates, you see between what.
#
# ## Break it
#
# What does each line prevent? Take it away and see. `school` runs our loop with one thing broken. A method that is
# replaced by one that does nothing is as good as a line removed.


# %%
def school(broken=None, **start):
    """Run the loop with one thing broken. Return the report card and the student."""
    head, train_loader, optimizer = begin(**start)

    def teacher(outputs, labels):
        twice = broken == "softmax twice"
        return criterion(outputs.softmax(dim=1) if twice else outputs, labels)

    if broken == "no zero_grad":
        optimizer.zero_grad = lambda: None
    elif broken == "no step":
        optimizer.step = lambda: None
    elif broken == "no eval":
        head.eval = lambda: None
    elif broken == "labels shuffled":
        notes, labels = practice_notes.tensors
        mixed = TensorDataset(notes, labels[torch.randperm(len(labels))])
        train_loader = DataLoader(mixed, batch_size=32, shuffle=True)
    elif broken == "last weights":
        head.load_state_dict = lambda _: None
    elif broken == "no train":  # exercise 2; eval() calls train(False)
        switch = head.train
        head.train = lambda mode=True: None if mode else switch(False)
    return train(head, train_loader, optimizer, teacher), head


SWITCHES = ["no zero_grad", "no step", "no eval"]
SWITCHES += ["softmax twice", "labels shuffled", "last weights"]
widgets.predict_first("06.2", "Whose loss climbs far above guessing?", SWITCHES)

# %% [markdown]
# Choose, and say to yourself for each of the six what its curves will look like. Then let them go to school.

# %%
cards, students = {}, {}
for name in SWITCHES:
    cards[name], students[name] = school(name)
plotting.show(
    plotting.plot_broken(
        healthy, cards, guessing=math.log(10), keep_last=["last weights"]
    )
)
what_happened("06.2", max(SWITCHES, key=lambda name: cards[name].val_loss[-1]))

# %% tags=["claim"]
assert cards["no zero_grad"].val_loss[-1] > 20, "Without zero_grad the loss flies off."
assert max(cards["no step"].val_loss) - min(cards["no step"].val_loss) < 1e-6, (
    "Without step the mock exam stands still."
)
assert min(cards["no step"].train_loss) > 2.2, "Nor does it learn in practice."
assert sum(cards["no eval"].val_loss) > sum(healthy.val_loss) + 0.05 * NUM_EPOCHS, (
    "Without eval the exam's loss lies higher."
)
assert cards["no eval"].train_loss[0] == healthy.train_loss[0], "Practice begins alike."
assert min(cards["softmax twice"].val_loss) > math.log(1 + 9 / math.e), (
    "The loss cannot fall below its floor."
)
assert 1.455 < math.log(1 + 9 / math.e) < 1.465, "The floor is 1.46."
assert cards["softmax twice"].val_loss[-1] > healthy.val_loss[-1] + 0.3, "It lingers."
assert min(cards["labels shuffled"].val_loss) > 2.05, "Nothing to learn: guessing."
assert (
    cards["labels shuffled"].train_loss[-1]
    < cards["labels shuffled"].train_loss[0] - 0.1
), "Practice falls all the same."
assert cards["last weights"].val_loss == healthy.val_loss, "The same curves."
assert all(
    card.val_loss[-1] < 3 for name, card in cards.items() if name != "no zero_grad"
), "Only one of the six flies off."

# %% [markdown]
# - **No `zero_grad`**: the loss flies off, out of the panel. Every correction follows all gradients since the first day.
# - **No `step`**: the mock exam stands still to the last digit. Everything is computed, and nothing is learned. (In
#   practice dropout makes the loss higher, and wobble.)
# - **No `eval`**: practice looks like the healthy one's, but the exam lies higher. We come back to it.
# - **Softmax twice**: the loss creeps, and cannot fall below 1.46, however right the answers are (lesson 05). No error,
#   no warning.
# - **Labels shuffled**: there is no rule to find. The exam stays near guessing (mostly a little below: how frequent
#   each kind is survives the shuffling), and practice falls all the same: by heart, as in lesson 00.
# - **Last weights** instead of the best: the same curves. Only the ring moves; it marks the weights that were kept.
#
# ### What `zero_grad` forgets
#
# PyTorch *adds* each new gradient to what is there already. One weight, and three batches whose gradients we choose:

# %%
weight = torch.tensor(1.0, requires_grad=True)
for gradient in (0.5, 0.3, -0.2):
    (weight * gradient).backward()  # the slope of weight * 0.5 is 0.5
    print(f"this batch {gradient:+.1f}, in weight.grad {weight.grad.item():+.1f}")

# %% tags=["claim"]
assert abs(weight.grad.item() - 0.6) < 1e-6, "The gradients add up to 0.6."

# %% [markdown]
# The third batch says *raise the weight* (its gradient is negative). The sum, +0.6, says *lower it*, and SGD would.
# `zero_grad()` before each `backward()` makes every correction follow its own batch. (Sometimes the sum is wanted: see
# exercise 3.)
#
# ### The student or the exam?
#
# Without `eval()`, dropout went on in the mock exam: half of the notes were hidden while the student answered. So is it
# a worse student, or was it a worse exam? We put the line back and ask the same student again.

# %%
VERDICTS = ["about the same, a worse student", "near the healthy one's, a worse exam"]
widgets.predict_first("06.3", "Its loss in a proper exam?", VERDICTS)

# %% [markdown]
# Choose, then ask. The other students sit the proper exam as well.

# %%
del students["no eval"].eval  # what replaced the method is gone: the line is back
losses, shares = {}, {"healthy": accuracy}
for name, student in students.items():
    losses[name], shares[name] = evaluate(student, val_loader, criterion)
plotting.show(
    plotting.plot_marks(
        {name.replace(" ", "\n"): share for name, share in shares.items()},
        majority=majority,
        num_samples=num_exam,
        title="A proper mock exam for all",
    )
)
card_says = sum(cards["no eval"].val_loss[-5:]) / 5
print(f"no eval: {card_says:.2f} on its card, in the last five terms")
print(f"properly asked: {losses['no eval']:.2f}   healthy: {min(healthy.val_loss):.2f}")
is_fine = losses["no eval"] < (card_says + min(healthy.val_loss)) / 2
what_happened("06.3", VERDICTS[is_fine])

# %% tags=["claim"]
assert is_fine, (
    "Properly asked, the student without eval is as good as the healthy one."
)
assert abs(shares["no eval"] - accuracy) < 0.06, "Nor do they differ in right answers."
assert shares["no step"] < majority, "Who never learns is below the majority line."
assert shares["labels shuffled"] < majority + 0.06, "Shuffled labels teach nothing."
assert shares["no zero_grad"] < accuracy - 0.08, "Without zero_grad it is much worse."
assert abs(losses["last weights"] - min(healthy.val_loss)) < 0.1, (
    "Last or best: hardly a difference."
)
assert 0.01 < accuracy - shares["last weights"] < 0.045, "About one standard error."
assert shares["softmax twice"] > majority + 0.1, "Softmax twice does learn."
assert 0.04 < accuracy - shares["softmax twice"] < 0.2, "It costs about ten points."

# %% [markdown]
# The student was fine; the report card was not. That is the mean thing about a forgotten `eval()`: it spoils no
# weight, only what you know of the student, and with that the choice of the weights to keep.
#
# Of the others, *softmax twice* is the quietest: it cost more than ten points, without a word. And *last weights* cost
# next to nothing today, a few hundredths of the loss and three points of right answers, about one standard error,
# because the healthy curve is nearly level at its end. Keeping the best is an insurance. The section on learning by
# heart shows when it pays.
#
# ## `eval()` and `no_grad()`: two switches
#
# They stand side by side in every exam, and they are easily taken for one. `eval()` is about **layers**: dropout stops
# hiding numbers, BatchNorm uses its averages and stops collecting (lesson 04). `no_grad()` is about the **graph**
# (lesson 05): PyTorch does not write down how the answer was computed. Four combinations, on a student with both kinds of
# layers:

# %%
fresh = nn.Sequential(
    nn.Linear(1280, 32), nn.BatchNorm1d(32), nn.Dropout(0.5), nn.Linear(32, 10)
).to(device)
MOVES = ["nothing", "BatchNorm's averages", "its weights"]
widgets.predict_first("06.4", "no_grad() without eval(): what moves?", MOVES)

# %% [markdown]
# Choose, then look at the second line of the table.

# %%
print("mode    graph kept  same answer twice  BatchNorm moved")
moved = {}
for mode in ("train", "eval"):
    for keep_graph in (True, False):
        student = copy.deepcopy(fresh).train(mode == "train")
        before = copy.deepcopy(student.state_dict())
        with torch.set_grad_enabled(keep_graph):  # False is what no_grad() does
            first, second = student(eight_notes), student(eight_notes)
        after = student.state_dict()
        moved[mode, keep_graph] = [k for k in after if not after[k].equal(before[k])]
        same = torch.equal(first, second)
        has_moved = "1.running_mean" in moved[mode, keep_graph]
        print(f"{mode:8}{first.requires_grad!s:12}{same!s:19}{has_moved}")
what_happened("06.4", MOVES[bool(moved["train", False])])

# %% tags=["claim"]
assert all(name.startswith("1.") for name in moved["train", False]), "No weight moves."
assert "1.running_mean" in moved["train", False], "no_grad does not stop BatchNorm."
assert not moved["eval", True], "In eval nothing moves."
assert student.eval()(eight_notes).requires_grad, "eval() keeps the graph."

# %% [markdown]
# Each switch moves its own columns and leaves the other's alone. In `eval()` the graph is kept all the same, and a
# `backward()` and a `step()` would change the weights: **`eval()` stops no learning**. Under `no_grad()` alone the
# answers still depend on chance, and BatchNorm goes on collecting: an exam would leave traces in the student.
#
# What does `no_grad` save, then? Memory. To trace a loss back, PyTorch keeps what every layer computed. The cell counts
# it, for sixteen pictures through a student whose backbone may learn, with a function that PyTorch calls for every
# tensor that it keeps.

# %%
kept = {}


def count(tensor):
    kept[tensor.data_ptr()] = tensor.nbytes  # each place in memory once
    return tensor


unfrozen = build_classifier(10, weights=WEIGHTS, freeze_backbone=False).eval()
with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
    unfrozen(images[:16].cpu())
    print(f"with a graph:  {sum(kept.values()) / 1e6:.0f} MB for 16 pictures")
    kept.clear()
    with torch.no_grad():
        unfrozen(images[:16].cpu())
    print(f"with no_grad:  {sum(kept.values()) / 1e6:.0f} MB")

# %% tags=["claim"]
assert not kept, "Under no_grad nothing is kept."
assert torch.equal(model.train()(images[:8]), model.eval()(images[:8])), (
    "Lesson 04's student says the same in both modes."
)

# %% [markdown]
# On a graphics card, where memory is scarce, an exam without `no_grad` is a common reason why training
# stops with "out of memory" at the end of its first term: no `backward()` frees its graphs, and the last batch's is
# still there while the next one grows.
#
# `.item()` belongs here as well. `loss.item()` is a plain number; `loss` is a tensor with a thread to all that it was
# computed from. `total_loss += loss` would tie all those threads together; in an exam without `no_grad` that keeps the
# graph of every batch.
#
# ## Count per picture
#
# Why `loss.item() * len(labels)`? The criterion returns the *mean* over a batch, and the last batch is mostly
# smaller than the others (lesson 03). Who averages the means of the batches lets it count too much: two loops with
# different batch sizes can disagree about one and the same student.
#
# (You will meet an older way to write it: `torch.max(outputs, 1)`, which returns the highest scores *and* their places,
# and `labels.size(0)` for `len(labels)`.)

# %%
outputs = head(eight_notes)
_, predicted = torch.max(outputs, 1)
assert torch.equal(predicted, outputs.argmax(dim=1)), "Both ask for the highest score."

notes, labels = exam_notes.tensors
for batch_size in (num_exam, 100, 64, num_exam - 1):
    per_picture, _ = evaluate(head, DataLoader(exam_notes, batch_size), criterion)
    parts = zip(notes.split(batch_size), labels.split(batch_size), strict=True)
    means = [evaluate(head, [part], criterion)[0] for part in parts]
    print(f"batches of {batch_size:3}: per picture {per_picture:.4f}, ", end="")
    print(f"mean of the batches' means {sum(means) / len(means):.4f}")

# %% tags=["claim"]
assert abs(per_picture - evaluate(head, val_loader, criterion)[0]) < 1e-4, "No size."
assert abs(sum(means) / len(means) - per_picture) > 0.05, "The mean of means is off."

# %% [markdown]
# In the last line a single picture makes a batch of its own, and counts for half of the exam.
#
# ## Reading curves
#
# Two more runs beside the healthy one. The first is over after three terms. The second has far more room than it needs,
# an inner layer of 512, only 80 pictures, and forty terms. Its practice loss will go nearly to zero: eighty pictures
# are soon known by heart. And the loss on pictures that it has not seen?

# %%
COURSES = ["down, further than before", "down, then level", "down, then up again"]
widgets.predict_first("06.5", "By heart: where does the exam's loss go?", COURSES)

# %% [markdown]
# Choose first, then let them practise. Under the curves stands what a good teacher would write under each report card:
# a `History` has remarks, wherever its numbers call for one.

# %%
set_seed(0)
roomy = nn.Sequential(nn.Linear(1280, 512), nn.ReLU(), nn.Linear(512, len(classes)))
roomy, chosen = roomy.to(device), torch.randperm(len(practice_notes))[:80]
few = DataLoader(TensorDataset(*practice_notes[chosen]), batch_size=32, shuffle=True)
coach = torch.optim.Adam(roomy.parameters(), lr=0.001)
runs = {
    "three terms": train(*begin(), num_epochs=3),
    "healthy": healthy,
    "by heart": train(roomy, few, coach, num_epochs=40),
}
plotting.show(plotting.plot_loss_grid(runs, guessing=math.log(10)))
for name, run in runs.items():
    print(f"{name}:", *(run.remarks() or ["no remark"]), sep="\n  - ")
heart = runs["by heart"].val_accuracy
print(f"accuracy by heart: {max(heart):.0%} at its best, {heart[-1]:.0%} at the end")
lowest, last = min(runs["by heart"].val_loss), runs["by heart"].val_loss[-1]
what_happened("06.5", COURSES[2 if last > 1.05 * lowest else 0 if last < 1 else 1])

# %% tags=["claim"]
assert runs["by heart"].train_loss[-1] < 0.15, "All eighty are known by heart."
assert lowest < 2.1, "At its best it has learned something of the subject."
assert roomy.state_dict()["0.weight"].data_ptr() == roomy[0].weight.data_ptr(), (
    "state_dict() hands out the live tensors."
)
assert last > 1.2 * lowest, "Then the mock exam's loss turns back and climbs."
assert max(runs["by heart"].val_accuracy) - runs["by heart"].val_accuracy[-1] < 0.08, (
    "The accuracy hardly suffers."
)

# %% [markdown]
# - **Three terms**: both losses are still on their way down when the run ends. The loop is in order; the school time
#   was too short.
# - **Healthy**: the exam's loss levels off. Practice lies above it at first: it is measured while the student is still
#   learning, and with dropout.
# - **By heart**: practice goes to nearly nothing, and the exam's loss falls for a few terms and then climbs. That is
#   **overfitting**. From the turn on, more practice on its eighty pictures raises the loss on the others.
#
# By heart is where the best weights pay: the last ones have the loss at the right end of the curve, the best ones that
# in the ring. And the word `deepcopy` matters there: `state_dict()` hands out the *live* tensors, and without a copy the
# "best" weights go on changing with the student.
#
# The accuracy printed above hardly suffers, while the loss climbs. That is why we record both. Accuracy asks: *is the
# highest score the right one?* The loss asks: *how sure was the student of the truth?* Who learns by heart grows ever
# surer, of its mistakes as well. And without any mock exam? Nothing would crash. But practice looks better and better
# even where labels are shuffled, and you would not notice.
#
# | | practice loss | mock-exam loss | what to do |
# |---|---|---|---|
# | too few terms | falling | falling | go on |
# | healthy | falling slowly | level | stop, it is done |
# | learning by heart | near zero | climbing | fewer terms, more pictures, less room, augmentation (lesson 08) |
# | does not learn | level, near log C | level, near log C | a missing line, labels (lesson 05), learning rate (lesson 07) |
#
# One honest remark of our own: we choose the best of several mock exams by the mock exam, so it is a little too
# kind. That is why there is a final exam, by which nothing has been chosen (lesson 08).
#
# ## Quick reference
#
# | step | code | without it |
# |---|---|---|
# | practice mode | `model.train()` | dropout stays off after the first exam, BatchNorm stands still |
# | forget | `optimizer.zero_grad()` | corrections follow all gradients so far: the loss flies off |
# | answer | `outputs = model(inputs)` | |
# | mark | `loss = criterion(outputs, labels)` | raw scores go in; with softmax before it, the loss has a floor |
# | trace back | `loss.backward()` | no gradients, and `step()` does nothing |
# | correct | `optimizer.step()` | nothing moves |
# | exam mode | `model.eval()` | a false report card |
# | no graph | `with torch.no_grad():` | memory may run out |
# | count | `loss.item() * len(labels)` | small batches count too much |
# | keep the best | `copy.deepcopy(model.state_dict())` | the last, which may be worse |
# | move | `.to(device)`, each batch | an error that names two devices |
#
# `train_model` looks for what can be seen from outside, in its first batch: labels out of range, softmax before the
# loss, an optimizer that holds the wrong weights. These checks cannot see that a line is missing in a loop of your own.
# Curves often can, and lesson 11 has a tool that can.
#
# <details><summary><b>Questions and answers</b></summary>
#
# **I have seen loops with `for phase in ["train", "val"]` and `if phase == "train":`. Are they different?** No. They put
# both phases into one inner loop: `model.train()` or `model.eval()` by the phase, `with
# torch.set_grad_enabled(phase == "train"):` around the forward pass, and `backward()` and `step()` behind an `if`. It
# saves a few lines, and every line has to be read twice.
#
# **Can I watch the curves grow?** Yes: `train_model(..., on_epoch_end=plotting.LiveCurves())`.
#
# **How do I get a progress bar?** `from tqdm.auto import tqdm`, and then `for inputs, labels in tqdm(loader):`. Whatever
# can be looped over can be wrapped. `train_model` does it for you.
#
# **What does a forgotten `train()` do?** After the first exam the student stays in `eval()`. It goes on learning (that
# switch stops no learning), but without dropout, and BatchNorm no longer collects. Practice looks better than the
# healthy one's. Hence `train()` at the beginning of *every* practice, not once before the loop.
#
# **Two answers of my student differ between `train()` and `eval()`. Is it dropout?** Only if it has any. Lesson 04's
# student has none: its new head replaced the whole classifier, and with it MobileNet's dropout; its frozen BatchNorm
# stays in `eval()`. There the two modes agree to the last digit. Write both lines all the same: the day you add dropout
# or unfreeze a block, nothing will remind you.
#
# **Can I call `zero_grad()` after `step()`?** Yes. Once per batch, anywhere between one `step` and the next `backward`.
#
# **Is adding up gradients the same as a larger batch?** Yes, where each picture is answered alone (dropout hides other
# numbers, that is all). No, where BatchNorm is learning: it averages over each small batch alone.
#
# **Why is practice accuracy sometimes below the mock exam's?** It is counted *while* the student learns, from the
# beginning of the term on, and with dropout or augmentation. It is no bug.
#
# **How many terms?** Until the mock exam no longer improves. `train_model(..., patience=5)` stops after five terms
# without a new best.
#
# **My computer went to sleep in the middle.** `train_model(..., checkpoint_path="run.pt")` saves after every term;
# `resume=True` goes on from there, with the same result. Interrupt the kernel, and what was learned so far comes back,
# best weights in place.
#
# **I have changed the settings, and my numbers are others.** The photographs are harder or easier, another network sees
# more or less. The symptoms stay: what flies off, stands still, lies too high or has a floor.
#
# **Does `item()` cost time?** On a graphics card it waits until the card is done. The package therefore sums with
# `loss.detach()`, a tensor without a graph, and reads the number only when the bar is redrawn.
#
# </details>
#
# ## Recap
#
# - **The story**: eight steps, a loop inside a loop; per batch forget, answer, mark, trace back, correct.
# - **The loop**: `train_one_epoch`, `evaluate`, and the terms around them; the package's computes the same.
# - **Broken**: gradients add up, a still student, a false card, a floor, guessing, the last in place of the best.
# - **Two switches**: `eval()` changes layers, `no_grad()` drops the graph; neither does the other's work.
# - **Curves**: still falling, level, turning back.
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
# ### Exercise 2 · What was broken?
#
# Four more runs, at half the learning rate and from another start; chance has broken one thing in each. Of the six kinds
# one is new to you: *no train*, a student left in `eval()` mode, whose dropout is off while it practises. Here are the
# curves, on shared axes, over the healthy run at this rate.

# %%
KINDS = ["no zero_grad", "no step", "no eval", "softmax twice", "labels shuffled"]
hidden = random.Random(5).sample([*KINDS, "no train"], 4)  # do not print it!
start = {"seed": 1, "learning_rate": 0.0005}
calm, _ = school(**start)
puzzle = {a: school(name, **start)[0] for a, name in zip("ABCD", hidden, strict=True)}
plotting.plot_broken(calm, puzzle, guessing=math.log(10), title="What was broken?")

# %% tags=["claim"]
assert puzzle["C"].train_loss[-1] < calm.train_loss[-1] - 0.05, (
    "Without train, practice looks better than the healthy one's."
)
assert hidden == ["labels shuffled", "no eval", "no train", "softmax twice"], (
    "As solved."
)

# %% [markdown]
# Say of each letter which of the kinds it is.

# %% tags=["exercise"]
answer = {"A": ..., "B": ..., "C": ..., "D": ...}  # such as "no step"
exercises.check("06.2", answer, truth=dict(zip("ABCD", hidden, strict=True)))

# %% tags=["wrong"] hint="0 of 4 are right"
answer = dict(zip("ABCD", hidden[1:] + hidden[:1], strict=True))
exercises.check("06.2", answer, truth=dict(zip("ABCD", hidden, strict=True)))

# %% tags=["wrong"] hint="Choose from"
answer = dict.fromkeys("ABCD", "it learns slowly")
exercises.check("06.2", answer, truth=dict(zip("ABCD", hidden, strict=True)))

# %% tags=["solution"]
answer = {"A": "labels shuffled", "B": "no eval", "C": "no train", "D": "softmax twice"}
exercises.check("06.2", answer, truth=dict(zip("ABCD", hidden, strict=True)))

# %% [markdown]
# ### Exercise 3 · Adding up on purpose
#
# A batch of 32 does not fit into memory, but 8 at a time do. Then let four batches of 8 add up their gradients, and
# correct once: **gradient accumulation**. Each loss is divided by the number of batches in its group, because the mean
# over 32 is the mean of the four means. Mind the end of the term, where a smaller group may be left over: it needs a
# correction, too, and its own divisor.
#
# `list(islice(batches, every))` takes the next `every` batches, or the fewer that are left, or none. Write the inner
# part for one group.

# %% tags=["exercise"]
from itertools import islice


def accumulate(model, loader, criterion, optimizer, every):
    num_corrections, batches = 0, iter(loader)
    while group := list(islice(batches, every)):
        ...  # forget; for each batch answer, mark, trace back; correct, and count
    return ...  # instead: num_corrections


exercises.check("06.3", accumulate)


# %% tags=["wrong"] hint="counts in full"
def accumulate(model, loader, criterion, optimizer, every):
    num_corrections, batches = 0, iter(loader)
    while group := list(islice(batches, every)):
        optimizer.zero_grad()
        for inputs, labels in group:
            criterion(model(inputs), labels).backward()
        optimizer.step()
        num_corrections += 1
    return num_corrections


exercises.check("06.3", accumulate)


# %% tags=["wrong"] hint="are lost"
def accumulate(model, loader, criterion, optimizer, every):
    num_corrections = 0
    optimizer.zero_grad()
    for number, (inputs, labels) in enumerate(loader, start=1):
        (criterion(model(inputs), labels) / every).backward()
        if number % every == 0:
            optimizer.step()
            optimizer.zero_grad()
            num_corrections += 1
    return num_corrections


exercises.check("06.3", accumulate)


# %% tags=["wrong"] hint="divide by the number of *its* batches"
def accumulate(model, loader, criterion, optimizer, every):
    num_corrections, batches = 0, iter(loader)
    while group := list(islice(batches, every)):
        optimizer.zero_grad()
        for inputs, labels in group:
            (criterion(model(inputs), labels) / every).backward()
        optimizer.step()
        num_corrections += 1
    return num_corrections


exercises.check("06.3", accumulate)


# %% tags=["solution"]
def accumulate(model, loader, criterion, optimizer, every):
    num_corrections, batches = 0, iter(loader)
    while group := list(islice(batches, every)):
        optimizer.zero_grad()
        for inputs, labels in group:
            (criterion(model(inputs), labels) / len(group)).backward()
        optimizer.step()
        num_corrections += 1
    return num_corrections


exercises.check("06.3", accumulate)

# %% [markdown]
# ## Next
#
# Our coach went by 0.001, and now and then by another rate, and never asked why. **Lesson 07** asks: how fast should a
# student learn, how much room does its memory need, and is the difference between two runs real?
