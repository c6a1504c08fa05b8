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
# # 11 · The bug museum
#
# **What does a mistake look like?**
#
# A mistake that ends in an error is a kind one: it says where it is. Nearly all mistakes of this museum say nothing.
# The loop runs to its end, most curves come down, there is a mark under the report card. Only the student is worse than
# it could be, or the mark is a dream. Twenty-four of them hang here, each a line or two away from a healthy loop, and
# run live. The twenty-fifth is no line at all.
#
# ## What you will learn
#
# - **recognise** mistakes by their curves, and say where curves show nothing
# - **tell apart** what spoils the student and what spoils only the report card
# - **watch** a loop of your own with two lines, and read what the attendant says
# - **say** which mistakes a program can find, and which only you can
# - **find** mistakes in other people's tutorials
#
# ## Before you start
#
# Lessons 02 (leaks), 03 (batches), 06 (the loop, six ways to break it) and 07 (rates; marks have errors).

# %% tags=["settings"]
import os

# "photos": 3,781 photographs, a download of 107 MB
DATASET = os.environ.get("COURSE_DATASET") or "drawn"
# "imagenet": torchvision's network, a download of 14 MB
WEIGHTS = os.environ.get("COURSE_WEIGHTS") or "course"

# %%
import inspect
import math
import random
import statistics
import warnings
from weakref import WeakSet

import torch
from IPython.display import display
from torch import nn
from torch.nn import functional

from course_utils import (
    build_classifier,
    build_eval_transform,
    clothing,
    get_device,
    load_image,
    plotting,
    set_seed,
    widgets,
)
from course_utils.checks import check_batch
from course_utils.classroom import exercises, museum
from course_utils.classroom.book import compare_with_book
from course_utils.classroom.healthy_loop import changed, school, take_notes
from course_utils.classroom.predictions import what_happened
from course_utils.pictures.near import near_copies, shrink
from course_utils.report.tables import text_table
from course_utils.watching import watch

guessing = math.log(10)  # the loss of a student who guesses

# %% [markdown]
# ## The healthy loop
#
# This is lesson 06's loop, in one piece. A head learns on revision notes, so a whole schooling takes a moment. In front
# it has a layer that brings the notes of each picture to mean 0 and spread 1 (`LayerNorm`), then an inner layer of 64,
# and dropout behind it. A OneCycleLR moves the rate after each batch, as in lesson 07. The lines with the `attendant`
# we come to in a moment.

# %%
print(inspect.getsource(school))

# %% [markdown]
# Opening the museum takes the notes, once. Then three healthy students go to school, one for each seed; nearly everything
# that hangs here is compared with them, seed by seed (in pairs, as in lesson 07: so chance counts less).

# %%
root = clothing(DATASET)
model = build_classifier(10, weights=WEIGHTS)
gallery = museum.open_museum(root, model, device=get_device())
finals = [gallery.final(visit).accuracy for visit in gallery.healthy]
print("final exam:", *(f"{mark:.1%}" for mark in finals))
plotting.show(
    plotting.plot_history(
        gallery.healthy[0].card,
        guessing=guessing,
        title="The healthy loop, seed 0",
        height=3.2,
    )
)
spread = statistics.stdev(finals) / math.sqrt(len(finals))
compare_with_book(
    "11.healthy",
    statistics.fmean(finals),
    error=spread,
    pictures=DATASET,
    weights=WEIGHTS,
)

# %% tags=["claim"]
assert all(not visit.findings for visit in gallery.healthy), "Nothing is amiss."
assert min(finals) > 0.55, "The healthy students have learned their subject."
assert 0.61 < gallery.healthy[0].card.val_accuracy[-1] < 0.71, "66 % in the mock exam."
assert 0.68 < finals[0] < 0.76, "72 % in the final exam."

# %% [markdown]
# The report card ends at 66 % and the final exam says 72 %. Neither is wrong: they are two exams of 300 pictures, none
# in both, each ± 2.6 to 2.7 points, so that ± 4 points lie between them by chance alone, and one may be a little easier.
# Damage is therefore always read beside the healthy student, who sat the same exams.
#
# (The final exam is opened here as often as we like, for nothing is chosen by it. It is our scale.)
#
# ### How an exhibit is made
#
# An exhibit is a change to the *text* of the loop: what goes, what comes. `changed` puts it in and hands back a
# loop that runs. So what a placard shows is what has run. Lesson 06's first break, once more:

# %%
forgetful = changed(school, {"optimizer.zero_grad()": ""})
with warnings.catch_warnings(action="ignore"):
    visit = forgetful(gallery.notes, seed=0)
print(f"final exam: {gallery.final(visit).accuracy:.1%}")
print(visit.findings[0].sentence)

# %% tags=["claim"]
assert visit.findings[0].kind == "not forgotten", "The attendant sees it."

