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
# # 05 · Loss and optimizer
#
# **How does a teacher mark, and how does a coach correct?**
#
# One shirt goes through this lesson, from the first line to the last. The student of lesson 04 looks at it with a
# trained eye and a new head, and takes it for something else. The **teacher** says with one number how wrong that is.
# The **coach** reads from it how each weight should change, and changes it a little. You will do both by hand before
# PyTorch does, until the student says *shirt*. Then we ask what it has learned.
#
# ## What you will learn
#
# - **compute** the cross-entropy loss by hand, and say what a loss of 2.3 means
# - **give** the teacher labels of the right type and shape
# - **find** a slope in three ways, and derive $p - y$, the gradient that drives such a student
# - **correct** a student by hand, and write Adam
# - **choose** a coach by what a comparison shows, and tell which weights it really holds
#
# ## Before you start
#
# Lessons 00 (tensors), 01 (softmax) and 04 (backbone, head, features). From school: the slope of a line.

# %% tags=["settings"]
import os

# "photos": 3,781 photographs, a download of 107 MB
DATASET = os.environ.get("COURSE_DATASET") or "drawn"
# "imagenet": torchvision's network, a download of 14 MB
WEIGHTS = os.environ.get("COURSE_WEIGHTS") or "course"
NUM_EPOCHS = 5  # terms in the comparison of coaches
SEEDS = (0, 1, 2)  # each coach is tried three times

# %%
import math
import warnings
from functools import partial

import torch
from torch import nn
from torch.nn import functional as F

from course_utils import (
    build_classifier,
    build_eval_transform,
    clothing,
    extract_features,
    load_image,
    make_dataloaders,
    plotting,
    set_seed,
    unfreeze_last_blocks,
    widgets,
)
from course_utils.checks import check_optimizer
from course_utils.classroom import exercises
from course_utils.classroom.book import compare_with_book
from course_utils.classroom.predictions import what_happened
from course_utils.report.metrics import standard_error

# %% [markdown]
# ## One shirt
#
# The backbone is frozen, so it says the same about a picture every time. We let it look once at every picture and keep
# what it says, 1,280 features for each: its **notes**. From then on only the head is at work, and everything in this
# lesson takes seconds. (All of it stays on the CPU.)

# %%
set_seed(0)
model = build_classifier(10, weights=WEIGHTS)
look = build_eval_transform(model.spec)
data = make_dataloaders(clothing(DATASET), train_transform=look, eval_transform=look)

practice = extract_features(model.backbone, data.train_eval, device="cpu", keep=True)
mock_exam = extract_features(model.backbone, data.val, device="cpu", keep=True)
notes, labels = practice.tensors
exam_notes, exam_labels = mock_exam.tensors
print("practice:", tuple(notes.shape), "  mock exam:", tuple(exam_notes.shape))

# %% [markdown]
# Here is the shirt, the first in the practice pictures, and the student's answer: ten scores, which softmax turns into
# ten probabilities.


# %%
def answer_of(head, features):
    """Return the student's answer to one picture: ten probabilities, as a list."""
    with torch.no_grad():  # only to look: nothing will be traced back
        return head(features).softmax(dim=1)[0].tolist()


dataset = data.train_eval.dataset
classes, truth = dataset.classes, dataset.class_to_idx["shirt"]
place = dataset.targets.index(truth)
picture, shirt = load_image(dataset.samples[place][0]), notes[[place]]  # (1, 1280)

head = model.head  # new: it has never been corrected
start = answer_of(head, shirt)
marking = {"truth": truth, "classes": classes}
title = "Before any correction"
plotting.draw_marking(start, image=picture, **marking, title=title)

# %% tags=["claim"]
assert 0.03 < start[truth] < 0.15, "The shirt's bar is about as long as the others."
assert max(start) == start[classes.index("t-shirt")], "The longest is the t-shirt's."
assert max(start) < 0.25, "None is much longer than the others."

# %% [markdown]
# A new head holds random numbers, so its bars are accidents. The longest belongs to *t-shirt*, and even that one says
# less than a quarter.
#
# ## How does the teacher mark one answer?
#
# This teacher looks at one bar only, that of the truth, and takes **minus the logarithm** of its probability: $-\log p$.
# The logarithm says to which power $e$, which is 2.718, must be raised to give $p$. For a probability that power is never
# above 0 (only $e^0$ gives 1), and the minus makes a fine of it. The name of this loss is **cross-entropy**.

# %%
print("probability of the truth    loss")
for probability in (1.0, 0.9, 0.5, 0.1, 0.01, 0.001):
    print(f"{probability:24.3f}  {-math.log(probability) + 0.0:6.2f}")

FINES = ["below 1", "between 1 and 2", "between 2 and 3", "above 3"]
widgets.predict_first("05.1", "What is the loss for our shirt?", FINES)

# %% [markdown]
# From 0.9 to 1 there is little left to gain. From 0.01 to 0.001 the fine grows by another 2.3. This teacher forgives
# doubt, and does not forgive a student who rules the truth out.
#
# Choose, then compute it in three moves: $e$ to the power of each score, divide by the sum (these two are softmax), and
# minus the logarithm.

# %%
scores = head(shirt)  # (1, 10)
powers = [math.exp(score) for score in scores[0].tolist()]
probabilities = [power / sum(powers) for power in powers]
loss_by_hand = -math.log(probabilities[truth])

criterion = nn.CrossEntropyLoss()  # the teacher
label = torch.tensor([truth])
loss = criterion(scores, label)
print(f"probability of the truth: {probabilities[truth]:.3f}")
print(f"loss by hand {loss_by_hand:.4f}, PyTorch {loss:.4f}")
what_happened("05.1", FINES[min(3, int(loss_by_hand))])

# %% tags=["claim"]
assert abs(loss.item() - loss_by_hand) < 1e-5, "The loss by hand is PyTorch's."
assert abs(
    F.cross_entropy(torch.tensor([[2, 1, 3.5, 0.5]]), torch.tensor([2])) - 0.304
) < (0.001), "Lesson 01's four scores, with which the sliders begin, cost 0.304."

