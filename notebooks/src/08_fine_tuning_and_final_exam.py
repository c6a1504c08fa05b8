# ---
# jupyter:
#   course:
#     study_minutes: 60
#     budget_seconds: 90
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 08 · Fine-tuning and the final exam
#
# **May the trained eye learn too, and what mark do we report in the end?**
#
# So far the backbone was frozen and only the head learned. Now the last blocks of the backbone practise as well. That
# can help, and it can go wrong, so we learn to keep it in check. Then we choose one student, open the final exam once,
# and put the student to work.
#
# ## What you will learn
#
# - **fine-tune** the last blocks of a backbone: a small learning rate, a new optimizer, BatchNorm frozen or not
# - **make** a student learn by heart, and **treat** it: augmentation, dropout, weight decay, early stopping
# - **read** an exam closely: confusion matrix, recall class by class, the worst mistakes, how sure the student is
# - **open** the final exam once, and report its mark with a standard error
# - **save** the student, load it in a fresh process, and ask it about a picture of your own
#
# ## Before you start
#
# Lessons 04 (BatchNorm), 06 (the loop, the report card) and 07 (revision notes, standard errors of marks).

# %% tags=["settings"]
import os

# "photos": 3,781 photographs, a download of 107 MB
DATASET = os.environ.get("COURSE_DATASET") or "drawn"
# "imagenet": torchvision's network, a download of 14 MB
WEIGHTS = os.environ.get("COURSE_WEIGHTS") or "course"
NUM_PRACTICE = 1000  # practice pictures at most (there are no more drawn ones)
NUM_BLOCKS = 3  # blocks of the backbone that learn, counted from the head
NUM_EPOCHS = 3  # school terms of fine-tuning
MY_PICTURE = ""  # path of a picture of your own, for the end; empty: a drawn one

# %%
import copy
import math
import warnings

import ipywidgets
import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from course_utils import clothing, plotting, widgets
from course_utils.checks import check_optimizer
from course_utils.classroom import exercises
from course_utils.datasets import make_dataloaders
from course_utils.evaluation import (
    confusion_matrix,
    per_class_recall,
    predict,
    standard_error,
)
from course_utils.features import extract_features
from course_utils.inference import load_classifier, predict_topk, save_classifier
from course_utils.models import build_classifier, count_parameters, unfreeze_last_blocks
from course_utils.pictures import drawn
from course_utils.runtime import get_device, set_seed
from course_utils.training import evaluate, train_model
from course_utils.transforms import (
    build_eval_transform,
    build_train_transform,
    load_image,
)

device, root, criterion = get_device(), clothing(DATASET), nn.CrossEntropyLoss()
print(f"pictures: {DATASET}, weights: {WEIGHTS}, device: {device}")

# %% [markdown]
# ## Where we stand
#
# The student of the last lessons: a frozen backbone, and a linear head that practises on revision notes. Three small
# things are new. `look` names the augmentation, so that we can change it. The mock exam's pictures are read once and
# kept in memory, because every run of this lesson sits the same exam. And `channels_last`, an order of the numbers in
# memory, often makes convolutions faster; the answers stay the same but for rounding.


# %%
def open_school(look="none", limit=NUM_PRACTICE):
    """Return the loaders for practice pictures with augmentation `look`."""
    practice_look = build_train_transform(spec, augment=look)
    exam_look = build_eval_transform(spec)
    return make_dataloaders(
        root, train_transform=practice_look, eval_transform=exam_look, limit=limit
    )


classes = sorted(
    folder.name for folder in (root / "train").iterdir() if folder.is_dir()
)
set_seed(0)
model = build_classifier(len(classes), weights=WEIGHTS, classes=classes)
model, spec = model.to(device, memory_format=torch.channels_last), model.spec
loaders = open_school()
# All batches of pictures, all batches of labels
images, labels = zip(*loaders.val, strict=True)
mock_exam = DataLoader(
    TensorDataset(torch.cat(images), torch.cat(labels)), batch_size=50
)
print(
    "practice:",
    len(loaders.train.dataset),
    "pictures   mock exam:",
    tuple(mock_exam.dataset.tensors[0].shape),
)