# %% [markdown]
# ### The attendant
#
# Who said that? In lesson 06 only curves could tell that a line was missing. PyTorch lets us do better: it calls
# whoever asks before each answer, before each gradient is added, before each correction. `watch` asks for all three. It
# changes nothing, and needs one line before a loop of yours and one behind it. (In `school` a third, `look_at`, shows
# it the loaders, for its first look.)
#
# ```python
# attendant = watch(model, optimizer, criterion=criterion)
# ...  # your loop
# attendant.leave()
# ```
#
# It looks twice: a **first look** at loaders, optimizer and first batch, before anything is corrected
# (`course_utils.checks`, or `features.check_notes` where notes are taken), and then it **watches**. Afterwards the
# **report card** has its say (its remarks, lesson 06). What cannot run at all is *refused*. And where none of them says
# a word, the placard says *nobody* (once, in room 4, *data doctor*).
#
# Here is the attendant in a loop of a few lines. What is wrong with it?

# %%
set_seed(0)
student, teacher = nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.3)), nn.MSELoss()
coach = torch.optim.SGD(student.parameters(), lr=0.1)
attendant = watch(student, coach, criterion=teacher)
with warnings.catch_warnings(action="ignore"):
    for _ in range(3):
        teacher(student(torch.randn(16, 4)), torch.zeros(16, 8)).backward()
        coach.step()
    with torch.no_grad():
        student(torch.randn(16, 4))
print(*(finding.sentence for finding in attendant.leave()), sep="\n\n")

# %% tags=["claim"]
assert [finding.kind for finding in attendant.findings] == [
    "not forgotten",
    "exam in train()",
], "Two lines are missing."

# %% [markdown]
# ## Room 1: a line of the loop
#
# Five exhibits; some you know from lesson 06. What goes is marked `-`, what comes `+`.

# %%
print(museum.show_changes("loop"))
LOOP = ["all five", "two of them", "none of them"]
widgets.predict_first("11.1", "How many of the five spoil the student?", LOOP)

# %% [markdown]
# Choose, then enter. (*Live best weights* is shown in a small school, where it can be seen: 100 practice pictures, 60
# terms, its own healthy run behind.)

# %%
loop = gallery.walk("loop")
plotting.show(
    plotting.plot_broken(
        loop.healthy,
        loop.cards,
        guessing=guessing,
        keep_last=["live best weights"],
        title="Room 1: a line of the loop",
    )
)
worse = [name for name, shown in loop.items() if shown.spoils_the_student]
display(loop)
what_happened("11.1", LOOP[1 if 0 < len(worse) < 5 else 0 if worse else 2])

# %% tags=["claim"]
assert worse == ["no zero_grad", "live best weights"], "Two of the five."
assert loop["no zero_grad"].student.mean > 20, "Dozens of points."
assert loop["no eval"].card.is_clear, "A false card,"
assert loop["no eval"].card.mean < -2, "by points."
assert abs(loop["no eval"].student.mean) < 5, "Its student is as good."
assert 9 < loop["eval never undone"].card.mean < 16, "About twelve points better."
assert loop["eval never undone"].student.mean < 2, "Its student is no worse."
assert loop["live best weights"].loss.mean > 20, "The loss is much higher."
assert abs(loop["live best weights"].student.mean) < 8, "The accuracy hardly suffers."
assert loop["no .item()"].student.mean == 0, "The same student, to the last digit."
assert {shown.caught for shown in loop.values()} == {"attendant"}, "All five are seen."

# %% [markdown]
# The columns: by how many points the student falls short of the healthy one in the final exam; by how much its loss is
# up; by how many points its card says more than its final exam, beyond what the healthy card does. All are means over
# three seeds, with their standard errors.
#
# Two things about that third column. In *no eval*, *means of means* and room 5 it simply holds card against card, and in
# *eval never undone* the practice marks. And a wreck seems to tell three to six points too much: it has failed both
# exams alike, while the healthy student's card says some five points less than its final exam.
#
# - **No `zero_grad`** costs dozens of points: a wreck, and the only one with a curve that cries out.
# - **No `eval`** costs the student nothing. Its card tells less than is true: three tenths of the inner layer were
#   hidden in the exam.
# - **`eval` never undone**: dropout is off from the second term on. What its card tells too much, about twelve
#   points, is in the practice marks: you believe in a medicine that nobody takes. The student is no worse for it.
# - **Live best weights**: the curves are the healthy run's, to the last digit. What is handed over at the end is
#   the last student, not the best. Its loss is much higher; its accuracy is not lower at all. By heart, again.
# - **No `.item()`**: nothing is wrong with student or card. What grows is memory.
#
# And the attendant has seen all five:

# %%
print(loop.sayings)