# %% [markdown]
# PyTorch's teacher marks a batch: scores `(N, C)` and labels `(N,)`; ours is a batch of one. The batch's loss is the
# *mean* over its pictures. It wants **raw scores**, also called *logits*, because softmax is inside. That is safer, too:
# a score of 100 can happen, and $e^{100}$ is more than a `float32` can hold.

# %%
sure = torch.tensor([100.0, 0.0, 0.0])  # very sure of class 0; the truth is class 1
print("three moves:      ", -(sure.exp() / sure.exp().sum())[1].log().item())

lower = sure - sure.max()  # 0, -100, -100
print("largest taken off:", (lower.exp().sum().log() - lower[1]).item())
print("PyTorch:          ", criterion(sure[None], torch.tensor([1])).item())

# %% [markdown]
# Taking the same number off all scores changes no probability, since every power is divided by the same factor. So take
# off the largest, and no power exceeds $e^0 = 1$. And since $\log(a / b) = \log a - \log b$, the loss for scores $z_i$
# and the truth $t$ can be written without the division:
#
# $$-\log \frac{e^{z_t}}{\sum_i e^{z_i}} = \log \Big(\sum_i e^{z_i}\Big) - z_t$$
#
# Play with it, on four scores of a smaller student. Try to get a loss of exactly 1.386, which is $\log 4$, and then the
# worst that you can.

# %%
explorer = widgets.softmax_explorer()
plotting.show(
    explorer.draw(logit_0=2.0, logit_1=1.0, logit_2=3.5, logit_3=0.5, target=2)
)
explorer

# %% [markdown]
# ## What does a loss of 2.3 mean?
#
# A student who gives each of ten classes the same 10 % gets $-\log 0.1 = \log 10 = 2.30$. You may read that this is the
# loss of somebody "confident and wrong". It is not.

# %%
frequencies = exam_labels.bincount(minlength=10) / len(exam_labels)
guessing = math.log(10)
by_frequencies = -(frequencies * frequencies.log()).sum().item()
print(f"all ten alike:          {guessing:.2f}")
print(f"by frequencies:         {by_frequencies:.2f}")
print(f"99 % for a wrong class: {-math.log(0.01 / 9):.2f}")
fresh = criterion(head(exam_notes), exam_labels).item()
print(f"our fresh student:      {fresh:.2f}")

# %% tags=["claim"]
assert abs(by_frequencies - 2.12) < 0.01, "Guessing by frequencies costs 2.12."
assert abs(guessing - 2.303) < 0.001, "Pure guessing costs 2.30."
assert abs(-math.log(0.01 / 9) - 6.80) < 0.01, "Confident and wrong costs 6.80."
assert guessing < fresh < guessing + 0.5, "A fresh student begins a little above."
assert loss_by_hand > fresh + 0.3, "Our shirt costs it more than the mean picture."

# %% [markdown]
# 2.30 is **pure guessing**. Confident and wrong, with the last 1 % shared among the other nine, costs 6.80. And whoever
# knows only how frequent each class is (26 % of the mock exam are t-shirts), and says so to every picture, gets 2.12
# without opening an eye: the mean of $-\log p$, each class counted as often as it occurs.
#
# Remember the rule: with $C$ classes the mean loss of a fresh student begins near $\log C$, mostly at most 0.5 or 0.6
# above it, for its random opinions are mostly wrong. Far above, the scores are too large: most often the inputs were
# not normalised. Wrong labels do *not* show at the start: without an opinion one is equally wrong about any labels.
#
# ## What form must a label have?
#
# The *number* of a class: type `int64`, shape `(N,)`, from 0 to $C - 1$. (In PyTorch's messages `Long` is `int64`,
# `Float` is `float32`, and *target* is the label. *One-hot* writes class 2 of four as 0, 0, 1, 0.)

# %%
FORMS = ["floats", "a column (3, 1)", "class 10 of 0 to 9", "one too few"]
FORMS += ["one-hot, whole numbers", "one-hot, floats"]
widgets.predict_first("05.2", "One of these six is accepted. Which?", FORMS)

# %% [markdown]
# Choose, then try them all, on three pictures.

# %%
three_scores, three = head(notes[:3]).detach(), labels[:3]
one_hot = F.one_hot(three, 10)
wrong = torch.tensor([10, 0, 1])
attempts = [three.float(), three[:, None], wrong, three[:2], one_hot, one_hot.float()]
accepted = {}
for form, attempt in zip(FORMS, attempts, strict=True):
    try:
        accepted[form] = criterion(three_scores, attempt).item()
        print(f"{form:23} accepted: {accepted[form]:.3f}")
    except (RuntimeError, ValueError, IndexError) as error:
        print(f"{form:23} {type(error).__name__}: {str(error).splitlines()[0]}")
what_happened("05.2", next(iter(accepted)))

# %% tags=["claim"]
assert list(accepted) == ["one-hot, floats"], "Only one of the six is accepted."
assert abs(accepted["one-hot, floats"] - criterion(three_scores, three)) < 1e-6, (
    "The same label in two forms gives the same loss."
)

# %% [markdown]
# The accepted form is read as probabilities: "100 % class 2". So a label may also say "70 % dress, 30 % shirt". (What
# `.detach()` does, you will see in a moment.) No loss finds the worst mistake: labels numbered in another order than the
# classes. They have the right type and shape, and the student learns wrong names.
#
# ## Which way is down?
#
# For each weight the coach wants to know: *if this one were a little larger, would the loss be larger or smaller, and how
# fast?* That is a slope, and its name is **gradient**.
#
# Take the smallest student there is. It has one weight $w$, it answers $w \cdot 2$, the truth is 0.975, and its loss is
# the squared miss. **First way: nudge** the weight down and up, and see how the loss changes.

# %%
number, wanted = 2.0, 0.975


def squared_miss(weight):
    return (weight * number - wanted) ** 2