# %% [markdown]
# One function trains whatever may learn in a student, with a new coach each time: AdamW, which without weight decay is
# Adam. We shall use it for every run. It watches the mock exam's *loss*, which notices learning by heart before the
# accuracy does (lesson 06). The head that practises on the notes is the student's own, so afterwards the student has
# it.


# %%
def practise(
    student,
    train_loader,
    val_loader,
    *,
    learning_rate,
    num_epochs,
    weight_decay=0.0,
    patience=None,
):
    """Train what may learn in `student`, with a new coach; return the report card."""
    set_seed(0)
    learning = [
        parameter for parameter in student.parameters() if parameter.requires_grad
    ]
    return train_model(
        student,
        train_loader,
        val_loader,
        criterion=criterion,
        num_epochs=num_epochs,
        device=device,
        optimizer=torch.optim.AdamW(
            learning, lr=learning_rate, weight_decay=weight_decay
        ),
        monitor="val_loss",
        patience=patience,
        progress=False,
    )


notes = extract_features(model.backbone, loaders.train_eval, device=device)
val_notes = extract_features(model.backbone, mock_exam, device=device)
shuffled = DataLoader(
    notes, batch_size=32, shuffle=True, generator=torch.Generator().manual_seed(0)
)
practise(
    model.head,
    shuffled,
    DataLoader(val_notes, batch_size=50),
    learning_rate=0.001,
    num_epochs=15,
)
start = evaluate(model, mock_exam, criterion=criterion, device=device)
error = standard_error(start.accuracy, len(val_notes))
print(f"head only, mock exam: {start}, give or take {error:.1%}")

# %% [markdown]
# This is the mark to beat. Can the student do better if its eye may adapt to our pictures?
#
# ## Which blocks?
#
# The backbone is a chain of 19 blocks. The first find edges and spots, which are useful for any picture. The last put
# together what the old subject asked for. So if something is to adapt, it is the end of the chain, nearest the head.
#
# **Predict first:** three of 19 blocks. What share of all the weights do they hold?

# %%
fine_tuned = copy.deepcopy(model)
unfreeze_last_blocks(fine_tuned, NUM_BLOCKS)
for name, student in {
    "head only": model,
    f"and {NUM_BLOCKS} blocks": fine_tuned,
}.items():
    counts = count_parameters(student)
    print(
        f"{name:12} {counts.trainable:9,} weights may learn, "
        f"{counts.trainable / counts.total:.0%} of all"
    )

# %% [markdown]
# More than half: the blocks grow wider towards the end. Few blocks also cost less time, because the loss is traced back
# only as far as the first block that learns.
#
# ## A new coach
#
# The old coach was given a list of weights before we unfroze anything. A list does not grow by itself.
#
# **Predict first:** what happens if we go on with the old coach? An error?

# %%
# As it was: it holds the head
old_coach = torch.optim.Adam(fine_tuned.head.parameters(), lr=0.001)
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    check_optimizer(fine_tuned, old_coach)
print(heard[0].message)
assert len(heard) == 1, "The check should warn of weights that no coach holds."

# %% [markdown]
# No error. The unfrozen weights would get gradients, and nobody would correct them. `train_model` runs this check, and
# `practise` makes a new coach for every run.
#
# ### Why a small learning rate?
#
# A new head starts from chance and has far to go. The blocks start from weights that are good already. Adam moves each
# weight by about the learning rate at every step, so we can work out how far one term may carry a weight.

# %%
blocks = fine_tuned.backbone.features[-NUM_BLOCKS:]
typical = torch.cat(
    [
        weight.detach().abs().flatten()
        for weight in blocks.parameters()
        if weight.ndim == 4
    ]
).median()
steps = len(loaders.train)
print(f"a typical weight of these blocks: {typical:.3f}")
for learning_rate in (0.01, 0.001, 0.0003):
    reach = steps * learning_rate
    print(
        f"rate {learning_rate:<6}: up to about {reach:.3f} in a term of {steps} steps, "
        f"{reach / typical:.1f} × that"
    )