# %% [markdown]
# ### What a forgotten `.item()` keeps
#
# A loss holds on to what it was computed from, until `backward()` lets go of most of it. In an exam without `no_grad`
# nothing lets go. Here that is counted, for three batches of eight pictures with the whole eye unfrozen. On the left
# the sum takes `loss.item()`, on the right `loss`.


# %%
# How it is counted; you may skip it.
class Page:
    """One tensor that PyTorch keeps for the way back."""

    def __init__(self, tensor):
        self.tensor = tensor
        kept.add(self)


def add_up(read):
    total, sizes = 0.0, []
    with torch.autograd.graph.saved_tensors_hooks(Page, lambda page: page.tensor):
        for batch in torch.zeros(3, 8, 3, 96, 96):
            total = total + read(learner(batch).square().mean())
            places = {page.tensor.data_ptr(): page.tensor.nbytes for page in kept}
            sizes.append(sum(places.values()) / 1e6)
    return sizes


kept = WeakSet()
learner = build_classifier(10, weights=WEIGHTS, freeze_backbone=False).eval()
with_item, without = add_up(lambda loss: loss.item()), add_up(lambda loss: loss)
for number, sizes in enumerate(zip(with_item, without, strict=True), start=1):
    print(
        f"after batch {number}: {sizes[0]:4.0f} MB, without .item() {sizes[1]:4.0f} MB"
    )

# %% tags=["claim"]
assert without[2] > 2.3 * without[0], "Three batches are kept, not one."
assert max(with_item) < 1, "With .item() nothing is kept when a batch is over."

# %% [markdown]
# One batch after the other stays. Some hundred batches later the memory is full, in the last line that you would suspect.
#
# ## Room 2: the student and its coach
#
# Nothing is missing here. A layer too much, a list too short, a rate that is wrong.

# %%
print(museum.show_changes("student"))
RATES = ["ten times too high", "ten times too low", "about the same"]
widgets.predict_first("11.2", "Which rate costs more: ten times too ...", RATES)

# %% [markdown]
# (*Old optimizer* is what is left when the inner layers are unfrozen after the optimizer was made: they may learn, and
# nobody corrects them.)

# %%
coaches = gallery.walk("student")
plotting.show(
    plotting.plot_broken(
        coaches.healthy,
        coaches.cards,
        guessing=guessing,
        title="Room 2: the student and its coach",
    )
)
high, low = (
    coaches[name].student for name in ("rate times ten", "a tenth of the rate")
)
alike = abs(high.mean - low.mean) < 2 * math.hypot(high.error, low.error)
display(coaches)
what_happened("11.2", RATES[2 if alike else int(high.mean < low.mean)])

# %% tags=["claim"]
assert all(shown.student.is_clear for shown in coaches.values()), "All six bite."
assert min(shown.student.mean for shown in coaches.values()) > 2, "Points are lost."
assert alike, "Too high or too low: about the same."
assert 5 < high.mean < 15, "About ten points,"
assert 5 < low.mean < 15, "about ten points."
assert coaches["old optimizer"].student.mean > 20, "More than twenty points."
assert 12 < coaches["softmax twice"].student.mean < 25, "About eighteen points."
assert min(coaches["softmax twice"].visits[0].card.val_loss) > 1.46, "The floor."
assert coaches["dead ReLUs"].student.mean > 15, "Dead units cannot be woken."
assert all(visit.card.best_epoch == 1 for visit in coaches["dead ReLUs"].visits), (
    "The student of the first term is handed over."
)
assert all(
    20 < (visit.model[:3](gallery.notes.practice.tensors[0]).amax(0) == 0).sum() < 50
    for visit in coaches["dead ReLUs"].visits
), "About half of its units are dead."
assert {name for name in coaches if coaches[name].caught == "nobody"} == {
    "rate times ten",
    "a tenth of the rate",
}, "Two are seen by nobody."

# %% [markdown]
# - **Softmax twice** costs about eighteen points. The loss has a floor (lesson 05), and where the inner softmax is sure
#   of an answer, right or wrong, there is hardly a slope to follow.
# - **Old optimizer**: the loss does come down, since the last layer learns. So nobody suspects that the layers before
#   it stand still.
# - **Dead ReLUs**: with a rate a hundred times too high the steps of the first terms throw units below zero, for every
#   picture. A ReLU that is never above zero has no slope, and so no step of its own brings it back. The student that is
#   handed over is that of the first term, with about half of them dead; at the end all 64 are.
# - **Stepped by the term** (what changes is where the line stands): OneCycleLR plans 200 small moves and gets ten. The
#   rate never leaves the warm-up.
# - **The rate**, ten times too high or too low: the losses come down in the end, and about ten points are missing
#   either way. One run alone does not tell that a better rate exists. A second one does (lesson 07's range test).

# %%
print(coaches.sayings)

# %% [markdown]
# ## Room 3: labels and counting

