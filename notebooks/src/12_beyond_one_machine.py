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
# # 12 · Beyond one machine
#
# **What changes when one processor is not enough?**
#
# So far a student, its coach and its pictures shared one processor. Large students do not: they are schooled on
# graphics cards, with half the digits, in many processes at once, on pictures that no memory holds. Here you try all
# but the first, on a small scale, on the machine in front of you. The loop stays the loop of lesson 06. What is new is
# agreement, and how easily it is lost without a word.
#
# ## What you will learn
#
# - **compute** with half the digits, and say what has to keep all of them
# - **run** your loop in two processes, and prove that their weights are those of one
# - **find** what breaks that proof, and mend it
# - **clock** what working together costs, and tell when more machines pay
# - **read** a folder larger than memory: nothing twice, nothing left out
#
# ## Before you start
#
# Lesson 06 (the loop) and lesson 07 (revision notes). From lesson 09: rounding depends on the order of a sum.

# %% tags=["settings"]
import os

# "photos": 3,781 photographs, a download of 107 MB
DATASET = os.environ.get("COURSE_DATASET") or "drawn"
# "imagenet": torchvision's network, a download of 14 MB
WEIGHTS = os.environ.get("COURSE_WEIGHTS") or "course"

# %%
import math
import tempfile
import time
import zlib
from pathlib import Path

import torch
from torch import nn
from torch.utils.data import DataLoader, DistributedSampler

from course_utils import (
    ImageFolderDataset,
    build_classifier,
    build_eval_transform,
    clothing,
    extract_features,
    get_device,
    make_dataloaders,
    plotting,
    set_seed,
    train_one_epoch,
    widgets,
)
from course_utils.classroom import exercises
from course_utils.classroom.book import compare_with_book
from course_utils.classroom.predictions import what_happened
from course_utils.launching import launch
from course_utils.shards import write_shards

device = get_device()
root = clothing(DATASET)
criterion = nn.CrossEntropyLoss()

# %% [markdown]
# ## Another processor
#
# A graphics card (GPU) is a processor with thousands of small cores, and a network is mostly sums that do not wait for
# each other. In the code a card changes three lines, and you have written them since lesson 06: ask which device there
# is, move the student there, move each batch there.
#
# This book was made without one. What it can show is the other thing that a card brings: a choice of how many digits.
#
# First the student, on whatever `get_device` finds, with its revision notes. Five terms on them are enough for today.

# %%
set_seed(0)
classes = sorted(path.name for path in (root / "train").iterdir() if path.is_dir())
model = build_classifier(len(classes), weights=WEIGHTS, classes=classes).to(device)
look = build_eval_transform(model.spec)
loaders = make_dataloaders(root, train_transform=look, eval_transform=look)
practice, exam = (
    extract_features(model.backbone, loader, device=device, keep=True)
    for loader in (loaders.train_eval, loaders.val)
)
mixed = torch.randperm(len(practice))  # they come class by class
notes, labels = (each[mixed] for each in practice.tensors)
optimizer = torch.optim.Adam(model.head.parameters(), lr=0.001)
batches = DataLoader(practice, batch_size=32, shuffle=True)
options = {"criterion": criterion, "device": device, "progress": False}
for _ in range(5):
    marks = train_one_epoch(model.head, batches, optimizer=optimizer, **options)
print("device:", device, "  notes", tuple(notes.shape), "  practice:", marks)

# %% [markdown]
# ## Half the digits
#
# A number in `float32` takes 4 bytes. A card computes much faster with numbers of 2, and twice as many of them fit. But
# 2 bytes can be shared out in two ways: `bfloat16` reaches nearly as far as `float32` and has hardly three digits,
# `float16` has one digit more and a short reach.

# %%
print(f"{'':9}{'bytes':>6}{'next after 1':>14}{'smallest':>10}{'largest':>9}")
for dtype in (torch.float32, torch.bfloat16, torch.float16):
    name, info = str(dtype).removeprefix("torch."), torch.finfo(dtype)
    smallest = info.smallest_normal * info.eps  # the last one before 0
    print(
        f"{name:9}{dtype.itemsize:6}{1 + info.eps:14.7f}{smallest:10.0e}{info.max:9.0e}"
    )
ENDS = ["at 4", "somewhere between", "at 1"]
widgets.predict_first("12.1", "1 in bfloat16, plus 0.003, 1,000 times ends:", ENDS)

# %% tags=["claim"]
assert 1 + torch.finfo(torch.bfloat16).eps == 1.0078125, "The next number is 1.0078."

# %% [markdown]
# Such small steps are what a coach makes. Choose, then add.

# %%
weight = torch.tensor(1.0, dtype=torch.bfloat16)
for _ in range(1000):
    weight += 0.003
print("it ends at", weight.item())
what_happened("12.1", ENDS[2 if weight == 1 else 0 if weight > 3.9 else 1])

# %% tags=["claim"]
assert weight.item() == 1.0, "The weight never moves."

# %% [markdown]
# It never moves. The next number after 1 is 1.0078, and 1.003 lies nearer to 1, so each correction is rounded away. A
# student whose *weights* are kept in `bfloat16` stops learning as soon as its corrections get small.
#
# Hence **mixed precision**: weights and corrections keep `float32`, and only the large products inside the layers are
# computed with 2 bytes. In PyTorch that is one line around the forward pass, `torch.autocast`. We ask the student about
# 64 garments both ways.

