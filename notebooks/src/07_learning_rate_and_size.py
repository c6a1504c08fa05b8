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
# # 07 · Learning rate and size
#
# **How fast should a student learn, how much room does it need, and is a difference between two runs real?**
#
# Our coach corrects with a learning rate of 0.001, and nobody has asked why. Asking takes many runs, so first we make a
# run cheap. Then we look at what a wrong rate does, and choose a rate, a schedule and a size. The hard part is to tell
# a better setting from a luckier run.
#
# ## What you will learn
#
# - **keep** what a frozen backbone says as revision notes, and measure what that saves
# - **recognise** four kinds of learning rate by their loss curves, and make each of them happen
# - **choose** a rate with a sweep over seeds, error bars and a range test, and say what cannot be told apart
# - **use** an assistant, a scheduler that changes the rate during the training
# - **compare** sizes of the inner layer and amounts of dropout, without falling for the smallest gap
#
# ## Before you start
#
# Lessons 04 (head and frozen backbone), 05 (Adam) and 06 (the loop, the report card, learning by heart).

# %% tags=["settings"]
import os

# "photos": 3,781 photographs, a download of 107 MB
DATASET = os.environ.get("COURSE_DATASET") or "drawn"
# "imagenet": torchvision's network, a download of 14 MB
WEIGHTS = os.environ.get("COURSE_WEIGHTS") or "course"
NUM_TIMED = 320  # practice pictures when we time both ways
NUM_TIMED_EPOCHS = 3
NUM_EPOCHS = 10  # school terms of every other run
SEEDS = (0, 1, 2)

# %%
import math
import time
from statistics import fmean, variance

import ipywidgets
import torch
from torch import nn
from torch.optim import lr_scheduler
from torch.utils.data import DataLoader, RandomSampler, Subset, TensorDataset

from course_utils import (
    build_eval_transform,
    clothing,
    extract_features,
    make_dataloaders,
    plotting,
)
from course_utils.classroom import exercises
from course_utils.models import build_classifier, build_head
from course_utils.runtime import get_device, set_seed
from course_utils.training import evaluate, train_model
from course_utils.tuning import learning_rate_range_test, sweep, sweep_learning_rates
from course_utils.widgets import explorer

device = get_device()
root = clothing(DATASET)
criterion = nn.CrossEntropyLoss()
print(f"pictures: {DATASET}, weights: {WEIGHTS}, device: {device}")

# %% [markdown]
# ## Why look at the same picture twice?
#
# The backbone is frozen, so it says the same 1,280 numbers about a picture in every term. Only the head learns. Yet the
# loop of lesson 06 sends every picture through the whole backbone, term after term.
#
# A good student reads the book once, takes **revision notes**, and practises from them. In code: one pass over the
# pictures *in order*, without gradients, and the features are kept with their labels.


# %% tags=["write-it:course_utils.extract_features"]
def begin(limit=None):
    """Return a student with a new head, its coach and the loaders, always in the same
    state.
    """
    set_seed(0)
    model = build_classifier(10, weights=WEIGHTS).to(device)
    look = build_eval_transform(model.spec)
    loaders = make_dataloaders(
        root, train_transform=look, eval_transform=look, limit=limit
    )
    return model, torch.optim.Adam(model.head.parameters(), lr=0.001), loaders


def take_notes(backbone, loader):
    """Return features (N, 1280) and labels (N,) as a data set."""
    features, labels = [], []
    with torch.no_grad():
        for images, batch_labels in loader:
            features.append(backbone(images.to(device)).cpu())
            labels.append(batch_labels)
    return TensorDataset(torch.cat(features), torch.cat(labels))


model, optimizer, loaders = begin(NUM_TIMED)
one_batch = DataLoader(Subset(loaders.train_eval.dataset, range(32)), batch_size=32)
by_hand = take_notes(model.backbone, one_batch)
print(
    "features",
    tuple(by_hand.tensors[0].shape),
    "  labels",
    tuple(by_hand.tensors[1].shape),
)

# %% [markdown]
# The package's `extract_features` does the same, faster: it folds each BatchNorm into the convolution before it, and
# refuses what would spoil notes, such as a backbone that still learns, a loader that shuffles, or pictures that are
# augmented anew each time.
#
# Does the head notice the difference? One batch, both ways.

# %%
notes = extract_features(model.backbone, one_batch, device=device)
images, labels = (tensor.to(device) for tensor in next(iter(one_batch)))
gradients = {}
for way, answer in {
    "pictures": lambda: model(images),
    "notes": lambda: model.head(notes.tensors[0].to(device)),
}.items():
    optimizer.zero_grad()
    loss = criterion(answer(), labels)
    loss.backward()
    gradients[way] = model.head.weight.grad.clone()
    print(
        f"{way:8}  loss {loss.item():.5f}   first gradient "
        f"{gradients[way][0, 0].item():.6f}"
    )