# %%
print(museum.show_changes("labels"))
FLOORS = ["about 26 %, as always", "about 10 %, by chance", "far below 10 %"]
widgets.predict_first("11.3", "All labels shifted by one: the exam's mark?", FLOORS)

# %% [markdown]
# Two of the six are refused; they have no curve. Their sentences stand below the table.

# %%
labels = gallery.walk("labels")
plotting.show(
    plotting.plot_broken(
        labels.healthy,
        labels.cards,
        guessing=guessing,
        title="Room 3: labels and counting",
    )
)
shifted = labels["labels shifted"].visits[0].card
mark = shifted.val_accuracy[-1]
print(f"labels shifted: {mark:.1%} in the mock exam")
display(labels)
what_happened("11.3", FLOORS[2 if mark < 0.07 else 1 if mark < 0.2 else 0])

# %% tags=["claim"]
assert mark < 0.07, "Far below chance: it has learned, and learned something else."
assert shifted.train_accuracy[-1] > 0.5, "Its practice is a success."
assert labels["labels shifted"].student.mean > 40, "Nearly everything is lost."
assert all(
    0.18 < gallery.final(visit).accuracy < 0.34
    for visit in labels["labels shuffled"].visits
), "The baseline: nothing to learn."
assert labels["sorted batches"].student.mean > 6, "Sorted batches cost points."
assert labels["means of means"].student.mean == 0, "The same student."
assert labels["means of means"].card.is_clear, "The card is wrong."
assert abs(labels["means of means"].card.mean) > 1, "By points."
assert [name for name in labels if labels[name].caught == "refused"] == [
    "labels as floats",
    "(N, 1) == (N,)",
], "Two are refused."
assert labels["means of means"].caught == "nobody", "Nobody sees the means."

# %% [markdown]
# - **Labels shifted**: practice looks healthy, and the exam's loss begins above guessing and climbs out of the panel. A
#   mark far *below* chance is hardly ever bad luck: the student has learned, only something else than the exam asks. It
#   happens where one folder lacks a class, and both are numbered by themselves.
# - **Labels shuffled**: there is no rule, and the mark is the baseline (lesson 06).
# - **Sorted batches**: folders come class by class, and so do batches without `shuffle=True`. Each batch
#   teaches one answer or two, and takes back some of the others.
# - **Means of means**: our exam comes class by class in batches of 128, 128 and 44. A picture of the last batch counts
#   more than twice as much as it should, and those are pictures of the last classes. The student is the same, the mark
#   is not.
#
# The two refusals:

# %%
for name in ("labels as floats", "(N, 1) == (N,)"):
    print(labels[name].sayings[0], end="\n\n")
guesses, truths = torch.tensor([[1], [2], [2]]), torch.tensor([1, 2, 0])
plotting.draw_broadcasting(guesses, truths, "==", title="(N, 1) == (N,) gives (N, N)")

# %% tags=["claim"]
assert "int64" in labels["labels as floats"].sayings[0], "A sentence that helps."
assert "not 2" in labels["(N, 1) == (N,)"].sayings[0], "More than 2,000 %."

# %% [markdown]
# Each answer has met every label: more than 2,000 % right. That one is loud only because a mark above 100 % is absurd.
# With many classes in small batches the sum may come out below one, and then nobody notices.
#
# ## Room 4: practice and exam
#
# In this room student and loop are in order. What is wrong is who has seen what.

# %%
print(museum.show_changes("splits"))
splits = gallery.walk("splits")
plotting.show(
    plotting.plot_broken(
        splits.healthy,
        splits.cards,
        guessing=guessing,
        title="Room 4: practice and exam",
    )
)
splits

# %% tags=["claim"]
assert all(shown.card.is_clear for shown in splits.values()), "Both cards boast."
assert splits["exam in practice"].card.mean > 10, "More than ten points."
assert 6 < splits["twins across the split"].card.mean < 14, "About ten points."
assert not splits["twins across the split"].sayings, "The first look is silent."
assert all(
    min(shown.visits[0].card.val_loss) < min(shown.healthy[0].card.val_loss) - 0.2
    for shown in splits.values()
), "Far better curves."
assert all(
    min(shown.visits[0].card.val_loss) > min(shown.healthy[0].card.val_loss) - 0.1
    for shown in [*loop.values(), *coaches.values(), *labels.values()]
    if shown.visits
), "No other looks like that."
assert splits["exam in practice"].caught == "first look", "Seen before it starts."

# %% [markdown]
# The mock exam's curves are far *better* than the healthy ones, and no other mistake here looks like that. **Exam in
# practice**: the mock exam's pictures were practised. The card tells more than ten points too many; the first look
# compares the samples and says so. (Below zero in the first column: 300 more pictures to practise on do help the
# student.)
#
# **Twins** are meaner. Every garment of the exam stands in practice *once more*, photographed from the other side
# (here: mirrored). No file is there twice, no sample is the same, and the card still boasts by about ten points. The
# first look is silent. The data doctor of lesson 02, who looks at pictures, is not:

# %%
paths = sorted(gallery.exam_folder.glob("*/*"))
paths = random.Random(0).sample(paths, 20)
smalls = [shrink(load_image(path)) for path in paths]
mirrored = [small.transpose(0) for small in smalls]
found = list(near_copies([*smalls, *mirrored]))
print(f"{len(smalls)} pictures and their twins: {len(found)} pairs found")

# %% tags=["claim"]
assert len(smalls) == 20, "Twenty pictures."
assert len(found) >= len(smalls), "Every twin is found."

# %% [markdown]
# ### The seed that the exam chose
#
# The last one in this room is no line at all. Somebody trains forty students that differ in nothing but the seed, takes
# the best of each ten *by the mock exam*, and reports that mark. How much of it is real?

# %%
SEEDS = ["all of it", "most of it", "the smaller part of it"]
widgets.predict_first("11.4", "The best of ten: how much of its lead is real?", SEEDS)

# %% [markdown]
# Choose; then they all go to a very short school, and the chosen ones sit the final exam.

# %%
short = gallery.few._replace(num_epochs=6)
told, worth = [], []
for seed in range(40):
    visit = school(short, seed)
    told.append(100 * visit.card.val_accuracy[visit.card.best_epoch - 1])
    worth.append(100 * gallery.final(visit).accuracy)
gains, real = [], []
for start in range(0, 40, 10):
    ten = range(start, start + 10)
    best = max(ten, key=told.__getitem__)
    gains.append(told[best] - statistics.fmean(told[start : start + 10]))
    real.append(worth[best] - statistics.fmean(worth[start : start + 10]))
gain, kept_gain = statistics.fmean(gains), statistics.fmean(real)
errors = [statistics.stdev(each) / math.sqrt(4) for each in (gains, real)]
print("the best of ten, in points above the mean of their ten:")
print(f"mock exam  {gain:+.1f} ± {errors[0]:.1f}")
print(f"final exam {kept_gain:+.1f} ± {errors[1]:.1f}")
what_happened(
    "11.4", SEEDS[0 if kept_gain > 0.9 * gain else 1 + (kept_gain < gain / 2)]
)

# %% tags=["claim"]
assert gain - kept_gain > 0.5, "The choice boasts."
assert gain > 1.5, "By points."
assert kept_gain < gain / 2, "The smaller part is real."

# %% [markdown]
# Of a lead of nearly three points, about one is real: the rest is luck with these 300 pictures. What the exam has
# chosen, the exam cannot judge. Nobody can see it in a loop, for the loop is in order; only the sealed envelope of
# lesson 08 helps.
#
# ## Room 5: the eye
#
# The last room is about pictures. These lines take the notes:

# %%
print(inspect.getsource(take_notes))

# %% [markdown]
# In each exhibit the *exam's* pictures are looked at in another way than those of practice, as it happens where exam or
# app have code of their own.

# %%
print(museum.show_changes("eye"))
EYES = ["pixels from 0 to 255", "red and blue swapped", "upside down"]
widgets.predict_first("11.5", "Which of these costs nothing?", EYES)

# %% [markdown]
# Choose, then enter. The students are the healthy ones, as far as practice goes; what differs is what they are shown.

# %%
eye = gallery.walk("eye")
plotting.show(
    plotting.plot_broken(
        eye.healthy, eye.cards, guessing=guessing, title="Room 5: the eye"
    )
)
display(eye)
what_happened("11.5", min(EYES, key=lambda name: abs(eye[name].card.mean)))

# %% tags=["claim"]
assert all(
    shown.card.is_clear and shown.card.mean < -5
    for name, shown in eye.items()
    if name != "red and blue swapped"
), "Four of the five bite."
assert abs(eye["red and blue swapped"].card.mean) < 4, "Swapped colours cost nothing."
assert all(
    24 < eye[name].student.mean < 40
    and all(visit.card.best_epoch == 1 for visit in eye[name].visits)
    for name in ("pixels from 0 to 255", "the eye in train()")
), "About thirty points are lost: term 1 is kept."
assert eye["upside down"].caught == "report card", "An alarm, with the wrong reason."
assert "by heart" in eye["upside down"].sayings[0], "It takes it for learning by heart."

# %% [markdown]
# - **Pixels from 0 to 255**, and **the eye in `train()`**: the exam's loss rises from the first term on. Look at the
#   first column: the student itself is worse, too, by about thirty points. Why? The false exam has chosen the term to
#   keep, and it chose the first. (Equal figures in that column: equal terms.)
# - **Augmented exam**: of each picture a random part is cut out, another one for each. The marks are far too low.
# - **Upside down**: OpenGL begins a picture at the bottom, Pillow at the top. The report card raises the alarm, and
#   gives a wrong reason: it takes the gap to the practice curve for learning by heart. A symptom is not a cause.
# - **Red and blue swapped** (OpenCV reads blue first) costs no points. So does it change nothing?