nudge = 0.02
by_nudging = (squared_miss(0.5 + nudge) - squared_miss(0.5 - nudge)) / (2 * nudge)
words = {"xlabel": "weight", "ylabel": "loss", "title": "At weight 0.5"}
plotting.draw_slope(squared_miss, 0.5, nudge=nudge, **words)

# %% [markdown]
# **Second way: follow the numbers**, link by link. Raise the weight by a little. The product rises by 2 times that,
# because the input is 2. The miss rises as much as the product. And the square? $(m + h)^2 = m^2 + 2mh + h^2$; for a tiny
# $h$ the last term does not count, so the square rises by $2m$ times $h$, and the miss $m$ is 0.025.
#
# Multiply the links: $2 \cdot 1 \cdot 0.05 = 0.1$. This is the **chain rule**, and it works for a chain of any length.
# In the picture each link stands on its arrow. The slopes, the red numbers below the values, are filled in from the
# right: the walk starts with 1, the slope of the loss with respect to itself, and multiplies on its way back.

# %%
miss = 0.5 * number - wanted
values = {"weight": 0.5, "product": 1.0, "miss": miss, "loss": miss**2}
links = {"product": {"weight": 2}, "miss": {"product": 1}, "loss": {"miss": 2 * miss}}
slopes = {"loss": 1, "miss": 2 * miss, "product": 2 * miss, "weight": 4 * miss}
plotting.draw_graph(values, links, slopes=slopes)

# %% [markdown]
# **Third way: autograd.** A weight that is to learn carries `requires_grad=True`, and whatever is computed from it
# remembers how: its `grad_fn` is the step that made it, and each step knows those before it. Together they are the
# **computation graph**, the picture above in memory. `backward()` walks it from its end, the **backward pass**, and
# leaves the slope at the weight, in `weight.grad`. The method is called **backpropagation**; lesson 09 builds it.


# %%
def trace_back(step, depth=0):
    print("   " * depth + type(step).__name__)
    for earlier, _ in step.next_functions:
        if earlier is not None:
            trace_back(earlier, depth + 1)


weight = torch.tensor(0.5, requires_grad=True)
loss = squared_miss(weight)
trace_back(loss.grad_fn)
loss.backward()
print(f"nudging {by_nudging:.4f}  chain {4 * miss:.4f}  autograd {weight.grad:.4f}")

# %% tags=["claim"]
assert abs(weight.grad.item() - 4 * miss) < 1e-6, "Autograd agrees with the chain."
assert abs(by_nudging - 4 * miss) < 1e-6, "And nudging with both."

# %% [markdown]
# The three ways agree. Read the trail from the top: a power, a difference, a product, and the place where the gradient is
# put down. Nudging costs two forward passes for each weight; `backward()` finds the slopes of all weights in one walk,
# which costs about twice as much as the way forward.
#
# Memory can be cut off: `x.detach()` gives the same numbers without it, to look at or to keep. What is computed from them
# cannot teach what came before.
#
# ## How does the loss push on each bar?
#
# Now the shirt's own chain. Its loss is $\log(\sum_i e^{z_i}) - z_t$. Raise one score $z_i$ by a tiny $h$:
#
# - Its power $e^{z_i}$ grows by $h$ times itself, because $e^h$ is nearly $1 + h$. So the sum grows by the fraction
#   $h\, e^{z_i} / \sum_k e^{z_k}$, which is $h \cdot p_i$. Multiplying the sum by $1 + h p_i$ adds $\log(1 + h p_i)$ to
#   its logarithm, and that is nearly $h p_i$: the same rule, $e^h$ is nearly $1 + h$, read backwards.
# - The second term takes $h$ off if $i$ is the truth, and nothing otherwise. Write $y_i$ for this 1 or 0.
#
# Together: the gradient of the loss with respect to score $i$ is
#
# $$p_i - y_i$$
#
# what the student gave, minus what was due. A weight lies one link further back. A score is a sum of weight × feature, so
# the gradient of a weight is $(p_i - y_i)$ times its feature. Think before you run on: which of our ten gradients is
# negative, and what do all ten sum to?

# %%
scores = head(shirt)
scores.retain_grad()  # leave the gradient at the scores too, not only at the weights
criterion(scores, label).backward()

p, y = scores.detach().softmax(dim=1), F.one_hot(label, 10)  # both (1, 10)
of_weights = (p - y).T @ shirt  # (10, 1) times (1, 1280): all 12,800 at once
assert torch.allclose(p - y, scores.grad, atol=1e-6), "p - y should be autograd's."
assert torch.allclose(of_weights, head.weight.grad, atol=1e-5), "The weights' too."
title = "Where each bar should go"
plotting.draw_marking(start, **marking, pushes=True, title=title)

# %% tags=["claim"]
assert abs((p - y).sum()) < 1e-5, "The ten gradients sum to 0."
assert ((p - y) < 0).nonzero().tolist() == [[0, truth]], "Only the truth's is negative."

# %% [markdown]
# What comes in at one bar has to leave the others: they sum to 0. The gradient is what a bar has too much, so the arrow,
# the way down, points against it: the shirt's score up, all others down, each in proportion to how wrong it is. When
# every bar is where it should be, nothing pushes any more.
#
# ## The coach corrects
#
# *New weight = old weight − learning rate × gradient*: the gradient points uphill, so the coach goes the other way, and
# the **learning rate** says how boldly. For the smallest student, with gradient 0.1 and rate 0.01:
# $0.5 - 0.01 \cdot 0.1 = 0.499$. The coach who does just this is called **SGD**, stochastic gradient descent. Now the
# shirt, by hand and by PyTorch's coach.

# %%
RATE = 0.0005
by_hand = head.weight.detach() - RATE * of_weights

coach = torch.optim.SGD(head.parameters(), lr=RATE)
coach.step()  # uses the gradients that backward() left
assert torch.allclose(by_hand, head.weight, atol=1e-7), "Both should agree."