# %% [markdown]
# With 0.01 a single term may carry a weight far beyond its own size: what the eye has learned is wiped out. With 0.0003
# it moves a thirtieth as far. A usual choice is three to a hundred times smaller than for a new head. We take 0.0003,
# because our run is short.
#
# The order matters too: the head first, then the blocks. The wild gradients of a new head would otherwise pull at the
# good weights behind it.
#
# ## BatchNorm: frozen or not?
#
# The three blocks hold seven BatchNorm layers, and there are two schools of thought.
#
# - **Unfrozen**: they practise too. In `train()` they use the statistics of the batch, and their running statistics
#   move towards our pictures.
# - **Frozen**: weights and statistics stay as they are, in `eval()` even in practice. Only the convolutions learn. Many
#   recipes do this, because with small batches the statistics are shaky.
#
# Which is better here is a question for an experiment. Both start from the same head and see the same pictures, lightly
# augmented.
#
# **Predict first:** in which of the two will running statistics have moved? And in the sixteen frozen blocks?

# %%
students, cards = {"head only": model}, {}
for name, batch_norm in {"BatchNorm frozen": False, "BatchNorm unfrozen": True}.items():
    student = copy.deepcopy(model)
    unfreeze_last_blocks(student, NUM_BLOCKS, batch_norm=batch_norm)
    practice = open_school("light").train
    cards[name] = practise(
        student, practice, mock_exam, learning_rate=0.0003, num_epochs=NUM_EPOCHS
    )
    students[name] = student

    before, after = model.backbone.state_dict(), student.backbone.state_dict()
    moved = [key for key in before if not torch.equal(before[key], after[key])]
    num_moved = sum("running" in key for key in moved)
    print(
        f"{name:18} running statistics moved: {num_moved:2}, tensors moved in all: "
        f"{len(moved)}"
    )
    num_layers = sum(
        isinstance(module, nn.BatchNorm2d)
        for module in student.backbone.features[-NUM_BLOCKS:].modules()
    )
    assert num_moved == batch_norm * 2 * num_layers, (
        "Running means and variances should move only where unfrozen."
    )
    learning_blocks = {str(18 - index) for index in range(NUM_BLOCKS)}
    assert {key.split(".")[1] for key in moved} == learning_blocks, (
        "The blocks below should be as they were."
    )

# %% [markdown]
# A mean and a variance for each of the seven layers, or none at all; the rest of the backbone is bit for bit as it was.
# Now the marks. Term 0 is the student before fine-tuning.

# %%
plotting.plot_runs(cards, start=start, title="Fine-tuning the last blocks")

# %% [markdown]
# How to read it. First compare, on the right, each line with its own beginning: by the rule of lesson 07, did it change
# by more than two standard errors of the difference, which is nearly three times one bar? A line that gets *worse* in
# term 1 may have lost touch with its head: the features change, most of all where BatchNorm is unfrozen, and the head
# has to follow. A line that stays below its beginning says: here fine-tuning did not help. Then compare the two lines
# at the end, by the same rule. Where the difference is smaller, this experiment has not found a winner, and another
# seed may turn it around.
#
# If neither line rises, the eye had little to give, or three terms are too few. Set `NUM_EPOCHS` to 10 when you have a
# few minutes.
#
# ## Learning by heart, on purpose
#
# More than a million weights may learn now. That is a lot of room for learning by heart. To see what it can do, we take
# 150 pictures, a bold rate, no augmentation, and a new head that learns together with the blocks, against our own
# advice.
#
# **Predict first:** where will the practice loss be after eight terms? And the mock exam's?