# %%
healthy = gallery.healthy[0].model.eval()
with torch.no_grad():
    seen = healthy(gallery.notes.exam.tensors[0]).argmax(1)
    swapped = healthy(eye["red and blue swapped"].notes.exam.tensors[0]).argmax(1)
truths = gallery.notes.exam.tensors[1]
other, was_right, is_right = seen != swapped, seen == truths, swapped == truths
print(f"{other.sum()} of {len(seen)} answers are other ones:", end=" ")
print(f"{(other & is_right).sum()} turn right, {(other & was_right).sum()} turn wrong")

# %% tags=["claim"]
assert (seen != swapped).sum() >= 25, "Many single answers change."

# %% [markdown]
# Many single answers change, for better or worse, and little of that is left in the mark. A garment is a shape; these
# were drawn in any colour. With birds or tomatoes it would be another story. That is the meanest kind: a mistake which
# *this* exam cannot see. No program finds it either, since a picture with swapped colours is a good picture.
#
# ## The whole museum
#
# All exhibits in one table, the dearest first: the larger of the two damages in points decides.

# %%
everything = museum.Room(loop | coaches | labels | splits | eye)


def worst(item):
    _, shown = item
    points = [shown.student, shown.card] if shown.visits else []
    return max((abs(each.mean) for each in points), default=0)


museum.Room(sorted(everything.items(), key=worst, reverse=True))

# %% tags=["claim"]
assert len(everything) == 24, "Twenty-four exhibits."
assert all(
    shown.damage is None or shown.damage.is_clear for shown in everything.values()
), "Each bites, by more than two standard errors."
assert all(shown.caught == shown.exhibit.caught for shown in everything.values()), (
    "Each is caught as its placard says."
)

# %% [markdown]
# And who has caught them?

# %%
catchers = [
    "first look",
    "attendant",
    "refused",
    "report card",
    "data doctor",
    "nobody",
]
rows = [["caught by", "how many", "which"]]
for who in catchers:
    names = [name for name, shown in everything.items() if shown.caught == who]
    rows.append([who, str(len(names)), ", ".join(names)])
print(text_table(rows, align="left"))

# %% tags=["claim"]
assert sum(shown.caught == "nobody" for shown in everything.values()) == 4, (
    "Four are seen by nobody."
)

# %% [markdown]
# And others' programs? Two checking libraries that are kept up (releases of this year) took the attendant's seat, in
# the same loops and with three seeds: *torch-audit* 0.3.0, which watches every correction, and *torchtest2* 0.1.0,
# which checks model, optimizer and one batch. Seen is what a library says of all three broken runs and of no healthy
# one. (Run on 30 November 2026 with torch 2.15, by `tools/score_checkers.py`, in an environment of its own.)
#
# | exhibit | here | torch-audit | torchtest2 |
# |---|---|---|---|
# | no zero_grad | attendant | a layer is nearly all zeros | – |
# | softmax twice | first look | – | one batch is not learned by heart |
# | old optimizer | first look | gradients explode | weights that no optimizer moves |
# | rate times ten | **nobody** | a layer is nearly all zeros | – |
# | dead ReLUs | attendant | a layer is nearly all zeros, gradients too | – |
# | a tenth of the rate | **nobody** | – | one batch is not learned by heart |
# | labels shuffled | report card | – | one batch is not learned by heart |
# | sorted batches | first look | a layer is nearly all zeros | – |
# | labels as floats | refused | – | the loss cannot be taken |
# | pixels from 0 to 255 | first look | a suspicious range of pixels | – |
# | the other 14 | 12 | – | – |
# | **together, of 24** | **20** | **6** | **5** |
#
# We built the package's checks beside these exhibits, so twenty is no contest. Look at the two rates instead: nobody
# here sees them, and both are seen there, by a symptom. torch-audit speaks when most of a layer is zero in a single
# batch (our attendant waits for thirty), torchtest2 when 200 steps do not teach one batch by heart. And look at what
# nobody sees anywhere: the means of means, the swapped colours.
#
# Most are found before the loop runs, or while it does. Four go through here, and the seed that the exam chose is a
# fifth. They have something in common: everything fits together, and no program knows what you *meant*. Here habits
# help further than checks:
#
# - look at a batch, with your eyes, before the first term
# - run twice, with another rate; a run alone has nothing to be worse than
# - count pictures
# - keep an exam that nothing has been chosen by
#
# ## Found in the wild
#
# Three tutorials from which thousands have learned, and which we recommend. (Read in
# November 2026, in the authors' own repositories.)
#
# - **Means of means, and an exam in every term**, in *Zero to Mastery Learn PyTorch*:
#   [engine.py](https://github.com/mrdbourke/pytorch-deep-learning/blob/main/going_modular/going_modular/engine.py).
#   Loss and accuracy of each batch are added up and divided by the number of batches, so that a short last batch counts
#   as much as a full one. And the test set is used after every epoch: at the end no exam is left that has not been
#   looked at.
# - **A frozen network in `train()`**, in PyTorch's own [transfer learning
#   tutorial](https://github.com/pytorch/tutorials/blob/main/beginner_source/transfer_learning_tutorial.py). The
#   backbone of a ResNet is frozen with `requires_grad = False`, and then every practice begins with `model.train()`.
#   Its BatchNorm layers go on collecting: the fixed feature extractor is another one after every epoch.
# - **A loss that is constant**, in PyTorch's distributed examples:
#   [single_gpu.py](https://github.com/pytorch/examples/blob/main/distributed/ddp-tutorial-series/single_gpu.py). A
#   model with *one* output, random targets, and cross-entropy. What is the loss?