after, loss_now = answer_of(head, shirt), criterion(head(shirt), label).item()
print(f"loss: {loss_by_hand:.3f} before, {loss_now:.3f} after one correction")
title = "After one correction (dotted: before)"
plotting.draw_marking(after, before=start, **marking, title=title)

# %% tags=["claim"]
assert loss_now < loss_by_hand - 0.1, "One correction lowers the loss."
assert max(after) != after[truth], "After one correction it does not say shirt yet."
assert 0.01 < after[truth] - start[truth] < 0.1, "The bar has grown a little."

# %% [markdown]
# The shirt's bar has grown, and the longest is still a wrong one. `backward()` only finds gradients, `step()` only uses
# them, and before the next round `zero_grad()` clears them (lesson 06 shows what happens without). Ten more:

# %%
answers, losses = [start, after], [loss_by_hand, loss_now]
for _ in range(10):
    coach.zero_grad()
    criterion(head(shirt), label).backward()
    coach.step()
    losses.append(criterion(head(shirt), label).item())
    answers.append(answer_of(head, shirt))
film = plotting.animate_marking(answers, losses, image=picture, **marking)
plotting.show(film)

num_shirts = (exam_labels == truth).sum().item()
HOW_MANY = [f"about {num_shirts}, as many as there are", "about half of them", "all"]
question = "How many of the 300 pictures of the mock exam does it now call shirts?"
widgets.predict_first("05.3", question, HOW_MANY)

# %% tags=["claim"]
assert max(answers[-1]) == answers[-1][truth], "It says shirt."
assert answers[-1][truth] > 0.5, "More than half of the whole."
assert losses == sorted(losses, reverse=True), "The loss falls with every correction."

# %% [markdown]
# *Shirt.* Each link of that you did by hand: the bars, the loss, the gradient, the correction. Does this student know
# shirts? Choose, then let it look.

# %%
with torch.no_grad():
    said = head(exam_notes).argmax(dim=1)
called = (said == truth).sum().item()
print(f"{called} of {len(said)} pictures are called shirts; {num_shirts} are")
what_happened("05.3", HOW_MANY[2 if called > 250 else 1 if called > 100 else 0])

# %% tags=["claim"]
assert called > 290, "Shoes, hats, pants: it calls everything a shirt."
assert notes.min() >= 0, "The features are never negative."

# %% [markdown]
# Shoes, hats, pants: all shirts. The features are never negative, so raising the shirt's weights raised its score not
# for one picture only but for every picture, and the scores of the other kinds fell. The student has learned a word,
# not a difference, and its falling loss said nothing of it.
#
# A student has to be corrected on *many* pictures of *all* kinds, a random handful at a time. That is what "stochastic"
# stands for: each handful, a **batch**, gives a slightly different slope.
#
# ## How large may a step be?
#
# As a rule no setting matters more than the learning rate. On a hill you can see it: the height is $x^2$, its slope
# $2x$, the start −4. Here is a rate of 1.03. With the slider, find the one where every step lands opposite, at the same
# height.

# %%
walks = widgets.descent_explorer()
plotting.show(walks.draw(learning_rate=1.03, landscape="bowl", momentum=0.0))
walks

# %% tags=["claim"]
assert (
    6 < plotting.descend(plotting.LANDSCAPES["bowl"], learning_rate=0.01)[-1] ** 2 < 8
), "With 0.01 the loss is still 7 after twenty steps."

# %% [markdown]
# Too bold, and each step overshoots and lands higher than it began. Too timid, and the walk does not arrive: with 0.01
# the loss is still 7 after twenty steps. The border is 1, where $x - 1 \cdot 2x = -x$. Below it lies a wide range in
# which the walk **converges**: it comes nearer and nearer to the lowest point. Each landscape has its own border, so a
# rate cannot be looked up; lesson 07 measures it.
#
# ### Momentum: a coach with a memory
#
# On a gentle slope SGD creeps, and in a small hollow it stays. A ball would roll on. So give the coach a *velocity*:
# keep 90 % of it at each step and add the new gradient. Where all slopes agree it grows to 10 times the slope (there 90
# % of it and one slope more are again 10); where they change sign at every step, they hold each other back. Here is a
# hill with hollows, without momentum and with it:

# %%
for momentum in (0.0, 0.9):
    plotting.show(plotting.plot_descent(0.03, landscape="bumpy", momentum=momentum))

# %% tags=["claim"]
assert plotting.descend(plotting.LANDSCAPES["bumpy"], learning_rate=0.03)[-1] < -2, (
    "Without momentum it is caught in the first hollow."
)
assert (
    abs(
        plotting.descend(
            plotting.LANDSCAPES["bumpy"], learning_rate=0.03, momentum=0.9
        )[-1]
    )
    < 0.5
), "Momentum rolls through the hollow."

# %% [markdown]
# Without momentum it is caught in the first hollow. With it, it rolls through, swings past the lowest point into the next
# hollow and out of it again. (Not at every rate: try the slider above.)
#
# ### Adam: a step size for each weight
#
# A feature that is often large makes large gradients, a rare one small ones. With one rate for all, one weight leaps and
# another creeps. **Adam** divides each gradient by its own usual size. It keeps two running averages for each weight:
#
# - $m$, of the gradients: keep 90 %, mix in 10 % of the new one. That is momentum, at a tenth of its size.
# - $v$, of their squares: keep 99.9 %, mix in 0.1 %. Its root is the usual size.
#
# The step is learning rate × $m / \sqrt v$. There is one flaw: both start at 0. After $t$ steps a share of $0.9^t$ of $m$
# is still that 0, so $m$ has reached only $1 - 0.9^t$ of what it should be, and $v$ only $1 - 0.999^t$. Adam divides by
# what has been reached, its **bias correction**:


# %%
def my_adam(weight, gradients, lr=0.001, betas=(0.9, 0.999), eps=1e-8):
    """Return the weight after one correction for each of the gradients."""
    m, v = torch.zeros_like(weight), torch.zeros_like(weight)
    for step, gradient in enumerate(gradients, start=1):
        m = betas[0] * m + (1 - betas[0]) * gradient
        v = betas[1] * v + (1 - betas[1]) * gradient**2
        m_hat, v_hat = m / (1 - betas[0] ** step), v / (1 - betas[1] ** step)
        weight = weight - lr * m_hat / (v_hat.sqrt() + eps)
    return weight


# %% [markdown]
# (`eps` keeps us from dividing by zero.) Is it PyTorch's? Three weights, fifty made-up gradients of very different size:

# %%
set_seed(0)
begin = torch.tensor([0.5, -0.3, 0.1])
gradients = torch.randn(50, 3) * torch.tensor([1.0, 0.1, 10.0])

weight = begin.clone().requires_grad_()
optimizer = torch.optim.Adam([weight], lr=0.001)
moves = []  # how far the weights moved at each step
for gradient in gradients:
    before = weight.detach().clone()
    weight.grad = gradient.clone()
    optimizer.step()
    moves.append((weight.detach() - before).abs())
assert torch.allclose(my_adam(begin, gradients), weight, atol=1e-6), "Adam is Adam."
print("first gradients:", [round(each, 3) for each in gradients[0].tolist()])
print("first step:     ", [round(each, 5) for each in moves[0].tolist()])
print("later, average: ", round(torch.stack(moves[10:]).mean().item(), 5))

# %% tags=["claim"]
assert torch.allclose(moves[0], torch.full((3,), 0.001), rtol=1e-3), (
    "Adam's first step is the learning rate, whatever the gradient."
)
assert 0.0001 < torch.stack(moves[10:]).mean() < 0.0004, "Later it is a fraction of it."
assert abs(0.1 / math.sqrt(0.001) - 3.16) < 0.01, (
    "Without correction it is 3.16 times too big."
)

# %% [markdown]
# The first step is the learning rate for all three, whatever their gradients. Without the bias correction it would be
# $0.1 / \sqrt{0.001} = 3.16$ times that; many a "simplified" Adam leaves it out. Later steps are a fraction of the rate:
# where gradients change sign from batch to batch, $m$ is smaller than $\sqrt v$. So the rate of Adam is close to the
# *most* that a weight usually moves in one step. (After a run of tiny gradients, a large one can move it further.)
#
# ## Which coach?
#
# Claims about coaches are cheap, so we measure: four coaches, nine rates, three seeds, five **terms** (each once through
# the thousand practice pictures, in batches of 32). What counts is the loss in the mock exam, and how exactly the rate
# has to be hit: call a rate *good* where the mean over the seeds comes within 0.2 of the best of all.

# %%
COACHES = {
    "SGD": torch.optim.SGD,
    "SGD, momentum 0.9": partial(torch.optim.SGD, momentum=0.9),
    "RMSprop": torch.optim.RMSprop,
    "Adam": torch.optim.Adam,
}


def practise(coach, lr, seed, criterion=criterion, num_epochs=NUM_EPOCHS):
    """Return a head that has practised on the notes for so many terms."""
    set_seed(seed)
    head = nn.Linear(1280, 10)
    optimizer = COACHES[coach](head.parameters(), lr=lr)
    for _ in range(num_epochs):
        for batch in torch.randperm(len(notes)).split(32):
            optimizer.zero_grad()
            criterion(head(notes[batch]), labels[batch]).backward()
            optimizer.step()
    return head


def exam_loss(head):
    return criterion(head(exam_notes), exam_labels).item()


question = "Who will have the most good rates?"
widgets.predict_first("05.4", question, list(COACHES))

# %% [markdown]
# Choose, then let them all practise; it takes ten seconds.

# %%
RATES = (0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05)
results, means, good = {}, {}, {}
for name in COACHES:
    results[name] = {
        rate: [exam_loss(practise(name, rate, seed)) for seed in SEEDS]
        for rate in RATES
    }
    means[name] = {rate: sum(runs) / len(runs) for rate, runs in results[name].items()}

lowest = min(min(runs.values()) for runs in means.values())
for name, runs in means.items():
    good[name] = [rate for rate in RATES if runs[rate] < lowest + 0.2]
    best = min(runs, key=runs.get)
    error = torch.tensor(results[name][best]).std() / math.sqrt(len(SEEDS))
    print(f"{name:17} lowest {runs[best]:.2f} ± {error:.2f}, good: {good[name]}")
levels = {"guessing": guessing, "guessing by frequencies": by_frequencies}
plotting.show(plotting.plot_coaches(results, levels=levels))
what_happened("05.4", max(good, key=lambda name: len(good[name])))

# %% tags=["claim"]
assert good["Adam"] == [0.0005, 0.001, 0.002, 0.005], "Good over a factor of ten."
assert max(len(good[name]) for name in COACHES if name != "Adam") < 4, (
    "More of Adam's rates are good than of any other coach's."
)
assert min(COACHES, key=lambda name: min(means[name].values())) == "Adam", (
    "Adam ends lowest."
)
assert 0.02 < min(means["SGD, momentum 0.9"].values()) - lowest < 0.18, (
    "Momentum is about a tenth behind."
)
assert all(
    min(means[name], key=means[name].get) == 0.005
    for name in ("Adam", "SGD, momentum 0.9")
), "0.005 is the best rate of both."
assert min(results["SGD, momentum 0.9"][0.005]) > max(results["Adam"][0.005]), (
    "Each run of momentum at its best ends above each of Adam's."
)
assert not good["SGD"] + good["RMSprop"], "The other two are further behind."
assert all(means[name][0.05] > by_frequencies for name in COACHES), (
    "On the right the losses leave the picture."
)