assert torch.allclose(by_hand.tensors[0], notes.tensors[0], atol=1e-3), (
    "Notes by hand should be the package's."
)
assert torch.allclose(gradients["pictures"], gradients["notes"], atol=1e-3), (
    "Both ways should teach the same."
)

# %% [markdown]
# The same loss, the same gradients: the head learns the same from notes as from pictures. Now the clock. The same
# pictures, the same head, the same order of batches, three terms each way.
#
# **Predict first:** what does a term cost with notes, compared with one on pictures?

# %%
model, optimizer, loaders = begin(NUM_TIMED)
options = {
    "criterion": criterion,
    "num_epochs": NUM_TIMED_EPOCHS,
    "device": device,
    "progress": False,
}
on_pictures = train_model(
    model, loaders.train, loaders.val, optimizer=optimizer, **options
)

student, optimizer, loaders = begin(NUM_TIMED)
started = time.perf_counter()
practice = extract_features(student.backbone, loaders.train_eval, device=device)
mock_exam = extract_features(student.backbone, loaders.val, device=device)
seconds_for_notes = time.perf_counter() - started
same_order = RandomSampler(practice, generator=torch.Generator().manual_seed(0))
train_notes = DataLoader(practice, batch_size=32, sampler=same_order)
on_notes = train_model(
    student.head,
    train_notes,
    DataLoader(mock_exam, batch_size=32),
    optimizer=optimizer,
    **options,
)

a_term, a_term_on_notes = fmean(on_pictures.seconds), fmean(on_notes.seconds)
print(f"pictures: {a_term:.2f} s a term")
print(f"notes:    {seconds_for_notes:.2f} s once, then {a_term_on_notes:.3f} s a term")
for terms in (10, 120):
    ratio = terms * a_term / (seconds_for_notes + terms * a_term_on_notes)
    print(f"{terms:3} terms would be {ratio:.0f} times as fast")
with torch.no_grad():
    difference = (model(images) - student(images)).abs().max().item()
print(f"answers of the two trained students differ by at most {difference:.0e}")
assert difference < 0.05, "The two ways should train the same student."
assert torch.allclose(
    torch.tensor(on_pictures.val_loss), torch.tensor(on_notes.val_loss), atol=0.01
)

# %% [markdown]
# The figure adds up the measured seconds. Both lines end with the same student.

# %%
terms = range(NUM_TIMED_EPOCHS + 1)
slow = [sum(on_pictures.seconds[:term]) for term in terms]
fast = [seconds_for_notes + sum(on_notes.seconds[:term]) for term in terms]
plotting.plot_lines(
    {"every picture in every term": slow, "notes once, then the head alone": fast},
    x=list(terms),
    title="The same training, two ways",
    xlabel="terms so far",
    ylabel="seconds so far",
    xticks=list(terms),
)

# %% [markdown]
# The dashed line climbs in every term. The other pays once, and then hardly at all, so the 120 terms of the sweep below
# take seconds. The price: the notes hold one fixed look at each picture, so there is no augmentation, and no unfreezing
# (lesson 08).
#
# We take notes of *all* practice pictures (those of the mock exam we have already: same pictures, same backbone), and
# write the function that every experiment needs: a **fresh** head with its coach. `build_head` makes what
# `build_classifier` puts on top of the backbone.


# %%
model, _, loaders = begin()
practice = extract_features(model.backbone, loaders.train_eval, device=device)
train_notes = DataLoader(
    practice, batch_size=32, shuffle=True, generator=torch.Generator().manual_seed(0)
)
val_notes = DataLoader(mock_exam, batch_size=512)


def make_model(learning_rate=0.001, hidden_size=0, dropout=0.0):
    """Return a fresh head (hidden_size 0: no inner layer) and its coach."""
    head = build_head(10, hidden_size=hidden_size or None, dropout=dropout).to(device)
    return head, torch.optim.Adam(head.parameters(), lr=learning_rate)


print(f"{len(practice)} practice pictures, {len(mock_exam)} in the mock exam")

# %% [markdown]
# And the function that trains such a head on the notes.


# %%
def practise(head, optimizer, *, seed=0, **options):
    """Train a head on the notes, with the batches in the order of this seed; return
    the report card.
    """
    train_notes.generator.manual_seed(seed)
    return train_model(
        head,
        train_notes,
        val_notes,
        criterion=criterion,
        optimizer=optimizer,
        num_epochs=NUM_EPOCHS,
        device=device,
        progress=False,
        **options,
    )


# %% [markdown]
# ## What does a wrong learning rate look like?
#
# Each coach has its usual rates. They are where to begin.
#
# | coach | usual learning rate | remark |
# |---|---|---|
# | SGD with momentum 0.9 | 0.01 to 0.1 | the highest rates; wants an assistant |
# | RMSprop | 0.0001 to 0.01 | |
# | Adam | 0.0001 to 0.001 | default 0.001; the 0.01 of many scripts is bold |
# | AdamW | 0.00001 to 0.001 | fine-tuning at the low end |
#
# For Adam the rate says how far one step may move a weight (lesson 05). A new head's weights lie between −0.028 and
# 0.028. At a rate of 1 the first step moves each to about 36 times that. At 0.0000001, all steps of all ten terms
# together come to less than a hundredth of it.
#
# **Predict first:** four rates, 0.0000001, 0.001, 0.01 and 1. Sketch the four loss curves.