# %%
scores, targets = torch.randn(32, 1, requires_grad=True), torch.rand(32, 1)
loss = functional.cross_entropy(scores, targets)
loss.backward()
print(f"loss {loss.abs():.4f}, steepest slope {scores.grad.abs().max():.4f}")
try:
    inputs = torch.rand(32, 20)
    check_batch(nn.Linear(20, 1), inputs, targets, criterion=nn.CrossEntropyLoss())
except ValueError as error:
    print(error)

# %% tags=["claim"]
assert loss == 0, "Zero, whatever is answered."
assert scores.grad.abs().max() == 0, "And no slope."

# %% [markdown]
# Zero, and so are all slopes: the softmax of a single score is always 1. The example is about distributing work, its
# data are random numbers, and it does distribute them; only it never learns, and nothing in its output could tell.
#
# What does the second one do to our eye? We let it look at twenty pictures in `train()` mode, with all weights frozen,
# and compare what it says about one picture before and after:

# %%
look = build_eval_transform(model.spec)
batch = torch.stack([look(load_image(path)) for path in paths])
drifting = build_classifier(10, weights=WEIGHTS).backbone
with torch.no_grad():
    before = drifting.eval()(batch[:1])
    drifting.train()(batch)  # one batch in practice mode; no weight can move
    after = drifting.eval()(batch[:1])
change = ((after - before).norm() / before.norm()).item()
print(f"the notes of one picture have moved by {change:.0%} of their length")

# %% tags=["claim"]
assert change > 0.02, "A frozen eye in train() moves."

# %% [markdown]
# One batch, no gradient, no optimizer, and the frozen eye sees otherwise. (`TransferClassifier` keeps what is frozen in
# `eval()`: lesson 04.)
#
# ## The poster
#
# The whole museum on one sheet, to hang above your desk. Grey is the healthy run, the dotted line is guessing. Under
# each picture stands who caught it.

# %%
panels = {
    name: plotting.Poster(
        run=everything.cards.get(name),
        healthy=everything.healthy.get(name),
        caption=f"{shown.headline} · {shown.caught}",
        words="refused",
        keeps_last=name == "live best weights",
    )
    for name, shown in everything.items()
}
plotting.draw_poster(panels, guessing=guessing, title="The bug museum")

# %% [markdown]
# <details><summary><b>Questions and answers</b></summary>
#
# **Why text, and not an argument `broken="no eval"`?** Because then the placard and the loop could drift apart, and the
# loop would be full of `if`. Here one loop is kept, and a mistake is what it is in life: another line.
#
# **Does the attendant slow a loop down?** By about a tenth, where the student is as small as ours. After fifty
# corrections it looks at no gradient any more. `leave()` takes all of its hooks away.
#
# **May I add up gradients on purpose (lesson 06, exercise 3)?** Yes. The attendant complains only where a gradient is
# added to one that a correction has *already* followed.
#
# **It found dead ReLUs in my healthy network.** It speaks from three quarters of a layer on, after thirty batches
# without a sign of life. Some dead units are common and do no harm.
#
# **Why are the errors so small with three seeds?** Broken and healthy runs share their seed, and with it mostly the
# first weights and the order of the batches. What is left over in the difference is mostly the mistake.
#
# **My figures are others.** They belong to these pictures and this eye. With photographs or ImageNet's weights other
# exhibits are dearer.
#
# **Could a language model find these by reading the code?** Many of them, yes: they are one line. What it cannot read
# is what has happened before the code: twins in the folders, labels that are shifted, an exam that was looked at.
#
# </details>
#
# ## Recap
#
# - **Curves** show what flies off, stands still, or climbs; twins and means of means show nothing, or look too good.
# - **Student or card**: *no eval*, twins and means of means spoil what you know; *no zero_grad*, softmax and rates what
#   it can.
# - **The attendant** sits in a loop of your own between two lines, `watch(...)` and `leave()`, and sees lines that are
#   missing.
# - **Nobody** here sees what is consistent: a poor rate, another mean, other colours, a chosen seed. Habits do.
# - **In the wild** mistakes like these stand in good tutorials; you have read three.
#
# ## Exercises
#
# ### Exercise 1 · Curves without names
#
# Four runs of another seed. Which is which?