# %%
garments = torch.stack([loaders.val.dataset[place][0] for place in range(0, 256, 4)])
model = model.cpu().eval()
answers, seconds = {}, {}
for name, half in (("float32", False), ("bfloat16", True)):
    with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=half):
        model(garments[:8])  # warm up
        start = time.perf_counter()
        answers[name] = model(garments).float().softmax(dim=1)
        seconds[name] = time.perf_counter() - start
apart = (answers["float32"] - answers["bfloat16"]).abs().max().item()
same = (answers["float32"].argmax(1) == answers["bfloat16"].argmax(1)).sum().item()
print(f"probabilities differ by at most {apart:.3f}; the same answer: {same} of 64")
print(f"time, bfloat16 / float32: {seconds['bfloat16'] / seconds['float32']:.2f}")

# %% tags=["claim"]
assert 1e-5 < apart < 0.025, "They move by a hundredth or so."
assert same >= 58, "Nearly all answers are the same."

# %% [markdown]
# The probabilities move by a hundredth or so, and nearly every answer is the same: a network lives with hardly
# three digits. Whether they are *faster* depends on the processor, and the last line is about yours: below 1 they are.
# A processor without instructions for `bfloat16` has to convert every number, and loses.
#
# ### What float16 needs besides
#
# Older cards have only `float16`, and its reach is short. That does no harm to answers, which are of a size near 1.
# Slopes are smaller. The whole student, its eye unfrozen, has two million of them. Here they are, for 16 garments.

# %%
student = build_classifier(len(classes), weights=WEIGHTS, freeze_backbone=False).eval()
student.head.load_state_dict(model.head.state_dict())
sixteen = garments[::4]
truth = torch.tensor(
    [loaders.val.dataset.targets[place] for place in range(0, 256, 16)]
)
criterion(student(sixteen), truth).backward()
slopes = torch.cat([each.grad.flatten() for each in student.parameters()])
slopes = slopes[slopes != 0]
lost = (slopes.half() == 0).float().mean().item()
print(f"{len(slopes):,} slopes that are not 0")
LOST = ["none", "a few in a thousand", "more than half"]
widgets.predict_first("12.2", "How many of them become 0 in float16?", LOST)

# %% [markdown]
# The cure is to multiply the loss before the walk back, and with it every slope (lesson 09: whatever the loss is
# multiplied by, every slope is multiplied by). Before the coach reads the slopes they are divided again, in `float32`.
# By how much? Begin with 65,536. As long as a slope becomes infinite, take half. Choose, then look where the slopes
# lie, and where they are moved to.

# %%
factor = 65_536
while not (slopes * factor).half().isfinite().all():
    factor //= 2
plotting.show(plotting.plot_slope_sizes(slopes, factor=factor))
kept = {}
for name, by in (("as they are", 1), ("multiplied, then divided", factor)):
    arrived = (slopes * by).half().float() / by  # to float16 and back
    kept[name] = ((arrived / slopes - 1).abs() < 0.01).double().mean().item()
    zeros = (arrived == 0).double().mean()
    print(f"{name:25} 0: {zeros:.2%}   right to 1 %: {kept[name]:.2%}")
what_happened("12.2", LOST[0 if lost == 0 else 1 if lost < 0.1 else 2])

# %% tags=["claim"]
assert 0.0003 < lost < 0.05, "A few in a thousand become 0."
assert 0.9 < kept["as they are"] < 0.995, (
    "A few in a hundred are wrong by more than 1 %."
)
assert kept["multiplied, then divided"] > 0.999, "Multiplied, nearly all arrive."
assert 256 <= factor <= 65_536, "The factor is found within a few halvings."

# %% [markdown]
# As they are, a few slopes in a thousand vanish, and a few in a hundred come out wrong by more than 1 %. Multiplied,
# nearly all of them arrive whole. The one that keeps the factor is `torch.amp.GradScaler`. Where a slope became
# infinite it leaves that correction out and halves the factor; after 2,000 good ones it doubles it. `bfloat16` reaches
# nearly as far as `float32` and needs none. On a card `train_model(..., amp=True)` takes `bfloat16` where the card has
# it, and `float16` with a scaler where not.
#
# ## Two rooms
#
# Now a second processor. Copy the student into two **rooms**. A room is a **process**, a running Python with a memory
# of its own; its number is its **rank**. Each room gets half of every batch.
#
# | | room 0 | room 1 |
# |---|---|---|
# | answer, mark, trace back | the first half's slopes | the second half's slopes |
# | **telephone** | the mean of both | the mean of both |
# | correct | the same correction | the same correction |
#
# Both copies start alike and get the same corrections, so they stay alike. But are those the corrections that *one*
# student would have got from the whole batch?

# %%
set_seed(0)
head = nn.Linear(notes.shape[1], len(classes))


def slope_on(samples):
    """The slope of the mean loss on these samples, at each weight."""
    head.zero_grad()
    criterion(head(notes[samples]), labels[samples]).backward()
    return head.weight.grad.clone()


whole = slope_on(slice(0, 32))
first, second = slope_on(slice(0, 32, 2)), slope_on(slice(1, 32, 2))
print(f"largest slope {whole.abs().max():.3f}", end="")
print(f", the two halves differ by up to {(first - second).abs().max():.3f}")
MEANS = ["equal, but for rounding", "near, but not equal", "half as large"]
widgets.predict_first("12.3", "The mean of both, beside the whole batch's:", MEANS)

# %% [markdown]
# Choose, then look.

# %%
difference = ((first + second) / 2 - whole).abs().max().item()
ratio = ((first + second) / 2).norm() / whole.norm()
print(f"largest difference: {difference:.0e}")
what_happened("12.3", MEANS[0 if difference < 1e-5 else 2 if ratio < 0.6 else 1])