# %%
def school_of_few(look, dropout, weight_decay, num_epochs, patience=None):
    """Train a new head and the last blocks on 150 pictures; return the report card."""
    set_seed(0)
    student = build_classifier(
        len(classes), weights=WEIGHTS, classes=classes, dropout=dropout
    )
    student.to(device, memory_format=torch.channels_last)
    unfreeze_last_blocks(student, NUM_BLOCKS)
    practice = open_school(look, limit=150).train
    return practise(
        student,
        practice,
        mock_exam,
        learning_rate=0.001,
        num_epochs=num_epochs,
        weight_decay=weight_decay,
        patience=patience,
    )


by_heart = school_of_few("none", dropout=0.0, weight_decay=0.0, num_epochs=8)
plotting.show(plotting.plot_history(by_heart, title="150 pictures"))
assert by_heart.train_loss[-1] < by_heart.val_loss[-1], (
    "With so few pictures the two should part."
)

# %% [markdown]
# The two curves part. Practice goes on getting better, while the mock exam improves less, stands still or turns back.
# A distance that grows while the mock exam no longer improves is the symptom of learning by heart.
#
# ### When should it have stopped?
#
# **Early stopping**: keep the weights of the best term, and give up after so many terms in a row without a new best.
# That number is the **patience**. The whole rule fits into a few lines.


# %% tags=["write-it:course_utils.report.history.History.is_out_of_patience"]
def stops_after(losses, patience):
    """Return the term after which training stops."""
    best, waited = math.inf, 0
    for term, loss in enumerate(losses, start=1):
        best, waited = (loss, 0) if loss < best else (best, waited + 1)
        if waited == patience:
            return term
    return len(losses)


print(f"best term: {by_heart.best_epoch} of {len(by_heart)}")
for patience in (1, 2, 3):
    print(
        f"patience {patience}: stops after term "
        f"{stops_after(by_heart.val_loss, patience)}"
    )

# %% [markdown]
# Curves wobble, so a patience of 1 may stop at the first hiccup. A patience of 3 to 10 terms is usual.
#
# ### The medicine chest
#
# Early stopping limits the damage. These work against the cause:
#
# | medicine | what it does | in code |
# |---|---|---|
# | more pictures | more to understand, less to remember; the best medicine, and the dearest | – |
# | augmentation | no picture looks the same twice | `build_train_transform(spec, augment="strong")` |
# | dropout | the head must not rely on single features | `build_classifier(..., dropout=0.5)` |
# | weight decay | pulls every weight a little towards 0 | `AdamW(..., weight_decay=0.1)` |
# | less to remember with | fewer blocks learn, a smaller head | `unfreeze_last_blocks(model, 1)` |
#
# We give the same student three of them, the same rate, and a patience of 3.
#
# **Predict first:** its practice loss will be higher. Is that bad?

# %%
treated = school_of_few(
    "strong", dropout=0.5, weight_decay=0.1, num_epochs=8, patience=3
)
plotting.show(plotting.plot_history(treated, title="150 pictures, treated"))
assert stops_after(treated.val_loss, 3) == len(treated), (
    "Our rule should stop where the package's stops."
)
for name, card in {"by heart": by_heart, "treated": treated}.items():
    gap = card.val_loss[-1] - card.train_loss[-1]
    print(
        f"{name:8} lowest mock-exam loss {min(card.val_loss):.2f}, last "
        f"{card.val_loss[-1]:.2f}, last gap {gap:.2f}"
    )
assert treated.train_loss[-1] > by_heart.train_loss[-1], (
    "Practice should have become harder."
)

# %% [markdown]
# Practice has become harder on purpose: dropout and augmentation are at work there, and not in the exam. So the gap
# usually shrinks. A small gap alone is no success (lesson 07). Ask two things instead: is the *lowest mock-exam loss*
# of the two lower, and does its curve turn back later? If the answer is twice no, the medicine has not helped here:
# three at once can be too strong a dose for a few terms. Medicine, too, is judged by the mock exam. (Mind the terms:
# the treated run may have ended at another one, and a gap grows with time.) Which of the three medicines did it, this
# run cannot say. Take one away at a time, and with another seed.
#
# ## Who sits the final exam?
#
# We choose by the mock exam, and only by it. Our candidates are the three students who practised on all the pictures,
# each as it was in the term with its lowest mock-exam loss. (So a mark need not be the highest or the last of its
# line.)

