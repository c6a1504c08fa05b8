"""The exhibits of the bug museum, a table: what each changes, in which text, how it is mended, and who catches it.

Who catches it, so far: the *first look* (before the first correction), the *attendant* (while the loop runs), the
*report card* (its remarks, afterwards), whoever has *refused* to go on, the *data doctor*, or *nobody*.
"""

from collections.abc import Mapping
from typing import NamedTuple


class Exhibit(NamedTuple):
    """One mistake. `changes`: old -> new text of `place`, "" for a line that is taken away.

    `harms` says where the damage shows: in the "student", in its "loss" only, in what its report "card" tells, in the
    mock "exam" alone, in the marks of "practice", in its single "answers", in "memory", or nowhere: it is "loud".
    `small_school` exhibits are run with few pictures and many terms, where learning by heart is to be seen.
    """

    name: str
    room: str
    changes: Mapping[str, str]
    mend: str
    caught: str
    harms: str = "student"
    place: str = "school"
    small_school: bool = False
    caught_elsewhere: str = ""  # by what looks at pictures, where the loop has only their notes


EXHIBITS = (
    Exhibit(
        "no zero_grad",
        "loop",
        {"optimizer.zero_grad()": ""},
        "zero_grad() before every backward()",
        "attendant",
    ),
    Exhibit(
        "no eval",
        "loop",
        {"model.eval()": ""},
        "eval() before every exam",
        "attendant",
        harms="exam",
    ),
    Exhibit(
        "eval never undone",
        "loop",
        {"model.train()": ""},
        "train() at the beginning of every term",
        "attendant",
        harms="practice",
    ),
    Exhibit(
        "live best weights",
        "loop",
        {"copy.deepcopy(model.state_dict())": "model.state_dict()"},
        "deepcopy()",
        "attendant",
        harms="loss",
        small_school=True,
    ),
    Exhibit(
        "no .item()",
        "loop",
        {"loss.item() * len(labels)": "loss * len(labels)"},
        "loss.item(), or loss.detach()",
        "attendant",
        harms="memory",
    ),
    Exhibit(
        "softmax twice",
        "student",
        {"nn.Linear(64, 10))": "nn.Linear(64, 10), nn.Softmax(1))"},
        "scores go into the loss as they are",
        "first look",
    ),
    Exhibit(
        "old optimizer",
        "student",
        {"Adam(model.parameters())": "Adam(model[-1].parameters())"},
        "a new optimizer after unfreezing",
        "first look",
    ),
    Exhibit("rate times ten", "student", {"max_lr=0.003": "max_lr=0.03"}, "a tenth of it; a range test", "nobody"),
    Exhibit(
        "dead ReLUs",
        "student",
        {"max_lr=0.003": "max_lr=0.3"},
        "a hundredth of the rate; a range test",
        "attendant",
    ),
    Exhibit("a tenth of the rate", "student", {"max_lr=0.003": "max_lr=0.0003"}, "a range test", "nobody"),
    Exhibit(
        "stepped by the term",
        "student",
        {"scheduler.step()": "", "        marks =": "        scheduler.step()\n        marks ="},
        "OneCycleLR is stepped after every batch",
        "attendant",
    ),
    Exhibit(
        "labels shuffled",
        "labels",
        {"TensorDataset(pictures, truths)": "TensorDataset(pictures[torch.randperm(len(pictures))], truths)"},
        "one index for both",
        "report card",
    ),
    Exhibit(
        "labels shifted",
        "labels",
        {"TensorDataset(pictures, truths)": "TensorDataset(pictures, (truths + 1) % 10)"},
        "one list of classes for all splits",
        "report card",
    ),
    Exhibit(
        "sorted batches",
        "labels",
        {"shuffle=True": "shuffle=False"},
        "shuffle=True",
        "first look",
    ),
    Exhibit(
        "labels as floats",
        "labels",
        {"TensorDataset(pictures, truths)": "TensorDataset(pictures, truths.float())"},
        "class numbers are int64: labels.long()",
        "refused",
        harms="loud",
    ),
    Exhibit(
        "(N, 1) == (N,)",
        "labels",
        {"scores.argmax(1)": "scores.argmax(1, keepdim=True)"},
        "the same shape on both sides",
        "refused",
        harms="loud",
    ),
    Exhibit(
        "means of means",
        "labels",
        {
            "(scores.argmax(1) == labels).sum().item()": "(scores.argmax(1) == labels).float().mean().item()",
            "exam_marks = Metrics(total_loss / num_seen, num_right / num_seen)": (
                "exam_marks = Metrics(total_loss / num_seen, num_right / len(val_loader))"
            ),
        },
        "count pictures, not batches",
        "nobody",
        harms="exam",
    ),
    Exhibit(
        "exam in practice",
        "splits",
        {"TensorDataset(pictures, truths)": "ConcatDataset([notes.practice, notes.exam])"},
        "split first, then touch nothing",
        "first look",
        harms="card",
    ),
    Exhibit(
        "twins across the split",
        "splits",
        {"TensorDataset(pictures, truths)": "ConcatDataset([notes.practice, notes.twins])"},
        "split by garment, not by picture",
        "data doctor",
        harms="card",
        caught_elsewhere="data doctor",
    ),
    Exhibit(
        "augmented exam",
        "eye",
        {"v2.CenterCrop": "v2.RandomResizedCrop"},
        "the evaluation transform for every exam",
        "first look",
        harms="exam",
        place="take_notes",
    ),
    Exhibit(
        "pixels from 0 to 255",
        "eye",
        {"scale=True": "scale=False"},
        "scale=True; one transform for all",
        "first look",
        harms="exam",
        place="take_notes",
    ),
    Exhibit(
        "red and blue swapped",
        "eye",
        {"see(images)": "see(images.flip(1))"},
        "RGB everywhere; OpenCV reads BGR",
        "nobody",
        harms="answers",
        place="take_notes",
    ),
    Exhibit(
        "upside down",
        "eye",
        {"see(images)": "see(images.flip(2))"},
        "look at a batch before training",
        "report card",
        harms="exam",
        place="take_notes",
    ),
    Exhibit(
        "the eye in train()",
        "eye",
        {"eye.eval()": "eye.train()"},
        "eval() for whatever is frozen",
        "first look",
        harms="exam",
        place="take_notes",
    ),
)