# %% tags=["claim"]
assert difference < 1e-5 * whole.abs().max(), (
    "The mean of the halves' slopes is the whole batch's slope."
)

# %% [markdown]
# A mean over 32 is the mean of two means over 16, and slopes of a sum are sums of slopes. On this one line of
# arithmetic the two rooms stand. (Note the fine print: *two means over 16*.)
#
# ### Two processes, by hand
#
# Now really two. `torchrun`, which comes with PyTorch, starts a script several times and tells each copy its rank.
# `dist.all_reduce` is the telephone: all processes call it, and each gets the sum. On CPUs the line is called
# **gloo**, between cards **nccl**.
#
# A fresh process knows nothing of this notebook. So the function below imports what it needs, and gets its data as
# arguments. `launch` writes it into a script, with a line that calls it, and the arguments into a file beside that;
# then `torchrun` starts the script. (`process_group` picks up the telephone, and hangs up.)


# %%
def meet(notes, labels):
    """One batch of 32 in several processes, by hand."""
    import torch.distributed as dist
    from torch import nn

    from course_utils import set_seed
    from course_utils.parallel import process_group

    with process_group() as (rank, num_processes):
        set_seed(0)
        head = nn.Linear(notes.shape[1], 10)
        mine = slice(rank, 32, num_processes)
        nn.CrossEntropyLoss()(head(notes[mine]), labels[mine]).backward()
        slope = head.weight.grad
        print(f"room {rank} of {num_processes}: my slope {slope[0, 0]:+.6f}", end="")
        dist.all_reduce(slope)  # now the sum over all processes
        slope /= num_processes
        print(f", our mean {slope[0, 0]:+.6f}")
    return slope


run = launch(meet, notes=notes[:32], labels=labels[:32], num_processes=2)
print(run.command)
print(run.output, end="")
print(f"whole batch, one process: {whole[0, 0]:+.6f}")
assert all(torch.allclose(slope, whole, atol=1e-6) for slope in run.results), "Equal."

# %% [markdown]
# Two Pythons have met, and hung up again; `[0]` and `[1]` say which printed a line. It takes seconds, because each has
# to import PyTorch first. The command is what you would type in a terminal, and `run.script` is the script.
#
# ## The loop, unchanged
#
# Nobody writes that telephone call by hand. `DistributedDataParallel` (**DDP**) wraps a student and makes the call
# during `backward()`, for slopes that are ready while others are still being computed. To the loop the wrapped student
# is a student. So lesson 06's does not know that it is running in two rooms: it is the very same `train_one_epoch`.
#
# `SharedBatches` forms the batches of one process and gives each room its share of every batch. The function below
# runs alone, in this notebook, and then in two processes; each time with `float32` and with `float64`. The loop gets
# `model`, the wrapped student. The coach corrects the weights inside, which are `student`'s.


# %%
def practise(notes, labels):
    """Three terms with each dtype, alone or in several processes; the weights."""
    import torch
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel
    from torch.utils.data import DataLoader, TensorDataset

    from course_utils import set_seed, train_one_epoch
    from course_utils.parallel import SharedBatches, process_group

    weights = []
    options = {"criterion": nn.CrossEntropyLoss(), "device": "cpu", "progress": False}
    with process_group() as (_, num_processes):
        for dtype in (torch.float32, torch.float64):
            practice = TensorDataset(notes.to(dtype), labels)
            set_seed(0)
            student = nn.Linear(notes.shape[1], 10, dtype=dtype)
            model = student  # alone it needs no telephone
            if num_processes > 1:
                model = DistributedDataParallel(student)
            optimizer = torch.optim.Adam(student.parameters(), lr=0.001)
            batches = SharedBatches(practice, batch_size=32, shuffle=True)
            loader = DataLoader(practice, batch_sampler=batches)
            for _ in range(3):
                train_one_epoch(model, loader, optimizer=optimizer, **options)
            weights.append(student.weight.detach())
    return weights


GAPS = ["nothing at all", "rounding", "about one percent"]
widgets.predict_first("12.4", "After 96 corrections one and two differ by:", GAPS)

# %% [markdown]
# Choose. Then let them practise, one process first, then two.

# %%
alone = practise(notes, labels)
room0, room1 = launch(practise, notes=notes, labels=labels, num_processes=2).results
gaps = {}
for one, mine, other in zip(alone, room0, room1, strict=True):
    assert torch.equal(mine, other), "The two rooms agree to the last digit."
    gaps[str(one.dtype)] = gap = (one - mine).abs().max().item()
    print(f"{one.dtype}: weights up to {one.abs().max():.2f}", end="")
    print(f", one process and two differ by at most {gap:.0e}")
single = gaps["torch.float32"]
what_happened("12.4", GAPS[0 if single == 0 else 1 if single < 1e-5 else 2])

# %% tags=["claim"]
assert 0 < single < 5e-7, "In float32 they agree to six decimals."
assert gaps["torch.float64"] < 1e-12, "In float64 the difference shrinks with it."
assert single > 1e7 * gaps["torch.float64"], "More than ten million times."