# %%
marks = {"head only": start.accuracy}
marks |= {name: card.val_accuracy[card.best_epoch - 1] for name, card in cards.items()}
chosen = max(marks, key=marks.get)
for name, mark in marks.items():
    error = standard_error(mark, len(val_notes))
    print(
        f"{name:18} {mark:.1%} ± {error:.1%}", "  <- chosen" if name == chosen else ""
    )
model = students[chosen]
exam = predict(model, mock_exam, device=device, progress=False)
assert abs(exam.accuracy - marks[chosen]) < 1e-9, (
    "The student should hold the weights of its best term."
)

# %% [markdown]
# The code takes the highest mark, because we need one student to go on with. It is no proven winner: among students
# that cannot be told apart (lesson 07), the simplest, or the one with the lowest loss, is at least as good a choice.
# And the winner's mark is a little too good, because the best of several is partly luck. How much? Let us imagine
# students who all know 60 % of the subject, exactly, and sit a mock exam of 300 questions.
#
# **Predict first:** of ten such students we take the best. What mark does it have, on average?

# %%
set_seed(0)
# 1,000 schools of 30 students
right = torch.distributions.Binomial(300, torch.tensor(0.6)).sample((1000, 30))
for number in (1, 3, 10, 30):
    print(f"best of {number:2}: {right[:, :number].amax(dim=1).mean() / 300:.1%}")

# %% [markdown]
# Nobody has cheated, and the best of thirty seems to know several points more than it does. (Real candidates are alike
# and make the same mistakes, so the effect is smaller.) That is why there is an exam by which nothing is chosen.
#
# ## Reading an exam
#
# Before the final exam we study the mock exam, as often as we like. One mark hides a lot. The **confusion matrix** does
# not: a row for each truth, a column for each answer.
#
# **Predict first:** which two garments are confused most often?

# %%
matrix = confusion_matrix(exam.labels, exam.predicted, num_classes=len(classes))
mistakes = matrix.clone().fill_diagonal_(0)
truth, answer = divmod(mistakes.argmax().item(), len(classes))
told = f"{classes[truth]} taken for {classes[answer]}, {mistakes.max()} times"
plotting.show(plotting.plot_confusion_matrix(matrix, classes))
print("most frequent confusion:", told)

# %% [markdown]
# The numbers are counts, the colour is the share of the row. Right answers stand on the diagonal. A column that is
# bright from top to bottom is a favourite answer. Two bright cells mirrored at the diagonal are two garments that are
# hard to tell apart.
#
# **Recall** is what share of a class was recognised: the diagonal, divided by the sum of its row. Each is measured on
# the pictures of its class only, so each has its own, larger standard error.

# %%
plotting.plot_recalls({"mock exam": exam}, classes)

# %% [markdown]
# One class may be far below the overall mark, and nobody would notice if it is rare. On a dozen hats one standard error
# of the recall is ten to fourteen points, unless it is near 0 % or 100 %. (And 0 % or 100 % without a bar does not mean
# certainty; the formula fails there.)
#
# Now look at the pictures themselves. These are the mistakes of which the student was surest.

# %%
worst = exam.worst_mistakes(10).tolist()
files = [loaders.val.dataset.samples[index][0] for index in worst]
plotting.draw_mistakes([load_image(path) for path in files], exam, worst, classes)

# %% [markdown]
# Ask of each: would *you* have known? There are three kinds. The picture is hard, or the label is wrong: look at the
# data. The student looked at something else, such as the background: give it pictures where that differs. Or the class
# is rare: give it more of them.
#
# ### How sure is sure enough?
#
# The student may also say "I do not know". We set a **threshold** and count an answer only where the probability
# reaches it. The higher it is, the fewer answers we get. Are they better ones?