# %%
symptoms = {
    "too low, 0.0000001": 1e-7,
    "right, 0.001": 0.001,
    "a little high, 0.01": 0.01,
    "too high, 1": 1.0,
}
cards = {}
for name, rate in symptoms.items():
    set_seed(0)
    cards[name] = practise(*make_model(learning_rate=rate))

plotting.show(plotting.plot_loss_grid(cards, guessing=math.log(10)))

too_low, right_rate, a_little_high, too_high = cards.values()
assert abs(too_low.train_loss[-1] / too_low.train_loss[0] - 1) < 0.02, (
    "At 0.0000001 the loss should hardly move."
)
assert min(too_high.val_loss) > math.log(10), (
    "At a rate of 1 the loss should be worse than that of guessing."
)
assert right_rate.val_loss[-1] < a_little_high.val_loss[-1], (
    "0.001 should end with a lower loss than 0.01."
)

# %% [markdown]
# Look at the scales: the upper two share one, the lower two have their own. The dotted line is the same in all four,
# the loss of a student that guesses. (Too low a rate leaves the student where it began, a little above the line,
# because the random scores of its head are not quite equal.)
#
# | the loss | the rate is | what helps |
# |---|---|---|
# | far above guessing, or `nan` | too high | a tenth, or a hundredth |
# | goes up and down, most of all in the mock exam | a little high | a third or a tenth; an assistant |
# | falls steeply, then slowly, and levels off | right | leave it |
# | hardly moves | too low, or nothing trains | ten times as much; check the coach's list |
#
# And the report cards? A remark reads figures, not causes. At both high rates you may find "learns by heart": the two
# curves do part, but because the steps are too long. Nor does a huge loss mean that nothing was learned: a student can
# be right fairly often and yet, whenever it is wrong, be absurdly sure of it. The right rate may get no remark, or a
# word about its last terms.

# %%
for name, card in cards.items():
    print(name)
    for remark in card.remarks():
        print("  -", remark)

# %% [markdown]
# ### Where does `nan` come from?
#
# The rate of 1 gave huge losses, but finite ones: a step of Adam is hardly longer than the rate, whatever the gradient.
# A step of SGD is the gradient times the rate. In a single layer that is limited too: the gradient is share minus due,
# times a feature, and a share never exceeds 1. In *two* layers the gradient of each contains the weights of the other,
# so large weights make larger steps, which make larger weights. Here is SGD with a rate of 3, batch by batch, and then
# the same through `train_model`. (There is no ReLU in between. With one, units often die first: they answer 0 for every
# picture, and the loss sits still near guessing.)


# %%
def two_layers():
    set_seed(0)
    head = nn.Sequential(nn.Linear(1280, 100), nn.Linear(100, 10)).to(device)
    return head, torch.optim.SGD(head.parameters(), lr=3, momentum=0.9)


head, optimizer = two_layers()
losses = []
for features, labels in train_notes:
    optimizer.zero_grad()
    loss = criterion(head(features.to(device)), labels.to(device))
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if not math.isfinite(losses[-1]):
        break
print("batch by batch:", *(f"{loss:.2g}" for loss in losses), "\n")

exploded = practise(*two_layers())
print(exploded.remarks()[0])
assert not exploded.is_finite, "The loss should no longer be a number."
assert len(exploded) == 1, "The training should have stopped after the first term."

# %% [markdown]
# A `float32` holds numbers up to about 3.4e38. What outgrows it becomes `inf`, and `inf − inf` is `nan`, "not a
# number": here it happens inside the network, so we may see only the `nan`. Everything computed from a `nan` is one
# too, for ever: there is no way back but a new head. `train_model` therefore stops at the end of such a term, and gives
# back the best weights from before: here it would be those of the untrained head.
#
# ## Which rate? Ask more than once
#
# One run for each rate, and the best mark wins? Some of every mark is luck. Run the *same* setting with several
# **seeds**: each gives another new head and another order of the pictures.

# %% tags=["write-it:course_utils.tuning.sweep"]
by_hand = []
for seed in SEEDS:
    set_seed(seed)
    by_hand.append(practise(*make_model(learning_rate=0.001), seed=seed))

marks = [max(card.val_accuracy) for card in by_hand]
mean, num_val = fmean(marks), len(mock_exam)
error_of_seeds = math.sqrt(variance(marks) / len(marks))
error_of_exam = math.sqrt(mean * (1 - mean) / num_val)
error = math.sqrt(error_of_seeds**2 + error_of_exam**2)
print("best mark of each run:", *(f"{mark:.1%}" for mark in marks))
print(
    f"mean {mean:.1%}; standard error: seeds {error_of_seeds:.1%}, exam "
    f"{error_of_exam:.1%}, together {error:.1%}"
)