# %% [markdown]
# **The weights of two processes are those of one.** In `float32` they agree to six decimals and more, but not to the
# last, because the halves are added up in another order (lesson 09). How do we know that it is only rounding? With the
# digits of `float64` the difference shrinks more than ten million times. A real mistake would have stayed.
#
# And the rooms among each other? The cell asserts `torch.equal`: they started alike and got the same corrections, bit
# for bit.
#
# ## What breaks it
#
# That proof is worth having because it is easily lost, and nothing warns. Three ways to lose it:
#
# - **BatchNorm** looks at its batch (lesson 04), and each room has only half of it. Its running averages are room 0's.
# - **A padded sampler.** 999 notes are not even. PyTorch's usual sampler for several processes, `DistributedSampler`,
#   evens them out: here it hands out one sample twice.
# - **An uneven last batch.** `SharedBatches` pads nothing. Then the last batch of 7 falls into 4 and 3, and DDP takes
#   the mean of the two rooms' means. The fine print of above.
#
# `learn` is `practise` once more, for a student with an inner layer, in `float64`, so that rounding hides nothing. The
# six lines at the end say what differs: the norm layer (`nn.Identity()` is none), the batches, the teacher.
# `SharedMean` mends the uneven batch; how, we see in a moment.


# %%
def learn_six(notes, labels):
    """Six students, alone or in several processes; their first layers' weights."""
    import torch
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel
    from torch.utils.data import DataLoader, DistributedSampler, TensorDataset

    from course_utils import set_seed, train_one_epoch
    from course_utils.parallel import SharedBatches, SharedMean, process_group

    def learn(norm, loader, criterion):
        set_seed(0)
        layers = nn.Linear(1280, 64), norm, nn.ReLU(), nn.Linear(64, 10)
        model = student = nn.Sequential(*layers).double()
        if num_processes > 1:
            model = DistributedDataParallel(student)
        options = {"optimizer": torch.optim.Adam(student.parameters(), lr=0.001)}
        options |= {"criterion": criterion, "device": "cpu", "progress": False}
        for _ in range(2):
            train_one_epoch(model, loader, **options)
        return student[0].weight.detach()

    def shared(data):
        return DataLoader(data, batch_sampler=SharedBatches(data, shuffle=True))

    with process_group() as (rank, num_processes):
        even, odd = (TensorDataset(notes[:size], labels[:size]) for size in (1000, 999))
        sampler = DistributedSampler(odd, num_processes, rank)
        padded = DataLoader(odd, 32 // num_processes, sampler=sampler)
        mean = nn.CrossEntropyLoss()
        return {
            "1,000 notes": learn(nn.Identity(), shared(even), mean),
            "BatchNorm": learn(nn.BatchNorm1d(64), shared(even), mean),
            "LayerNorm": learn(nn.LayerNorm(64), shared(even), mean),
            "999, padded": learn(nn.Identity(), padded, mean),
            "999, shared": learn(nn.Identity(), shared(odd), mean),
            "999, SharedMean": learn(nn.Identity(), shared(odd), SharedMean(mean)),
        }


BREAKERS = ["BatchNorm", "the padded sampler", "the uneven batch"]
widgets.predict_first("12.5", "Which moves the weights furthest?", BREAKERS)

# %% [markdown]
# Choose. Then each of the six alone and in two rooms, from the same start, in the same order.

# %%
given = {"notes": notes.double(), "labels": labels}
alone = learn_six(**given)
two = launch(learn_six, **given, num_processes=2).results[0]
apart = {name: (alone[name] - two[name]).abs().max().item() for name in alone}
plotting.show(
    plotting.plot_differences(
        apart, rounding=1e-9, title="One process or two: how far apart?"
    )
)
broken = [apart[name] for name in ("BatchNorm", "999, padded", "999, shared")]
what_happened("12.5", BREAKERS[broken.index(max(broken))])

# %% tags=["claim"]
assert all(
    apart[name] < 1e-9 for name in ("1,000 notes", "LayerNorm", "999, SharedMean")
), "These are equal but for rounding."
assert 1e-3 < min(broken) < max(broken) < 0.1, "The second or third decimal."
assert min(broken) > 1e10 * max(apart[name] for name in ("1,000 notes", "LayerNorm")), (
    "Ten billion times as far."
)

# %% [markdown]
# Three bars end deep in the grey of rounding. The other three end at weights that differ in the second or third
# decimal, more than ten billion times as far. None of them raised an error. They merely learn something else than one
# process would. Here is where to look:
#
# | what breaks it | how it is mended |
# |---|---|
# | BatchNorm sees half a batch | `LayerNorm` looks at one sample at a time; between cards `nn.SyncBatchNorm` telephones for the statistics; frozen, as in our student, it stays in `eval()` and looks at no batch |
# | a padded sampler | `SharedBatches`: every sample once |
# | an uneven batch | `SharedMean`: each room's share counts by its size |
#
# `SharedMean` needs one line, and it is lesson 09's. The walk back begins with the slope of the loss at itself, which
# is one. With four and three of seven samples the first room's walk begins with 2 · 4/7, the second's with 2 · 3/7, and
# the mean of both is the slope of all seven: `loss.register_hook(lambda slope: slope * factor)`.
#
# ## Save, go on, count
#
# Files and marks need care, too, where several processes work. For files there are two rules:
#
# - **One writes.** Two processes that write one file can spoil it. So room 0 writes, and it writes the *student*: the
#   wrapped model calls every weight `module.` something, which no plain student would read.
# - **The counter goes on.** `SharedBatches` draws its order from a seed and the number of the term. Who goes on after
#   term 2 sets `epoch`; else term 3 repeats the order of term 1. (`DistributedSampler` wants `set_epoch` every term.)
#
# The two stand in this function where the comments are. The rest you know.


# %%
def go_on(notes, labels, source, target):
    """Two more terms from one file to the next, alone or in several processes."""
    import torch
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel
    from torch.utils.data import DataLoader, TensorDataset

    from course_utils import set_seed, train_one_epoch
    from course_utils.parallel import SharedBatches, process_group

    with process_group() as (rank, num_processes):
        set_seed(0)
        model = student = nn.Linear(notes.shape[1], 10)
        if num_processes > 1:
            model = DistributedDataParallel(student)
        optimizer = torch.optim.Adam(student.parameters(), lr=0.001)
        practice = TensorDataset(notes, labels)
        batches = SharedBatches(practice, shuffle=True)
        options = {"criterion": nn.CrossEntropyLoss(), "device": "cpu"}
        options |= {"optimizer": optimizer, "progress": False}
        if source:  # go on from a file; every room reads it
            saved = torch.load(source)
            student.load_state_dict(saved["student"])
            optimizer.load_state_dict(saved["optimizer"])
            batches.epoch = saved["epoch"]  # the counter goes on
        for _ in range(2):
            loader = DataLoader(practice, batch_sampler=batches)
            train_one_epoch(model, loader, **options)
        if rank == 0:  # one writes
            saved = {"student": student.state_dict(), "epoch": batches.epoch}
            torch.save(saved | {"optimizer": optimizer.state_dict()}, target)
    return student.weight.detach()


# %% [markdown]
# One process learns two terms and saves. From that file one process goes on, and then two do.

# %%
drawer = tempfile.TemporaryDirectory()  # emptied when this notebook ends
folder = Path(drawer.name)
middle, end = str(folder / "middle.pt"), str(folder / "end.pt")
given = {"notes": notes, "labels": labels}
go_on(**given, source=None, target=middle)  # terms 1 and 2
one = go_on(**given, source=middle, target=end)  # terms 3 and 4
two = launch(go_on, **given, source=middle, target=end, num_processes=2).results[0]
gap = (one - two).abs().max().item()
print(f"weights after four terms differ by at most {gap:.0e}")

# %% tags=["claim"]
assert gap < 5e-7, "Two processes go on where one stopped, to the same weights."
assert set(torch.load(end)["student"]) == {"weight", "bias"}, "No prefix in the file."
assert torch.load(end)["epoch"] == 4, "The file counts four terms."

# %% [markdown]
# Started by one, finished by two, and the weights are those of one.
#
# Then marks: each room has only its own. Here is the exam dealt out to more and more rooms, and three ways to make one
# mark: add up what is right and divide by all; take the mean of the rooms' marks; let `DistributedSampler` deal, which
# pads. (Dealing needs no processes.)

# %%
finished = nn.Linear(notes.shape[1], len(classes))
finished.load_state_dict(torch.load(end)["student"])  # what room 0 wrote
exam_notes, exam_labels = exam.tensors
right = (finished(exam_notes).argmax(dim=1) == exam_labels).double()  # 1 or 0 each
print("rooms   added up   mean of marks   padded")
for num_rooms in (1, 2, 7, 16, 64):
    shares = [right[room::num_rooms] for room in range(num_rooms)]
    added = sum(share.sum() for share in shares) / sum(len(share) for share in shares)
    mean = sum(share.mean() for share in shares) / num_rooms
    dealt = [DistributedSampler(exam, num_rooms, room) for room in range(num_rooms)]
    padded = right[[place for share in dealt for place in share]]
    print(f"{num_rooms:5}   {added:8.2%}   {mean:13.2%}", end="")
    print(f"   {padded.mean():6.2%} of {len(padded)}")
mark = right.mean().item()
error = math.sqrt(mark * (1 - mark) / len(exam))
compare_with_book("12.head", mark, error=error, pictures=DATASET, weights=WEIGHTS)

# %% tags=["claim"]
assert abs(added - mark) < 1e-9, "Added up, the mark does not depend on the rooms."
assert len(exam) != 300 or len(padded) == 320, "64 rooms pad 300 to 320."
assert len(exam) % 64 == 0 or abs(mean - mark) > 1e-5, "The mean of marks does."

# %% [markdown]
# Added up, the mark is always the same; `pool_metrics` adds up over the telephone. The mean goes wrong as soon as
# shares differ: one picture of four counts more than one of five. Padded to 320, twenty pictures count twice. Both
# depend on how many machines happened to be free.
#
# ## An honest clock
#
# Two rooms, half of the work each: is that twice as fast? `clock` measures one correction of the head, with the
# telephone call and without (`no_sync` leaves it out), and calls of two sizes: one number, and as many as the whole
# student has weights. It takes the median of many.


# %%
def clock(notes, labels, num_weights):
    """Seconds for a correction of the head, and for telephone calls."""
    import statistics
    import time

    import torch
    import torch.distributed as dist
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel

    from course_utils.parallel import process_group

    def seconds(action):
        times = []
        for _ in range(40):
            started = time.perf_counter()
            action()
            times.append(time.perf_counter() - started)
        return statistics.median(times)

    def correct():
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(inputs), targets).backward()
        optimizer.step()

    with process_group() as (rank, num_processes):
        inputs, targets = notes[rank::num_processes], labels[rank::num_processes]
        model = nn.Linear(notes.shape[1], 10)
        optimizer = torch.optim.Adam(model.parameters(), lr=0.001)
        if num_processes == 1:
            return {"a correction": seconds(correct)}
        model = DistributedDataParallel(model)
        found = {"a correction": seconds(correct)}
        with model.no_sync():
            found["without the call"] = seconds(correct)
        one, many = torch.zeros(1), torch.zeros(num_weights)
        found["a short call"] = seconds(lambda: dist.all_reduce(one))
        return found | {"a long call": seconds(lambda: dist.all_reduce(many))}