# %% [markdown]
# Too timid on the left: less has been learned. Too bold on the right: the losses leave the picture. Between lies a
# valley, and each coach has its own. In five terms Adam ends lowest, and momentum a tenth behind it: at 0.005, the best
# rate of both, each of momentum's three runs ends above each of Adam's. And more of Adam's rates reach so low a loss:
# all from 0.0005 to 0.005 are good, a factor of ten, and PyTorch's default of 0.001 is among them. That is the better
# reason: its rate need not be hit so exactly. So from here on **the coach is Adam**, with 0.001 unless we say
# otherwise.
#
# The rates in this table are for whole networks; for a head like ours the figure shows that SGD wants smaller ones.
#
# | coach | it keeps for each weight | usual rates, whole networks | call it when |
# |---|---|---|---|
# | SGD | nothing | 0.01 to 0.1 | you want to see every step |
# | SGD, momentum | 1 number | 0.01 to 0.1 | a large picture network learns from nothing, with a scheduler |
# | Adagrad | the sum of all squares; its rates only shrink | 0.01 | some features are rare |
# | RMSprop | $v$, without $m$ and correction | 0.0001 to 0.01 | older recipes; MobileNetV2's authors used it |
# | Adam | $m$ and $v$ | 0.0001 to 0.001 | a good result soon, with little tuning |
# | AdamW | $m$ and $v$ | 0.00001 to 0.001 | the same with weight decay: networks for text, fine-tuning |
#
# ## A mistake that hides: softmax twice
#
# Probabilities look tidier than raw scores, so many a student ends in a softmax, and the teacher applies its own to what
# is already between 0 and 1. There is no error.


# %%
def twice(scores, labels):
    return criterion(scores.softmax(dim=1), labels)


def share_right(head):
    return (head(exam_notes).argmax(dim=1) == exam_labels).float().mean().item()


BEST = ["0", "1.46", "2.30"]
question = (
    "The best student in the world gives the truth 100 %. Its loss, softmax twice?"
)
widgets.predict_first("05.5", question, BEST)

# %% [markdown]
# Choose, then see what it does to two coaches.

# %%
perfect = criterion(F.one_hot(label, 10).float(), label).item()
right = {}
for coach, rate in {"SGD": 0.005, "Adam": 0.001}.items():
    for name, teacher in {"once": criterion, "twice": twice}.items():
        student = practise(coach, rate, 0, criterion=teacher)
        loss = teacher(student(notes), labels).item()
        right[coach, name] = share_right(student)
        print(f"{coach:4} softmax {name:5}: loss in practice {loss:.2f}, ", end="")
        print(f"mock exam {right[coach, name]:.0%}")
print(f"lowest loss possible with softmax twice: {perfect:.3f}")
what_happened("05.5", min(BEST, key=lambda text: abs(float(text) - perfect)))

# %% tags=["claim"]
assert abs(perfect - 1.461) < 0.001, "Even a perfect student gets 1.46."
assert abs(criterion(F.one_hot(label, 10).float(), label - 1) - 2.461) < 0.001, (
    "The worst possible student gets 2.46."
)
assert loss > 2, "After five terms Adam's is still above 2, with softmax twice."
assert twice(practise("SGD", 0.005, 0, criterion=twice)(notes), labels) > 2, (
    "SGD's too."
)
assert right["SGD", "twice"] < right["SGD", "once"] - 0.04, "It costs SGD answers."
assert right["Adam", "twice"] < right["Adam", "once"] - 0.04, "It costs Adam answers."

# %% [markdown]
# The second softmax takes numbers between 0 and 1 for scores that hardly differ. So all losses lie between 1.46 and
# 2.46, and a student who is sure and wrong is hardly corrected at all: there the first softmax is flat. Here it costs
# both coaches many right answers; how many depends on the subject. The loss gives it away: after five terms it is
# still above 2, and nothing can bring it below the **floor** of 1.46.
#
# ## Which weights does the coach hold?
#
# A coach corrects what is on its list, and nothing else. The list is what you hand over when you make it. And it does not
# grow by itself: here we unfreeze a block *afterwards*.


# %%
def weights_held(optimizer):
    held = [each for group in optimizer.param_groups for each in group["params"]]
    learning = sum(each.numel() for each in held if each.requires_grad)
    return f"{sum(each.numel() for each in held):9,} weights, {learning:,} may learn"


everything = torch.optim.Adam(model.parameters(), lr=0.001)
head_only = torch.optim.Adam(model.head.parameters(), lr=0.001)
print("model.parameters():     ", weights_held(everything))
print("model.head.parameters():", weights_held(head_only))

unfreeze_last_blocks(model, 1)
with warnings.catch_warnings(record=True) as heard:
    warnings.simplefilter("always")
    check_optimizer(model, head_only)
print("\nafter unfreezing:", heard[0].message)

# %% tags=["claim"]
assert "2,236,682 weights" in weights_held(everything), (
    "parameters() means all of them."
)
assert "   12,810 weights, 12,810 may" in weights_held(head_only), "The head alone."
assert len(heard) == 1, "The check warns of weights that no coach holds."

# %% [markdown]
# `parameters()` means all of them. A coach skips a weight without a gradient, and frozen ones never get any, so the
# long list does no harm; the short one says what you mean. But what is unfrozen later is not on the short one: it
# gets gradients, and nobody corrects it. The same happens when the coach was handed *another* student's parameters. No
# error comes; only the package's check notices. After unfreezing, make a new coach (lesson 08).
#
# ## What can it do now?
#
# One student was corrected eleven times on one shirt. Another gets thirty terms on a thousand pictures, by Adam. Here
# are the first pictures of each kind in the mock exam, none of them ever practised on, and what the second student
# says.

# %%
schooled = practise("Adam", 0.001, 0, num_epochs=30)
exam = data.val.dataset
first = [exam.targets.index(target) for target in range(10)]
with torch.no_grad():
    said = [classes[each] for each in schooled(exam_notes[first]).argmax(dim=1)]
pictures = [load_image(exam.samples[place][0]) for place in first]
title = "The first of each kind in the mock exam"
look = {"title": title, "num_columns": 5, "width": 5.0}
plotting.show(plotting.draw_wall(pictures, said, classes, **look))