# %% [markdown]
# Nothing changed but chance, and the marks differ. There are two kinds of luck, and each has a **standard error**, the
# typical distance of what we measured from what we would get without luck:
#
# - *the seeds*: take the variance of the marks, divide it by their number, and take the root. More seeds make it
#   smaller.
# - *the exam*: a few hundred pictures stand for all the pictures in the world. For a share $p$ among $n$ pictures it is
#   $\sqrt{p (1 - p) / n}$. More seeds do not help here, since all runs sit the same exam.
#
# Together they are the root of the sum of their squares, $\sqrt{e_1^2 + e_2^2}$. The second is usually the larger. With
# 341 photographs and a mark of 85 % it is 2 points. So two students that differ by one point have not been told apart.
#
# Now four rates, three seeds each: a **sweep**. `sweep_learning_rates` is the loop above around our `make_model`. For
# 0.001 it must find the very same marks.

# %%
options = {
    "criterion": criterion,
    "num_epochs": NUM_EPOCHS,
    "device": device,
    "seeds": SEEDS,
    "progress": False,
}
rates = sweep_learning_rates(
    make_model,
    train_notes,
    val_notes,
    learning_rates=(0.0001, 0.001, 0.01, 0.1),
    **options,
)
by_sweep = [max(card.val_accuracy) for card in rates.histories[0.001]]
assert all(abs(a - b) < 0.01 for a, b in zip(by_sweep, marks, strict=True)), (
    "These runs should be those made by hand."
)
assert abs(rates.errors[1] - error) < 0.005, "And the standard error should be ours."
rates

# %% [markdown]
# Each row is three runs. In the figure the dots are the runs, and the bars reach one standard error up and down. A
# ring marks the best, *and every rate that cannot be told apart from it*: the difference is at most twice its standard
# error. That error is reckoned in pairs, seed by seed and picture by picture, because all sit the same exam: a picture
# that two students both get right says nothing about who is better. So it can be smaller than the bars suggest.
#
# **Predict first:** how many rings?

# %%
plotting.show(plotting.plot_sweep(rates))
print(rates.explain())
last_losses = {
    value: fmean(run.val_loss[-1] for run in runs)
    for value, runs in rates.histories.items()
}
for value, loss in last_losses.items():
    print(f"{value:<7g} mean mock-exam loss after the last term: {loss:6.2f}")
assert last_losses[0.1] > last_losses[0.001], (
    "At 0.1 the student should be confidently wrong."
)

# %% [markdown]
# If several "cannot be told apart", that is a result: any of them would do, and no winner should be announced. Then let
# other figures decide. Look at the losses below the figure: with a bold rate the student may be right as often, but it
# is far too sure when it is wrong. Among equals we take the calmer, lower loss.
#
# ## Why is "the smallest gap" a bad rule?
#
# A popular rule says: choose the rate with the smallest gap between practice and mock exam, since a gap means learning
# by heart.
#
# **Predict first:** to the four rates we add 0.0000001. Who will have the smallest gap?


# %%
def last_gap(runs):
    """Return practice minus mock exam, accuracy in the last term, averaged over the
    runs.
    """
    return fmean(run.train_accuracy[-1] - run.val_accuracy[-1] for run in runs)


asleep = sweep_learning_rates(
    make_model, train_notes, val_notes, learning_rates=[1e-7], **options
)
everybody = asleep.histories | rates.histories
for value, runs in everybody.items():
    mark = fmean(max(run.val_accuracy) for run in runs)
    print(f"rate {value:<8g} gap {last_gap(runs):+6.1%}   mock exam {mark:.1%}")
chosen_by_gap = min(everybody, key=lambda value: abs(last_gap(everybody[value])))
print(f"\nsmallest gap: {chosen_by_gap:g}   best mock exam: {rates.best:g}")
assert rates.means[rates.values.index(rates.best)] > asleep.means[0] + 0.1, (
    "Who sleeps should fail the exam."
)
assert abs(last_gap(everybody[1e-7])) < 0.1, "Who sleeps should have hardly any gap."

# %% [markdown]
# Most likely a timid one. At 0.0000001 the student guesses in practice and guesses in the exam, so there is no gap
# worth the name; which of the small gaps is the very smallest is luck. The rule does not even look at how much was
# learned: it may take a student that has learned next to nothing. A gap is a symptom, worth a look when the mock exam
# gets worse. What we want is a good exam, so choose by the **mock exam**, with its error bar. (The table of a sweep
# shows the gap of the best term, for information.)
#
# ## A quick first guess: the range test
#
# A sweep needs candidates. The **range test** finds the region in a single run: raise the rate from batch to batch,
# from tiny to huge, and watch the loss. It hardly moves while the rate is too small, falls ever faster where it is
# useful, and explodes where it is too high. (Our range begins at 0.00001, where it falls a little already.) Batches of
# 128 make the curve less jumpy than batches of 32.
#
# **Predict first:** we run it with three seeds. Will they suggest the same rate?