FASTER = ["about half the time", "about as long", "much longer"]
widgets.predict_first("12.6", "In two rooms a correction of the head takes:", FASTER)

# %% [markdown]
# Choose. Then the clock.

# %%
num_weights = sum(weight.numel() for weight in student.parameters())
given = {"notes": notes[:32], "labels": labels[:32], "num_weights": num_weights}
alone = clock(**given)["a correction"]
times = launch(clock, **given, num_processes=2).results[0]
print(f"alone, a correction          {1000 * alone:7.2f} ms")
for name, value in times.items():
    print(f"in two rooms, {name:16} {1000 * value:6.2f} ms")
talking = 1 - times["without the call"] / times["a correction"]
print(f"share of the telephone: {talking:.0%}")
ratio = times["a correction"] / alone
what_happened("12.6", FASTER[0 if ratio < 0.75 else 1 if ratio < 1.25 else 2])

# %% tags=["claim"]
assert ratio > 1.25, "Two rooms are slower than one."
assert talking > 0.5, "Most of the time they telephone."

# %% [markdown]
# It takes longer: the rooms spend most of a correction on the telephone: calling, and waiting for each other. The head
# has next to nothing to compute, and two processes on one machine share its cores and its memory besides. For so small
# a student two rooms on a laptop are for proving that it works, not for speed.
#
# ### When do more machines pay?
#
# Where there is much to compute for every number that has to be agreed on. What follows is a **calculation, not a
# measurement**, from what was measured here: seconds to compute, seconds of a short call, bytes a second of a long one.
# `all_reduce` passes the slopes around in a ring: once round to add them up, once round to hand out the sums. Each of M
# machines so sends 2 (M − 1) pieces, each 1/M of the slopes. Between two machines that is two pieces, so a piece takes
# half of the short call that we measured. A call is counted alone: without the wrapper's work and the wait for the
# partner, and as if nothing were computed meanwhile. So read the lines as a rough picture.