one_shirt, many = share_right(head), share_right(schooled)
always, error = frequencies.max().item(), standard_error(many, len(exam_labels))
print(f"one shirt, eleven times: {one_shirt:.1%} of the mock exam")
print(f"always “t-shirt”:        {always:.1%}")
print(f"a thousand pictures:     {many:.1%}")
print(f"our own shirt, “shirt”:  {answer_of(schooled, shirt)[truth]:.1%}")
compare_with_book("05.many", many, error=error, pictures=DATASET, weights=WEIGHTS)

# %% tags=["claim"]
assert one_shirt < 0.15, "The student of one shirt is right about the shirts only."
assert many > 2.3 * always, "It is right more than twice as often as always t-shirt."
assert said[truth] == "t-shirt", "The first shirt of the exam is taken for a t-shirt."
assert said[classes.index("shoes")] == "shoes", "Shoes are shoes."
assert answer_of(schooled, shirt)[truth] > 0.7, "Our own shirt is a shirt."
assert classes[exam_labels.mode().values] == "t-shirt", "The most frequent is t-shirt."
assert abs(always - 0.26) < 0.005, "26 % of the mock exam are t-shirts."
assert F.mse_loss(torch.tensor([1.0, 1, 1, 10]), torch.zeros(4)) == 25.75, "Squared."
assert F.l1_loss(torch.tensor([1.0, 1, 1, 10]), torch.zeros(4)) == 3.25, "Absolute."
assert nn.BCELoss()(torch.tensor([-200.0]).sigmoid(), torch.ones(1)) == 100, (
    "BCELoss stops at 100."
)
assert nn.BCEWithLogitsLoss()(torch.tensor([-200.0]), torch.ones(1)) == 200, (
    "The raw score still gives 200."
)
assert torch.allclose(
    F.nll_loss(three_scores.log_softmax(dim=1), three), criterion(three_scores, three)
), "log_softmax and NLLLoss are cross-entropy."
assert all((1 - 0.9**t) / math.sqrt(1 - 0.999**t) > 6 for t in range(8, 17)), (
    "Without bias correction Adam's steps are more than six times too long."
)

# %% [markdown]
# The student of one shirt is right about the shirts, and about nothing else. For the other one our shirt, on which it
# practised too, is a shirt, and shoes are shoes. The shirt of the exam it takes for a t-shirt. (Look at its sleeves.) The
# same eye, the same kind of head: but one practised on a single picture, the other on a thousand.
#
# <details><summary><b>Other questions, other teachers</b></summary>
#
# Cross-entropy answers *which one of several?* Other questions need other losses.
#
# | the question | teacher | the student's answer | the truth |
# |---|---|---|---|
# | which one of C? | `CrossEntropyLoss` | raw scores `(N, C)` | class numbers `(N,)`, `int64` |
# | the same, from a student that ends in `log_softmax` | `NLLLoss` | log-probabilities `(N, C)` | class numbers `(N,)`, `int64` |
# | yes or no? or: which of K labels, any number of them? | `BCEWithLogitsLoss` | raw scores `(N,)` or `(N, K)` | 0.0 or 1.0, same shape |
# | the same, after a sigmoid of your own | `BCELoss` | probabilities, 0 to 1 | 0.0 or 1.0, same shape |
# | how much? big misses matter most (lesson 09) | `MSELoss` | numbers | numbers, same shape |
# | how much? a few wild values should not rule | `L1Loss` | numbers | numbers, same shape |
#
# `MSELoss` is the mean of the squared misses, `L1Loss` the mean of their sizes. Four answers miss by 1 each, then one of
# them misses by 10: the first loss grows from 1 to 25.75, the second from 1 to 3.25. If the wild value is a typing error
# in the data, prefer the second. `HuberLoss` and `SmoothL1Loss` stand between them: squared for small misses, straight
# for large ones.
#
# A *sigmoid* is softmax for two scores of which one is fixed at 0. Give `BCELoss` probabilities only, and rather use
# `BCEWithLogitsLoss`: at a score of −200 the probability is too small for a `float32` and becomes 0, so that `BCELoss`
# has to stop at 100, where the raw score still gives 200.
#
# </details>
#
# <details><summary><b>Questions and answers</b></summary>
#
# **On which device should the student be?** On the same as pictures and labels (lessons 00 and 06). `model.to(device)`
# changes the model, and returns it; `images.to(device)` returns a *new* tensor and leaves the old one where it was:
# write `images = images.to(device)`. A mismatch is not slow, it is an error. It speaks of *two devices*, or, where the
# first layer is a convolution, of *input type* and *weight type*. Move first, then make the coach.
#
# **Is a loss of 0.5 good?** $e^{-0.5}$ is about 0.6: that is the probability the student typically gives to the truth.
# Compare with $\log C$, and with the mock exam.
#
# **Can the loss rise while accuracy rises too?** Yes. Accuracy counts right answers; the loss also asks how sure. One
# confident mistake can outweigh many answers that just became right (lesson 06).
#
# **My classes are of very different size.** `CrossEntropyLoss(weight=...)` lets rare ones count more. First look at the
# recall per class (lesson 08).
#
# **What is `label_smoothing=0.1`?** With ten classes the teacher asks for 91 % for the truth in place of 100 %, so that
# nobody has to push the scores to infinity. The smallest possible loss is then no longer 0.
#
# **My student predicts a number (*regression*), and learns only the mean.** Compare the shapes: answers `(N, 1)` and
# truths `(N,)` are broadcast to `(N, N)`. PyTorch warns. Use `squeeze(1)`.
#
# **What does a missing bias correction do?** With gradients that are always the same, the first step is 3.16 times the
# learning rate, and it gets worse before it gets better: 6.6 times in the twelfth step. The coach would be boldest just
# when the student knows least.
#
# **Adam's other settings?** `betas` are the shares kept by $m$ and $v$. `amsgrad=True` never lets the divisor shrink.
# $\varepsilon$ is 0.00000001 and counts only where a gradient is as small itself; where it has always been 0 nothing
# moves.
#
# **What is weight decay, and why AdamW?** It pulls every weight a little towards 0 at each step, so that a student does
# not lean too hard on a few. `Adam(weight_decay=...)` adds the pull to the gradient and then divides by the usual size,
# so that its strength is lost: where only the decay acts, large and small weights move at the same pace, and the small
# ones are wiped out. `AdamW` takes the same share of each: $w \leftarrow w - \text{lr} \cdot \text{decay} \cdot w$.
#
# **Would tuned SGD beat Adam?** On large picture networks that learn from nothing it often does, given momentum, a
# scheduler and time for the rate. It keeps half as many numbers, too.
#
# **Does the optimizer add up gradients?** No, autograd does. The optimizer only reads them and, in `zero_grad()`,
# clears them.
#
# **Can two parts of the student have different learning rates?** Yes, with parameter groups:
# `Adam([{"params": model.head.parameters()}, {"params": model.backbone.parameters(), "lr": 1e-5}], lr=1e-3)`.
#
# </details>
#
# ## Recap
#
# - **Computing the loss**: minus the logarithm of the truth's probability, from raw scores; 2.30 is guessing among ten.
# - **Giving labels**: class numbers, `int64`, `(N,)`, 0 to $C - 1$.
# - **Finding slopes**: nudge, chain, autograd; $p - y$ for the scores, times the feature for a weight.
# - **Correcting**: new weight = old weight − rate × gradient; momentum remembers, Adam divides by the usual size.
# - **Choosing a coach**: by its loss over the rates; it moves only what is on its list and has a gradient.
#
# ## Exercises
#
# ### Exercise 1 · The teacher, by hand
#
# Write the mean cross-entropy for raw scores `(N, C)` and class numbers `(N,)`, without PyTorch's losses.
# `scores.softmax(dim=1)`, `.log_softmax(dim=1)` and `.logsumexp(dim=1)` are allowed, and `table[range(len(labels)),
# labels]` picks one number from each row.