# %%
KINDS = ["no zero_grad", "softmax twice", "old optimizer", "labels shifted"]
KINDS += ["exam in practice", "eval never undone", "stepped by the term"]
hidden = random.Random(3).sample(KINDS, 4)  # do not print it!
puzzle = {
    a: everything[name].visits[1].card for a, name in zip("ABCD", hidden, strict=True)
}
plotting.plot_broken(
    gallery.healthy[1].card, puzzle, guessing=guessing, title="Curves without names"
)

# %% [markdown]
# Name each, from the list `KINDS`.

# %% tags=["exercise"]
answer = {"A": ..., "B": ..., "C": ..., "D": ...}  # such as "old optimizer"
exercises.check("11.1", answer, truth=dict(zip("ABCD", hidden, strict=True)))

# %% tags=["wrong"] hint="0 of 4 are right"
answer = dict(zip("ABCD", hidden[1:] + hidden[:1], strict=True))
exercises.check("11.1", answer, truth=dict(zip("ABCD", hidden, strict=True)))

# %% tags=["wrong"] hint="Choose from"
answer = dict.fromkeys("ABCD", "it learns slowly")
exercises.check("11.1", answer, truth=dict(zip("ABCD", hidden, strict=True)))

# %% tags=["solution"]
answer = {
    "A": "softmax twice",  # falls at once, then hardly moves: a floor
    "B": "exam in practice",  # the exam looks better than the healthy one's
    "C": "eval never undone",  # practice far below the healthy practice
    "D": "stepped by the term",  # even, too slow, and still falling
}
exercises.check("11.1", answer, truth=dict(zip("ABCD", hidden, strict=True)))

# %% [markdown]
# ### Exercise 2 · Count, whatever comes
#
# Write `num_right(outputs, labels)`: scores `(N, C)`, labels `(N,)` or, as some data sets give them, `(N, 1)`. Return
# how many answers are right, as a whole number of Python.


# %% tags=["exercise"]
def num_right(outputs, labels):
    return ...  # replace the dots


exercises.check("11.2", num_right)


# %% tags=["wrong"] hint="every label"
def num_right(outputs, labels):
    return (outputs.argmax(dim=1) == labels).sum().item()


exercises.check("11.2", num_right)


# %% tags=["wrong"] hint="a share"
def num_right(outputs, labels):
    return (outputs.argmax(dim=1) == labels.flatten()).float().mean().item()


exercises.check("11.2", num_right)


# %% tags=["wrong"] hint=".item()"
def num_right(outputs, labels):
    return (outputs.argmax(dim=1) == labels.flatten()).sum()


exercises.check("11.2", num_right)


# %% tags=["solution"]
def num_right(outputs, labels):
    return (outputs.argmax(dim=1) == labels.flatten()).sum().item()


exercises.check("11.2", num_right)

# %% [markdown]
# ### Exercise 3 · A mistake of your own
#
# The museum buys. Wanted is a change to `school` (printed at the top) that costs the student at least five points
# in the final exam, clearly, and about which nobody says a word: no attendant, no report card. Nothing that hangs here
# already. Give it as a dictionary, old text -> new text; `""` takes the line away. (The check runs it for three seeds.)

# %% tags=["exercise"]
mine = ...  # such as {"nn.ReLU()": "nn.Identity()"}
exercises.check("11.3", mine, gallery=gallery)

# %% tags=["wrong"] hint="hangs here already"
mine = {"optimizer.zero_grad()": ""}
exercises.check("11.3", mine, gallery=gallery)

# %% tags=["wrong"] hint="was caught"
mine = {"loss.backward()": ""}
exercises.check("11.3", mine, gallery=gallery)

# %% tags=["wrong"] hint="too cheap"
mine = {"nn.Dropout(0.3)": "nn.Dropout(0.2)"}
exercises.check("11.3", mine, gallery=gallery)

# %% tags=["wrong"] hint="stands 0 times"
mine = {"optimizer.forget()": ""}
exercises.check("11.3", mine, gallery=gallery)

# %% tags=["solution"]
some = "TensorDataset(pictures[::10], truths[::10])"  # nine of ten pictures are lost
mine = {"TensorDataset(pictures, truths)": some}
exercises.check("11.3", mine, gallery=gallery)

# %% [markdown]
# ## Next
#
# One student, one teacher, one machine: and now there are two machines, and twice as many ways to be wrong without a
# word. **Lesson 12**, *Beyond one machine*, asks what changes when one processor is not enough, and what has to stay
# equal to the last digit.