# %%
short = times["a short call"]
rate = 4 * num_weights / (times["a long call"] - short)  # bytes a second
started = time.perf_counter()
criterion(student(sixteen), truth).backward()
whole_batch = (time.perf_counter() - started) / 16 * 256  # a batch of 256


def speed_up(machines, compute, num_weights):
    """How many times as fast as one machine, by what was measured."""
    pieces = 2 * (machines - 1)
    call = pieces * (short / 2 + 4 * num_weights / machines / rate)
    return compute / (compute / machines + call)


machines = [1, 2, 4, 8, 16, 32, 64]
head_weights = sum(weight.numel() for weight in head.parameters())
runs = {
    "whole student": (whole_batch, num_weights),
    "the same, on fast machines": (whole_batch / 100, num_weights),
    "head on notes": (alone, head_weights),
}
lines = {"perfect": machines}
for name, run in runs.items():
    lines[name] = [speed_up(number, *run) for number in machines]
    print(f"{name:27}" + "".join(f"{value:7.2f}" for value in lines[name]))
axes = {"xlabel": "machines", "ylabel": "times as fast as one"}
axes |= {"title": "Calculated: when more machines pay", "yscale": "log"}
axes |= {"xscale": "log", "xticks": machines, "xticklabels": machines}
plotting.plot_lines(lines, x=machines, **axes)

# %% tags=["claim"]
assert lines["whole student"] == sorted(lines["whole student"]), "It always gains."
assert lines["whole student"][3] > 4, "Eight machines are worth four and more."
assert max(lines["head on notes"][3:]) < 0.5, (
    "From eight on the head takes twice as long as alone."
)
assert lines["the same, on fast machines"][-1] < 20, (
    "On fast machines the call soon takes most of the time."
)

# %% [markdown]
# The whole student, in batches of 256, gains from every machine. The head on its notes takes twice as long and more on
# eight of them as on one. And the line between? *Fast machines* compute a hundred times as fast, as a card may, over
# the same line. What is left is the telephone: more machines soon stop helping, and too many of them harm. So it is
# never the machines alone: large batches, fast processors and fast lines are bought together.
#
# ## A folder too large for memory
#
# Our thousand pictures fit anywhere. A million photographs of 100 kB are 100 GB, perhaps on another machine, and to
# open a million small files takes long. So they are packed into **shards**, tar files of some hundreds of samples, and
# read as a stream: one picture in memory at a time. A data set that can only be read so is an `IterableDataset`; it has
# no length and no sample 17.
#
# That changes who may read what. A `DataLoader` with workers (lesson 03) gives *every* worker the whole stream, and two
# rooms with two workers each are four readers. `ShardedImages` deals the shards out among them. The function reads with
# it, and then once more as if it did not know of the other room.


# %%
def read(paths, num_workers):
    """Fingerprints of what is read: as one of several processes, and as if alone."""
    import zlib

    from torch.utils.data import DataLoader

    from course_utils.parallel import process_group
    from course_utils.shards import ShardedImages

    found = []
    with process_group() as me:
        for member in (me, (0, 1)):  # the number of this room, of how many
            images = ShardedImages(paths, member=member)
            loader = DataLoader(images, batch_size=None, num_workers=num_workers)
            found.append([zlib.crc32(picture.tobytes()) for picture, _ in loader])
    print(
        f"room {me.rank} has read {len(found[0])} pictures, as if alone {len(found[1])}"
    )
    return found