# %%
range_tests = {}
for seed in SEEDS:
    set_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    large_batches = DataLoader(
        practice, batch_size=128, shuffle=True, generator=generator
    )
    head, optimizer = make_model()
    range_tests[f"Seed {seed}"] = learning_rate_range_test(
        head,
        large_batches,
        criterion=criterion,
        optimizer=optimizer,
        device=device,
        min_lr=1e-5,
        progress=False,
    )
    print(f"seed {seed}:", range_tests[f"Seed {seed}"].reason)
plotting.plot_range_tests(range_tests)

# %% [markdown]
# The suggestion is where the running average falls fastest, and always before its lowest point: beyond that
# the explosion is near.
# Read it as an order of magnitude, since seeds may differ by a factor of several. It says where to put the sweep, and
# does not replace it. Another coach has another region: for plain SGD it lies higher than for Adam.
#
# ## The assistant: bold at first, careful later
#
# Far from the goal, large steps save time; near it, they overshoot. The **assistant** (`scheduler`) changes the coach's
# rate as time goes by. Know four.
#
# | assistant | the rate | moves after |
# |---|---|---|
# | `StepLR` | multiplied by `gamma` every `step_size` terms | each term |
# | `CosineAnnealingLR` | glides down to 0 along half a cosine | each term |
# | `OneCycleLR` | climbs to `max_lr`, then glides down | each *batch* |
# | `ReduceLROnPlateau` | cut when the mock exam has stopped improving | each term, with its loss |
#
# An assistant is made with the coach that it advises. To draw one, we let it advise a coach that has nothing to do.