# %% tags=["exercise"]
def cross_entropy(scores, labels):
    return ...  # replace the dots


exercises.check("05.1", cross_entropy)


# %% tags=["wrong"] hint="sum of the losses"
def cross_entropy(scores, labels):
    return -scores.log_softmax(dim=1)[range(len(labels)), labels].sum()


exercises.check("05.1", cross_entropy)


# %% tags=["wrong"] hint="along the pictures"
def cross_entropy(scores, labels):
    return -scores.log_softmax(dim=0)[range(len(labels)), labels].mean()


exercises.check("05.1", cross_entropy)


# %% tags=["wrong"] hint="all classes"
def cross_entropy(scores, labels):
    return -scores.log_softmax(dim=1).mean()


exercises.check("05.1", cross_entropy)


# %% tags=["wrong"] hint="minus"
def cross_entropy(scores, labels):
    return scores.log_softmax(dim=1)[range(len(labels)), labels].mean()


exercises.check("05.1", cross_entropy)


# %% tags=["solution"]
def cross_entropy(scores, labels):
    losses = scores.logsumexp(dim=1) - scores[range(len(labels)), labels]
    return losses.mean()


exercises.check("05.1", cross_entropy)

# %% [markdown]
# ### Exercise 2 · The arrows of a batch
#
# Write the gradient of the batch's loss for every score, `(N, C)`, without `backward()`. For one picture it is $p - y$.
# What does the mean over the pictures change?


# %% tags=["exercise"]
def gradient(scores, labels):
    return ...  # replace the dots


exercises.check("05.2", gradient)


# %% tags=["wrong"] hint="one picture"
def gradient(scores, labels):
    return scores.softmax(dim=1) - F.one_hot(labels, scores.shape[1])


exercises.check("05.2", gradient)


# %% tags=["wrong"] hint="way down"
def gradient(scores, labels):
    due = F.one_hot(labels, scores.shape[1])
    return (due - scores.softmax(dim=1)) / len(labels)


exercises.check("05.2", gradient)


# %% tags=["wrong"] hint="raw scores"
def gradient(scores, labels):
    return (scores - F.one_hot(labels, scores.shape[1])) / len(labels)


exercises.check("05.2", gradient)


# %% tags=["solution"]
def gradient(scores, labels):
    due = F.one_hot(labels, scores.shape[1])
    return (scores.softmax(dim=1) - due) / len(labels)


exercises.check("05.2", gradient)

# %% [markdown]
# ### Exercise 3 · Hire a coach
#
# Write a function that returns an AdamW for a student, with the given learning rate. Its list holds exactly the weights
# that may learn, wherever in the student they are.


# %% tags=["exercise"]
def hire_coach(model, learning_rate):
    return ...  # replace the dots


exercises.check("05.3", hire_coach)


# %% tags=["wrong"] hint="frozen weights are on the list"
def hire_coach(model, learning_rate):
    return torch.optim.AdamW(model.parameters(), lr=learning_rate)


exercises.check("05.3", hire_coach)


# %% tags=["wrong"] hint="not on the list"
def hire_coach(model, learning_rate):
    return torch.optim.AdamW(model.head.parameters(), lr=learning_rate)


exercises.check("05.3", hire_coach)


# %% tags=["wrong"] hint="asked for"
def hire_coach(model, learning_rate):
    return torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad]
    )


exercises.check("05.3", hire_coach)


# %% tags=["wrong"] hint="AdamW"
def hire_coach(model, learning_rate):
    return torch.optim.Adam(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        lr=learning_rate,
    )


exercises.check("05.3", hire_coach)


# %% tags=["solution"]
def hire_coach(model, learning_rate):
    return torch.optim.AdamW(
        [parameter for parameter in model.parameters() if parameter.requires_grad],
        lr=learning_rate,
    )


exercises.check("05.3", hire_coach)

# %% [markdown]
# ## Next
#
# Student, teacher and coach are ready, and the pictures come in batches. **Lesson 06** puts them together, term after
# term: the training loop.