files = ImageFolderDataset(root / "validation")
wanted = sorted(zlib.crc32(picture.tobytes()) for picture, _ in files)
paths = [str(path) for path in write_shards(files.samples, folder, shard_size=25)]
print(f"{len(files)} pictures in {len(paths)} shards, such as {Path(paths[0]).name}")
run = launch(read, paths=paths, num_workers=2, num_processes=2)
print(run.output, end="")
(first, first_alone), (second, second_alone) = run.results
assert sorted(first + second) == wanted, (
    "Every picture once, none twice, none left out."
)

# %% tags=["claim"]
assert len(set(wanted)) == len(wanted), "No two pictures are alike."
assert sorted(first_alone + second_alone) == sorted(wanted * 2), "Else each twice."

# %% [markdown]
# Together the rooms read every picture once. As if alone, each reads all of them, and every picture would be practised
# twice a term: no error, no warning.
#
# A room with fewer pictures is done first. Its partner then waits for a call that never comes. DDP has a switch for it:
# `with model.join():` around the loop, and who is done answers the remaining calls with zeros.
#
# ## What the other room has seen
#
# One experiment more, and it is the one to show to somebody. Nothing says that the rooms must hold the *same kind* of
# pictures. Take the spirals of lesson 00, and give room 0 the blue spiral, room 1 the red one. Each practises on its
# own points only, and no point ever goes over the telephone.

# %%
# How the spirals are made, as in lesson 00; you may skip it.
set_seed(0)
turn = torch.rand(400).sqrt() * 3 * math.pi
targets = torch.arange(400) % 2  # 0, 1, 0, 1, ...
angle = turn + targets * math.pi
spirals = torch.stack([turn * angle.cos(), turn * angle.sin()], dim=1) / 10
spirals = spirals + 0.02 * torch.randn_like(spirals)


def learn_apart(points, labels, steps):
    """Learn from one spiral, without the telephone and with it; the weights."""
    import torch
    from torch import nn
    from torch.nn.parallel import DistributedDataParallel

    from course_utils import set_seed
    from course_utils.parallel import process_group

    course = {"alone": [], "together": []}
    with process_group() as (rank, _):
        points, labels = points[labels == rank], labels[labels == rank]
        for name, weights in course.items():
            set_seed(0)
            student = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 2))
            model = DistributedDataParallel(student) if name == "together" else student
            optimizer = torch.optim.Adam(student.parameters(), lr=0.03)
            for step in range(steps[-1] + 1):
                if step in steps:
                    now = student.state_dict()
                    weights.append({key: value.clone() for key, value in now.items()})
                optimizer.zero_grad()
                nn.functional.cross_entropy(model(points), labels).backward()
                optimizer.step()
    return course


KNOWS = ["its own spiral only", "about half of both", "both spirals"]
widgets.predict_first("12.7", "With the telephone, what does room 0 know?", KNOWS)

# %% [markdown]
# Choose. Each panel shows one room's student, with the points that its room holds: it has never seen others.

# %%
steps = [0, 5, 10, 20, 35, 50, 75, 100, 150, 200, 300, 400]
given = {"points": spirals, "labels": targets, "steps": steps}
courses = launch(learn_apart, **given, num_processes=2).results
plain = nn.Sequential(nn.Linear(2, 64), nn.ReLU(), nn.Linear(64, 2))


def student_with(weights):
    # `plain`, with these weights in place of its own
    return lambda points: torch.func.functional_call(plain, weights, points)


def right(student, points, labels):
    return (student(points).argmax(dim=1) == labels).double().mean().item()


rooms = {
    name: [[student_with(weights) for weights in course[name]] for course in courses]
    for name in ("alone", "together")
}
plotting.show(plotting.animate_rooms(rooms, spirals, targets, steps=steps))
blue, red = (targets == label for label in (0, 1))
end = rooms["together"][0][-1]
own, never_seen = (
    right(end, spirals[blue], targets[blue]),
    right(end, spirals[red], targets[red]),
)
print(f"room 0, with the telephone: {own:.0%} of its own points right", end="")
print(f", {never_seen:.0%} of those that it has never seen")
what_happened("12.7", KNOWS[2 if never_seen > 0.9 else 0 if never_seen < 0.1 else 1])

# %% tags=["claim"]
assert all(
    right(students[-1], spirals, targets) == 0.5 for students in rooms["alone"]
), "Alone each room always gives its own answer."
assert min(own, never_seen) > 0.97, "Together a room knows both spirals."
assert all(
    one.equal(courses[1]["together"][-1][key])
    for key, one in courses[0]["together"][-1].items()
), "Both rooms hold the same student."