# %% tags=["write-it:torch.optim.lr_scheduler.CosineAnnealingLR"]
BATCHES = len(train_notes)
ASSISTANTS = {
    "StepLR": lambda coach, terms: lr_scheduler.StepLR(
        coach, step_size=max(1, terms // 3), gamma=0.3
    ),
    "CosineAnnealingLR": lambda coach, terms: lr_scheduler.CosineAnnealingLR(
        coach, T_max=terms
    ),
    "OneCycleLR": lambda coach, terms: lr_scheduler.OneCycleLR(
        coach, max_lr=coach.param_groups[0]["lr"], epochs=terms, steps_per_epoch=BATCHES
    ),
    "ReduceLROnPlateau": lambda coach, _: lr_scheduler.ReduceLROnPlateau(
        coach, factor=0.3, patience=1
    ),
}


def rates_of(kind, highest, terms):
    """Return the rate at the start of each term. The made-up mock-exam loss falls for
    half the time, then stays.
    """
    coach = torch.optim.Adam([nn.Parameter(torch.zeros(1))], lr=highest)
    assistant, rates_seen = ASSISTANTS[kind](coach, terms), []
    for term in range(terms):
        rates_seen.append(coach.param_groups[0]["lr"])
        coach.step()
        for _ in range(BATCHES if kind == "OneCycleLR" else 1):
            assistant.step(
                *([max(0.5, 1 - term / terms)] if kind == "ReduceLROnPlateau" else [])
            )
    return rates_seen


cosine = [0.01 * (1 + math.cos(math.pi * term / 30)) / 2 for term in range(30)]
difference = max(
    abs(a - b)
    for a, b in zip(cosine, rates_of("CosineAnnealingLR", 0.01, 30), strict=True)
)
print(f"cosine by formula and by PyTorch differ by at most {difference:.0e}")
assert difference < 1e-8, "The formula should be PyTorch's cosine."

# %% [markdown]
# So the cosine is nothing but $\text{lr} \cdot (1 + \cos(\pi t / T)) / 2$ for term $t$ of $T$, counted from 0: the
# first term has the full rate, and 0 would come after the last. Here are all four, and below them the same figure with
# controls.


# %%
def draw_schedules(kind="all four", highest=0.01, terms=30):
    """Draw the rate over the terms."""
    kinds = list(ASSISTANTS) if kind == "all four" else [kind]
    seen = {name: rates_of(name, highest, terms) for name in kinds}
    return plotting.plot_lines(
        seen,
        title=f"What the assistants do to the learning rate, highest {highest:g}",
        xlabel="term (epoch)",
        ylabel="learning rate",
    )


plotting.show(draw_schedules())
explorer(
    draw_schedules,
    kind=ipywidgets.Dropdown(
        options=["all four", *ASSISTANTS], description="assistant"
    ),
    highest=ipywidgets.SelectionSlider(
        options=[0.001, 0.003, 0.01, 0.03, 0.1], value=0.01, description="highest"
    ),
    terms=ipywidgets.IntSlider(value=30, min=5, max=60, description="terms"),
)

# %% [markdown]
# Does it help? The rate of 0.01 was a little too high: up and down. We hire an assistant for it, and hand it to
# `train_model(scheduler=...)`, which asks it at the right moment for its kind. (A `OneCycleLR` made for another number
# of batches is refused, with an explanation. `ReduceLROnPlateau` waits for the figure that is monitored to fall, so we
# monitor the loss.)
#
# **Predict first:** the highest rate is as high as before. Where will the loss end?

# %%
bold = {"no assistant": a_little_high}
for kind in ("CosineAnnealingLR", "OneCycleLR", "ReduceLROnPlateau"):
    set_seed(0)
    head, optimizer = make_model(learning_rate=0.01)
    assistant = ASSISTANTS[kind](optimizer, NUM_EPOCHS)
    bold[kind] = practise(head, optimizer, scheduler=assistant, monitor="val_loss")

for name, card in bold.items():
    rate, loss = card.learning_rate[-1], card.val_loss[-1]
    print(f"{name:18} last rate {rate:.2g}   mock exam: loss {loss:.2f}")
plotting.show(plotting.plot_runs(bold, figures=("learning_rate", "val_loss")))
assert bold["CosineAnnealingLR"].val_loss[-1] < bold["no assistant"].val_loss[-1], (
    "The cosine should calm the loss."
)

# %% [markdown]
# As the rate falls, the swinging dies down. (Until its first cut the run with `ReduceLROnPlateau` *is* the one without
# an assistant.) Compare the last losses. Not everybody needs an assistant: compare with the calm curve of 0.001 above.
# An assistant forgives a bold rate, and pays most in long trainings of whole networks.
#
# ## How much room? The inner layer
#
# A linear head weighs features. An **inner layer** between features and answers (lesson 04, `hidden_size`) gives the
# student room for combinations of them. The rules of thumb: too small, and it cannot hold the subject (*underfitting*);
# too large, and it is slow and learns by heart more easily (*overfitting*). `sweep` tries any setting that `make_model`
# takes. 0 means no inner layer.
#
# **Predict first:** ten classes through an inner layer of only 4 numbers: will that do?

# %%
sizes = sweep(
    make_model,
    train_notes,
    val_notes,
    parameter="hidden_size",
    values=(0, 4, 32, 256),
    **options,
)
print("size    weights   practice   seconds a run")
for size, runs in sizes.histories.items():
    weights = sum(
        parameter.numel() for parameter in make_model(hidden_size=size)[0].parameters()
    )
    practice_mark, seconds = (
        fmean(run.train_accuracy[-1] for run in runs),
        fmean(sum(run.seconds) for run in runs),
    )
    print(f"{size:4} {weights:10,} {practice_mark:10.1%} {seconds:15.1f}")
plotting.show(plotting.plot_sweep(sizes, title="How large an inner layer?"))
print(sizes.explain())

# %% [markdown]
# The head of 4 numbers has failed, even in practice: hardly better than always saying "t-shirt". Is the layer too narrow
# for ten classes? Let us look at its four units, behind the ReLU: for what share of the practice pictures does each
# of them answer anything but 0?

# %%
set_seed(0)
narrow, coach = make_model(hidden_size=4)
practise(narrow, coach)
with torch.no_grad():
    answers = narrow[:2](practice.tensors[0].to(device))
shares = (answers > 0).float().mean(dim=0).tolist()
print("not 0 for", ", ".join(f"{share:.0%}" for share in shares), "of the pictures")

# %% tags=["claim"]
assert sum(share == 0 for share in shares) >= 2, (
    "Most of the four units should be dead."
)

# %% [markdown]
# Most of them answer 0 to every single picture. A ReLU that gets a negative number gives 0, and its slope there is 0 as
# well: no gradient reaches the unit's weights, so nothing can bring it back. It is a **dead ReLU**. One unit is left, and
# ten classes do not fit through one number. Four would do better: without the ReLU the same head reaches about 50 %.
# Wide layers lose units too, and have enough others.
#
# For the other sizes compare practice and mock exam. More room does not help here: in ten terms an inner layer does no
# better than none, because two layers take longer to learn, and what lifts practice and not the mock exam is learned
# by heart. Among sizes that cannot be told apart take the **simplest**: no inner layer if that is
# among them, otherwise the smallest. It is quicker, and has less room for learning by heart.
#
# ## Dropout: practise with gaps
#
# **Dropout** fights learning by heart. In practice it sets a random share of the inner layer's numbers to 0, others for
# each picture and batch, so that the student cannot lean on a few of them.
#
# **Predict first:** twelve ones through a dropout of 0.5, in `train()` and in `eval()`. What comes out?

# %%
set_seed(0)
drop = nn.Dropout(0.5)
ones = torch.ones(12)
print("train:", drop.train()(ones).tolist())
print("eval: ", drop.eval()(ones).tolist())
print(f"mean of a million, in train: {drop.train()(torch.ones(1_000_000)).mean():.3f}")
assert torch.equal(drop.eval()(ones), ones), "In eval() dropout should do nothing."

# %% [markdown]
# About half become 0, and the others are doubled: divided by the share that stays, so that the mean remains what it
# was. In `eval()` nothing happens. That is why `model.eval()` matters before an exam as soon as a head has dropout.
#
# Does it help a head with 128 inner numbers?

# %%
drops = sweep(
    lambda dropout: make_model(hidden_size=128, dropout=dropout),
    train_notes,
    val_notes,
    parameter="dropout",
    values=(0.0, 0.5, 0.8),
    **options,
)
print(drops)
print(
    "\ncannot be told apart:",
    ", ".join(f"{dropout:g}" for dropout in drops.indistinguishable),
)
assert last_gap(drops.histories[0.8]) < last_gap(drops.histories[0.0]), (
    "Dropout should make the gap smaller."
)

# %% [markdown]
# The gap falls, whatever the mock exam says, because practice has become harder: part of the student is switched off
# there, and not in the exam. It can even turn negative. Whether dropout *helps* stands in the column "mock exam
# accuracy": it has helped, or harmed, only where the difference is beyond its error, two standard errors as before.
#
# ## The head goes back on its shoulders
#
# We choose: the simplest of the sizes not told apart, a rate of 0.001. A head that practised from notes fits the
# student that looks at pictures. `build_classifier` makes one with the same `hidden_size`, and takes the weights over.

# %%
chosen = int(min(sizes.indistinguishable))
set_seed(0)
head, optimizer = make_model(hidden_size=chosen)
card = practise(head, optimizer)

student = build_classifier(10, weights=WEIGHTS, hidden_size=chosen or None).to(device)
student.head.load_state_dict(head.state_dict())
on_exam = evaluate(
    student, loaders.val, criterion=criterion, device=device, progress=False
)
print(
    f"inner layer: {chosen or 'none'}   best term on notes: "
    f"{max(card.val_accuracy):.1%}   on the pictures: {on_exam}"
)
assert abs(on_exam.accuracy - max(card.val_accuracy)) < 0.01, (
    "The head should get the same mark on the pictures."
)

# %% [markdown]
# The same mark, from raw pictures. One caution: we have now chosen by the mock exam again and again, so the best marks
# are a little too good. The final exam has stayed sealed, and lesson 08 opens it.
#
# <details><summary><b>Questions and answers</b></summary>
#
# **Is 0.01 wrong for Adam?** It is bold for a new head: compare its curve. Older scripts use it with a few terms, keep
# the best one, and get away with it.
#
# **Which do I tune first?** The learning rate. Size, dropout and schedule matter less, and the best rate may shift when
# they change.
#
# **Are three seeds enough?** To notice a large difference, yes. To prove a small one, no; but then the exam's own error
# is usually in the way, and only more exam pictures help.
#
# **All runs sit the same exam. Does its error still count in a comparison?** Less: pictures that are hard for one are
# hard for the other, and part of the luck cancels. That is why a sweep compares in pairs: only the pictures count that
# exactly one of the two gets right.
#
# **Why does a larger batch go with a larger rate?** The gradient of more pictures is less noisy, so a longer step can
# be trusted. A rule of thumb for SGD: twice the batch, twice the rate, then look at the curve.
#
# **Where do I call `scheduler.step()` in a loop of my own?** After `optimizer.step()`: once a term, except for
# `OneCycleLR` and `CyclicLR`, which move after each batch. `ReduceLROnPlateau` wants the mock-exam loss in the
# brackets.
#
# **Why does `OneCycleLR` begin so low?** A new head's first gradients are wild. A short **warm-up** lets Adam's
# averages settle before the long steps come. It moves momentum too, the other way.
#
# **Can I keep notes of augmented pictures?** Of one fixed version of each, yes, or of several. But augmentation lives
# from a new look each time (lesson 08).
#
# **What else could be swept?** Weight decay, momentum, the kind of coach: whatever you let `make_model` take. For the
# batch size or the number of terms call `sweep` once for each. Every
# comparison more is one more chance to be fooled by luck.
#
# </details>

# %% [markdown]
# ## Recap
#
# - **Revision notes**: a frozen backbone looks once; the head learns the same from its features, many times faster.
# - **Four curves**: hardly moving, steep and then level, up and down, far above guessing or `nan`.
# - **Choosing a rate**: range test, sweep with seeds, error bars of seeds and exam; often several cannot be told apart.
# - **The assistant**: the coach's rate changes with time, by the term, by the batch, or when progress stops.
# - **Size and dropout**: the simplest that cannot be told apart, judged by the mock exam and never by the gap.

# %% [markdown]
# ## Exercises
#
# ### Exercise 1 · A fresh student for every run
#
# Write `make_model(learning_rate, hidden_size)` for a sweep: a head 1280 → `hidden_size` → 10 with a ReLU, and Adam
# with that rate. The check calls it several times, as a sweep does.


# %% tags=["exercise"]
def my_make_model(learning_rate, hidden_size):
    return ...  # replace the dots: a head and its optimizer


exercises.check("07.1", my_make_model)

# %% tags=["wrong"] hint="where the first one ended"
shared_head = nn.Sequential(nn.Linear(1280, 16), nn.ReLU(), nn.Linear(16, 10))


def my_make_model(learning_rate, hidden_size):
    return shared_head, torch.optim.Adam(shared_head.parameters(), lr=learning_rate)


exercises.check("07.1", my_make_model)


# %% tags=["wrong"] hint="default"
def my_make_model(learning_rate, hidden_size):
    head = nn.Sequential(
        nn.Linear(1280, hidden_size), nn.ReLU(), nn.Linear(hidden_size, 10)
    )
    return head, torch.optim.Adam(head.parameters())


exercises.check("07.1", my_make_model)


# %% tags=["wrong"] hint="no bend"
def my_make_model(learning_rate, hidden_size):
    head = nn.Sequential(nn.Linear(1280, hidden_size), nn.Linear(hidden_size, 10))
    return head, torch.optim.Adam(head.parameters(), lr=learning_rate)


exercises.check("07.1", my_make_model)


# %% tags=["wrong"] hint="only the last layer"
def my_make_model(learning_rate, hidden_size):
    head = nn.Sequential(
        nn.Linear(1280, hidden_size), nn.ReLU(), nn.Linear(hidden_size, 10)
    )
    return head, torch.optim.Adam(head[-1].parameters(), lr=learning_rate)


exercises.check("07.1", my_make_model)


# %% tags=["solution"]
def my_make_model(learning_rate, hidden_size):
    head = nn.Sequential(
        nn.Linear(1280, hidden_size), nn.ReLU(), nn.Linear(hidden_size, 10)
    )
    return head, torch.optim.Adam(head.parameters(), lr=learning_rate)


exercises.check("07.1", my_make_model)

# %% [markdown]
# ### Exercise 2 · How far can we trust a mark?
#
# A student gets 80 % of 400 mock-exam pictures right. What is the standard error of that accuracy, as a number between
# 0 and 1?

# %% tags=["exercise"]
error_of_mark = ...  # replace the dots
exercises.check("07.2", error_of_mark)

# %% tags=["wrong"] hint="root"
error_of_mark = 0.8 * 0.2 / 400
exercises.check("07.2", error_of_mark)

# %% tags=["wrong"] hint="divided by the number of pictures"
error_of_mark = (0.8 * 0.2) ** 0.5
exercises.check("07.2", error_of_mark)

# %% tags=["wrong"] hint="percentage points"
error_of_mark = 2.0
exercises.check("07.2", error_of_mark)

# %% tags=["solution"]
error_of_mark = (0.8 * 0.2 / 400) ** 0.5  # 0.02: two points up or down
exercises.check("07.2", error_of_mark)

# %% [markdown]
# ### Exercise 3 · Which may be chosen?
#
# A sweep found this. Each mock-exam mark has a standard error of 2 points.
#
# | rate | practice | mock exam |
# |---|---|---|
# | 0.0001 | 61 % | 60 % |
# | 0.001 | 85 % | 80 % |
# | 0.01 | 93 % | 79 % |
# | 0.1 | 97 % | 70 % |
#
# List the rates that may be chosen: the best one, and all that cannot be told apart from it.

# %% tags=["exercise"]
may_be_chosen = ...  # replace the dots by a list of rates
exercises.check("07.3", may_be_chosen)

# %% tags=["wrong"] hint="smallest gap"
may_be_chosen = [0.0001]
exercises.check("07.3", may_be_chosen)

# %% tags=["wrong"] hint="practised"
may_be_chosen = [0.1]
exercises.check("07.3", may_be_chosen)

# %% tags=["wrong"] hint="one point"
may_be_chosen = [0.001]
exercises.check("07.3", may_be_chosen)

# %% tags=["solution"]
may_be_chosen = [
    0.001,
    0.01,
]  # the border is 2 * sqrt(2**2 + 2**2) = 5.7 points below 80 %
exercises.check("07.3", may_be_chosen)

# %% [markdown]
# ### Exercise 4 · The assistant's next word
#
# The coach begins with 0.1, and the assistant is `StepLR(optimizer, step_size=3, gamma=0.1)`. With which rate does the
# coach correct in the eighth term?

# %% tags=["exercise"]
rate_in_term_8 = ...  # replace the dots
exercises.check("07.4", rate_in_term_8)

# %% tags=["wrong"] hint="every term"
rate_in_term_8 = 0.1 * 0.1**7
exercises.check("07.4", rate_in_term_8)

# %% tags=["wrong"] hint="second cut"
rate_in_term_8 = 0.01
exercises.check("07.4", rate_in_term_8)

# %% tags=["wrong"] hint="multiplies"
rate_in_term_8 = 0.1 - 2 * 0.1
exercises.check("07.4", rate_in_term_8)

# %% tags=["solution"]
rate_in_term_8 = 0.1 * 0.1 ** (7 // 3)  # seven terms have passed, so two cuts: 0.001
exercises.check("07.4", rate_in_term_8)

# %% [markdown]
# ## Next
#
# The head is as good as we can choose it, but the backbone still sees our pictures with the eye of its old school.
# **Lesson 08** lets it learn too, carefully, and then opens the final exam, once.