# %%
plotting.show(plotting.plot_threshold(exam, 0.5))  # for pages without sliders
print(f"on average {exam.confidence.mean():.0%} sure, and {exam.accuracy:.0%} right")
slider = ipywidgets.FloatSlider(0.5, min=0, max=0.95, step=0.05)
widgets.explorer(
    lambda threshold: plotting.plot_threshold(exam, threshold), threshold=slider
)

# %% [markdown]
# Where being sure means something, the wrong answers (hatched) gather on the left, and a higher threshold buys fewer
# and better answers. If the student is surer on average than it is right, by more than two standard errors of its mark,
# its percentages are too high to be taken at their word.
#
# ## The final exam, once
#
# The student is chosen, and so is everything else. Now the envelope is opened. Whatever comes out is the mark we
# report. There is no second try: whoever improves something after seeing it has turned it into a second mock exam.
#
# **Predict first:** will the mark be higher or lower than the mock exam's?

# %%
final = predict(model, loaders.test, device=device, progress=False)
print("mock exam: ", exam, "\nfinal exam:", final)
difference = final.accuracy - exam.accuracy
its_error = math.hypot(exam.error, final.error)
print(
    f"difference {100 * difference:+.1f} points, standard error of the difference "
    f"{100 * its_error:.1f} points"
)
final_matrix = confusion_matrix(final.labels, final.predicted, num_classes=len(classes))
mock_shares = matrix.sum(dim=1) / matrix.sum()
print(
    "final exam, weighted to the mock exam's mix of classes: "
    f"{per_class_recall(final_matrix) @ mock_shares:.1%}"
)
assert len(final.labels) == len(loaders.test.dataset), (
    "Every picture should have been answered once."
)

# %% [markdown]
# It may lie on either side. Three things move it.
#
# - **Chance.** Other pictures, other luck. A difference below two of its standard errors needs no other explanation.
# - **The choice.** We took the best term of the best student. That lifts the mock exam's mark, not this one.
# - **The mix of classes.** If the final exam holds more of what the student knows well, its mark is higher. The last
#   line of the output removes this effect; where both exams have the same mix it changes nothing.
#
# And class by class, beside the mock exam:

# %%
plotting.plot_recalls({"mock exam": exam, "final exam": final}, classes)

# %% [markdown]
# Classes where the two markers lie far apart *and* the bars do not overlap would deserve a thought. With ten classes,
# one or two such pairs are what chance alone brings.
#
# ## Into a file, and out again
#
# Weights alone are not enough to use a student. One also needs the names of the classes, in order, and the size and
# normalisation of the pictures. `save_classifier` writes all of it into one file, as plain data.
#
# Does it really hold everything? The honest test is a fresh process: a new Python that knows nothing of this notebook,
# in another folder.

# %%
import json
import subprocess
import sys
import tempfile
from pathlib import Path