# %% [markdown]
# Alone, each room learns the only thing there is to learn in it: always say my colour. With the telephone, room 0 draws
# a line around a spiral it has never seen. No point was telephoned, only slopes, and the mean of the two rooms' slopes
# is the slope of all 400 points: the line of arithmetic from the beginning of this lesson.
#
# Hospitals learn together in a similar way without sending each other a patient's picture (**federated learning**:
# usually each makes many corrections, and then the weights are averaged; even these can give away something of the
# data). And the greatest networks of today are trained on thousands of cards by a loop that you have written yourself
# in lesson 06, and by telephone calls like this one.
#
# <details><summary><b>Questions and answers</b></summary>
#
# **What about `nn.DataParallel`?** It drives several cards from one process: it copies the student anew for every batch
# and collects everything on the first card. It is usually slower than DDP even on one machine, and PyTorch advises
# against it.
#
# **How do I run this on a machine with four cards?** In a script: `get_device(f"cuda:{os.environ['LOCAL_RANK']}")`,
# `process_group(backend="cpu:gloo,cuda:nccl")`, `DistributedDataParallel(student, device_ids=[...])`, and `torchrun
# --nproc-per-node=4 script.py`. The loop stays.
#
# **And on four machines?** The same on each, with `--nnodes=4 --rdzv-backend=c10d --rdzv-endpoint=ADDRESS:29400`, where
# ADDRESS is one of them.
#
# **Is anything different on Windows or macOS?** PyTorch has gloo on all three systems; nccl is for Linux. On Windows
# type `$env:USE_LIBUV = 0` before `torchrun`, on macOS `export GLOO_SOCKET_IFNAME=lo0` where the two do not find each
# other; `launch` sees to both. A DataLoader's workers start more slowly there (lesson 03).
#
# **And in Colab?** Nothing is different: a Linux machine with two cores.
#
# **Should the learning rate change with more rooms?** Not if the global batch stays the same, as here. Who keeps the
# batch *per room* has a larger global batch, and that wants another rate (lesson 03).
#
# **Dropout in two rooms?** With one seed for both, they hide the same numbers; with two, others. Either is fine for
# learning; neither equals one process.
#
# **My script hangs.** Some process waits for a call that another never makes: an `if rank == 0:` around something that
# telephones, a batch more in one room, an exam asked through the wrapped model (with BatchNorm it telephones, too: ask
# the plain student). `process_group(timeout=...)` turns the wait into an error.
#
# **Can `train_model` do all this?** Not in several rooms: each would write the checkpoint. Its parts can:
# `train_one_epoch`, as here, and `evaluate`.
#
# **What if the student itself does not fit on a card?** Then its weights, slopes and the coach's notes are shared out
# as well (`torch.distributed.fsdp`), or its layers are laid on several cards one after the other.
#
# </details>
#
# ## Recap
#
# - **Half the digits**: products with 2 bytes, weights and corrections with 4; `float16` needs a scaler, `bfloat16` not.
# - **Two processes**: the mean of the rooms' slopes is the slope of the whole batch; the loop is the same, and so are
#   the weights, to rounding.
# - **What breaks it**: BatchNorm, padding, uneven shares; each is silent, and each can be mended.
# - **The clock**: more machines pay where there is much to compute for each number that has to be agreed on.
# - **Shards**: a stream, dealt out among all readers; every sample once.
#
# ## Exercises
#
# ### Exercise 1 · Three rooms of different sizes
#
# Each room has the slope of the mean loss over *its own* samples. `slopes` is a list of tensors, one a room, `sizes` the
# numbers of their samples. Return the slope of the mean loss over all samples together.


# %% tags=["exercise"]
def agree(slopes, sizes):
    return ...  # one tensor, of the shape of each slope


exercises.check("12.1", agree)


# %% tags=["wrong"] hint="count as much"
def agree(slopes, sizes):
    return sum(slopes) / len(slopes)


exercises.check("12.1", agree)


# %% tags=["wrong"] hint="Divide"
def agree(slopes, sizes):
    return sum(slope * size for slope, size in zip(slopes, sizes, strict=True))


exercises.check("12.1", agree)


# %% tags=["solution"]
def agree(slopes, sizes):
    total = sum(slope * size for slope, size in zip(slopes, sizes, strict=True))
    return total / sum(sizes)


exercises.check("12.1", agree)

# %% [markdown]
# ### Exercise 2 · Who reads what?
#
# `shards` is a list. Return the part of it that belongs to worker number `worker` of `num_workers` in room number `room`
# of `num_rooms`. The check asks all readers, and counts what they read.


# %% tags=["exercise"]
def my_part(shards, room, num_rooms, worker, num_workers):
    return ...  # a list


exercises.check("12.2", my_part)


# %% tags=["wrong"] hint="Both workers of a room"
def my_part(shards, room, num_rooms, worker, num_workers):
    return shards[room::num_rooms]


exercises.check("12.2", my_part)


# %% tags=["wrong"] hint="nobody reads"
def my_part(shards, room, num_rooms, worker, num_workers):
    size = len(shards) // (num_rooms * num_workers)
    number = room * num_workers + worker
    return shards[number * size : (number + 1) * size]


exercises.check("12.2", my_part)


# %% tags=["wrong"] hint="more than one reader"
def my_part(shards, room, num_rooms, worker, num_workers):
    return shards[room + worker :: num_rooms * num_workers]


exercises.check("12.2", my_part)


# %% tags=["solution"]
def my_part(shards, room, num_rooms, worker, num_workers):
    return shards[room * num_workers + worker :: num_rooms * num_workers]


exercises.check("12.2", my_part)

# %% [markdown]
# ### Exercise 3 · A word too many
#
# Somebody has saved the *wrapped* model, and every name in the file begins with `module.`. Return the weights with the
# names of the plain student. Mind that a student may have a part of its own that is called `module`.


# %% tags=["exercise"]
def unwrap(weights):
    return ...  # a dictionary: name -> tensor


exercises.check("12.3", unwrap)


# %% tags=["wrong"] hint="single letters"
def unwrap(weights):
    return {name.lstrip("module."): weight for name, weight in weights.items()}


exercises.check("12.3", unwrap)


# %% tags=["wrong"] hint="everywhere"
def unwrap(weights):
    return {name.replace("module.", ""): weight for name, weight in weights.items()}


exercises.check("12.3", unwrap)


# %% tags=["solution"]
def unwrap(weights):
    return {name.removeprefix("module."): weight for name, weight in weights.items()}


exercises.check("12.3", unwrap)

# %% [markdown]
# ## Next
#
# You have everything now: pictures, notes, a loop, its mistakes, and as many machines as you like. **Lesson 13** gives
# you an empty folder, and a subject of your own.