FRESH = """
import json, sys
from course_utils import load_classifier, predict_topk
model = load_classifier(sys.argv[1])
print(json.dumps(predict_topk(model, sys.argv[2], k=3)))
"""
picture = (
    load_image(MY_PICTURE) if MY_PICTURE else drawn.draw_garment("pants", seed=2024)
)
with tempfile.TemporaryDirectory() as folder:
    picture.save(Path(folder) / "picture.png")
    save_classifier(Path(folder) / "student.pt", model)
    print(f"student.pt: {(Path(folder) / 'student.pt').stat().st_size / 1e6:.1f} MB")
    loaded = load_classifier(Path(folder) / "student.pt")
    command = [sys.executable, "-c", FRESH, "student.pt", "picture.png"]
    fresh = subprocess.run(
        command,
        cwd=folder,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
assert fresh.returncode == 0, fresh.stderr

# %% [markdown]
# We hold its answers against those of the student in this notebook.

# %%
here, there = predict_topk(model, picture, k=3), json.loads(fresh.stdout)
for ours, (name, probability) in zip(here, there, strict=True):
    print(
        f"here {ours.name:10} {ours.probability:.2%}   fresh process {name:10} "
        f"{probability:.2%}"
    )
    assert ours.name == name, "The fresh process should give the same answer."
    assert abs(ours.probability - probability) < 0.001, (
        "The fresh process should be as sure."
    )

# %% [markdown]
# Keep yours with `save_classifier("my_student.pt", model)`. `load_classifier` reads it on any machine, with or without
# a graphics card, and nothing in the file can run as a program.
#
# ## Your own picture
#
# The student that came out of the file at work. Choose a photograph of a garment with the button, or put its path into
# `MY_PICTURE` in the settings. Until then it looks at a picture drawn just now, which was in none of the exams.

# %%
chooser = widgets.photo_chooser(loaded, picture, k=3)
# The still picture, for pages without buttons
plotting.show(chooser.draw(upload_value=None))
chooser

# %% [markdown]
# The drawn picture shows pants. Is that the first answer? If not, look at two things: how sure the student was, since a
# threshold of 0.5 may have stopped it, and the recall of its class in the exam above.
#
# Do not be disappointed if a photograph of yours is named wrongly. Our ten classes the student knows only from the
# pictures it practised on, and its mark holds for pictures like *those*. Yours differ in light, background and pose,
# and drawn pictures differ from photographs altogether. A picture of a cat gets one of the ten names as well. A
# threshold stops some of these answers, not all: a student can be sure of a cat.

# %% [markdown]
# <details><summary><b>Questions and answers</b></summary>
#
# **How many blocks should I unfreeze?** Few pictures: one to three. Thousands, or pictures unlike photographs: more, up
# to all 19. Try two or three numbers, and let the mock exam decide.
#
# **May head and blocks have different rates?** Yes, with parameter groups. With `eye = [p for p in
# student.backbone.parameters() if p.requires_grad]`: `AdamW([{"params": student.head.parameters()}, {"params": eye,
# "lr": 0.00003}], lr=0.0003)`.
#
# **Is `patience` the same in `ReduceLROnPlateau`?** Not quite: it forgives that many terms and acts on the next one.
#
# **Can I fine-tune on revision notes?** Not on those of the whole backbone: its last blocks now change, and the notes
# would be out of date after one step. `extract_features` refuses an unfrozen backbone.
#
# **Why is the practice mark below the mock exam's?** Augmentation and dropout make practice harder, and it is counted
# while the student still learns.
#
# **Should the mock exam be augmented?** No. Exams are the same for everybody, every time.
#
# **My run was interrupted.** `train_model(..., checkpoint_path="run.pt")` saves after every term, and `resume=True`
# goes on. A checkpoint is for going on with training; `save_classifier` is for using the result.
#
# **The classes are uneven. Should I weight the loss?** `nn.CrossEntropyLoss(weight=...)` makes rare classes count more:
# their recall tends to rise, that of the frequent ones to fall. Decide what matters to you *before* you look.
#
# **The final exam went badly. What now?** Report it. Improve the student by practice and mock exam, and find *new*
# pictures for the next final exam.
#
# **May I train on the mock exam's pictures in the end?** Some do, for the student that is put to work. Then you have no
# mark for it any more, only one for its sibling.
#
# **Precision or recall?** Recall asks: of all hats, how many were found? Precision asks: of all answers "hat", how many
# were right? It divides by the column instead of the row.
#
# </details>

# %% [markdown]
# ## Recap
#
# - **Fine-tuning**: head first, then the last blocks, with a new coach and a small rate; BatchNorm is your decision.
# - **Learning by heart**: practice improves and the mock exam does not; augmentation, dropout, weight decay, patience.
# - **Reading an exam**: who is taken for whom, recall with its own error, the surest mistakes, a threshold.
# - **The final exam**: once, at the end, with its standard error; it may lie on either side of the mock exam.
# - **Saving**: weights, classes and input specification in one file, tested in a fresh process.
#
# ## Exercises
#
# ### Exercise 1 · A coach for fine-tuning
#
# Write a function that gets a student with some unfrozen blocks, and returns an Adam optimizer with a learning
# rate of 0.0001 that holds the weights that may learn, and no others.


# %% tags=["exercise"]
def new_coach(student):
    return ...  # replace the dots


exercises.check("08.1", new_coach)


# %% tags=["wrong"] hint="unfrozen block"
def new_coach(student):
    return torch.optim.Adam(student.head.parameters(), lr=0.0001)


exercises.check("08.1", new_coach)


# %% tags=["wrong"] hint="frozen ones too"
def new_coach(student):
    return torch.optim.Adam(student.parameters(), lr=0.0001)


exercises.check("08.1", new_coach)


# %% tags=["wrong"] hint="default of 0.001"
def new_coach(student):
    return torch.optim.Adam(
        [parameter for parameter in student.parameters() if parameter.requires_grad]
    )


exercises.check("08.1", new_coach)


# %% tags=["solution"]
def new_coach(student):
    return torch.optim.Adam(
        [parameter for parameter in student.parameters() if parameter.requires_grad],
        lr=0.0001,
    )


exercises.check("08.1", new_coach)

# %% [markdown]
# ### Exercise 2 · Recall by hand
#
# Write a function that gets a confusion matrix (rows: truth, columns: answers) and the number of a class, and returns
# the recall of that class.


# %% tags=["exercise"]
def recall(matrix, index):
    return ...  # replace the dots


exercises.check("08.2", recall)


# %% tags=["wrong"] hint="column"
def recall(matrix, index):
    return matrix[index, index] / matrix[:, index].sum()


exercises.check("08.2", recall)


# %% tags=["wrong"] hint="whole exam"
def recall(matrix, index):
    return matrix[index, index] / matrix.sum()


exercises.check("08.2", recall)


# %% tags=["wrong"] hint="all classes"
def recall(matrix, index):
    return matrix.diagonal().sum() / matrix.sum()


exercises.check("08.2", recall)


# %% tags=["solution"]
def recall(matrix, index):
    return matrix[index, index] / matrix[index].sum()


exercises.check("08.2", recall)

# %% [markdown]
# ### Exercise 3 · Patience
#
# The mock-exam losses would be 1.9, 1.2, 1.0, 1.1, 1.05, 0.9, 0.95, with a patience of 2. After which term does
# training stop?

# %% tags=["exercise"]
last_term = ...  # replace the dots
exercises.check("08.3", last_term)

# %% tags=["wrong"] hint="weights are kept"
last_term = 3
exercises.check("08.3", last_term)

# %% tags=["wrong"] hint="never reached"
last_term = 6
exercises.check("08.3", last_term)

# %% tags=["wrong"] hint="new best"
last_term = 4
exercises.check("08.3", last_term)

# %% tags=["solution"]
last_term = (
    5  # terms 4 and 5 bring no new best; the loss of 0.9 in term 6 is never seen
)
exercises.check("08.3", last_term)

# %% [markdown]
# ### Exercise 4 · Which pictures?
#
# You want to decide between a threshold of 0.5, 0.7 and 0.9. On which pictures do you try them: `"practice"`,
# `"mock exam"` or `"final exam"`?

# %% tags=["exercise"]
pictures = ...  # replace the dots
exercises.check("08.4", pictures)

# %% tags=["wrong"] hint="no longer tell"
pictures = "final exam"
exercises.check("08.4", pictures)

# %% tags=["wrong"] hint="too sure"
pictures = "practice"
exercises.check("08.4", pictures)

# %% tags=["solution"]
pictures = "mock exam"
exercises.check("08.4", pictures)

# %% [markdown]
# ## Next
#
# The student has sat its exam and left school, and you know the steps that brought it there. Try them on pictures of
# your own: put these into the folders `train`, `validation` and `test`, one folder a class in each (lesson 02), let
# `root` be that place, and run this lesson on them.
#
# One box has stayed shut all the while: `loss.backward()`. **Lesson 09** opens it, and builds what is inside by hand.
