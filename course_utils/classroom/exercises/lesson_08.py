"""The exercises of lesson 08, fine-tuning and the final exam."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from course_utils.classroom.exercises import exercise


def _half_frozen_student() -> nn.Module:
    """Return a student with a frozen block, an unfrozen block and a head, a weight and a bias each."""
    student = nn.Module()
    student.backbone = nn.ModuleList([nn.Linear(2, 2).requires_grad_(False), nn.Linear(2, 2)])
    student.head = nn.Linear(2, 2)
    return student


@exercise(
    "08.1",
    "Return `torch.optim.Adam(...)` for the weights that may learn, with a learning rate of 0.0001.",
    kind="function",
    solved="Head and unfrozen blocks, nothing else, and a careful rate.",
)
def new_coach(answer: Callable[[nn.Module], torch.optim.Optimizer]) -> str | None:
    """`answer(student)` returns the optimizer for a partly frozen student."""
    student = _half_frozen_student()
    coach = answer(student)
    if not isinstance(coach, torch.optim.Optimizer):
        return (
            f"Return the optimizer itself, made by `torch.optim.Adam(...)`; this is of type `{type(coach).__name__}`."
        )
    held = {id(parameter) for group in coach.param_groups for parameter in group["params"]}
    parts = [*student.get_submodule("backbone").children(), student.get_submodule("head")]
    frozen, unfrozen, head = ({id(parameter) for parameter in part.parameters()} for part in parts)
    if held & frozen:
        return "It holds the frozen ones too. Choose by `parameter.requires_grad`."
    if not head <= held:
        return "The head goes on learning as well, so its weights belong on the list."
    if not unfrozen <= held:
        return "The weights of the unfrozen block are missing: they would get gradients, and nobody would correct them."
    rates = {group["lr"] for group in coach.param_groups}
    if rates == {0.001}:
        return "The list is right. The rate is Adam's default of 0.001: say `lr=0.0001`."
    if any(abs(rate - 0.0001) > 1e-9 for rate in rates):
        return f"The list is right. The learning rate is {max(rates):g}, asked for is 0.0001."
    if not isinstance(coach, torch.optim.Adam):
        return f"List and rate are right. Asked for is Adam, this is {type(coach).__name__}."
    return None


@exercise(
    "08.2",
    "Let `recall(matrix, index)` return the share of class `index` that was recognised.",
    kind="function",
    solved="The diagonal, divided by the sum of its row: of all that are of this class, how many were found?",
)
def recall(answer: Callable[[Tensor, int], Tensor | float]) -> str | None:
    """`answer(matrix, index)` returns `matrix[index, index] / matrix[index].sum()`."""
    matrix = torch.tensor([[6, 3, 1], [2, 17, 1], [0, 4, 16]])
    answers = torch.tensor([float(answer(matrix, index)) for index in range(3)])
    right = matrix.diagonal()
    known = {
        "": right / matrix.sum(dim=1),
        "You divide by the column: that is precision, of all answers “hat” the share that were right. Recall asks "
        "about all true hats, a row.": right / matrix.sum(dim=0),
        "You divide by the whole exam. Of *this class*, what share was recognised?": right / matrix.sum(),
        "That is the accuracy over all classes, whatever `index` says. Use its row only.": (
            right.sum() / matrix.sum()
        ).expand(3),
        "That is a count, not a share. Divide it by the number of pictures of this class.": right.float(),
        "That is the share that was missed. Recall is the share that was found.": 1 - right / matrix.sum(dim=1),
    }
    for hint, values in known.items():
        if torch.allclose(answers, values, atol=1e-4):
            return hint or None
    return f"For the matrix {matrix.tolist()} and class 0 your function says {answers[0]:.3f}: look at row 0 only."


@exercise(
    "08.3",
    "Replace the dots by the number of the last term.",
    kind="number",
    solved="Two terms without a new best, and the patience is used up. More patience would have been rewarded here.",
)
def last_term(answer: float) -> str | None:
    """`answer` is 5: the best is term 3, and terms 4 and 5 bring no new best."""
    if answer == 5:
        return None
    if answer == 3:
        return "That is the best term, whose weights are kept. Training goes on for a while, in the hope of a new best."
    if answer == 4:
        return "After term 4 one term has passed without a new best. The patience is two."
    if answer in (6, 7):
        return f"Term {answer:g} is never reached. Count the terms since the best so far, which is that of term 3."
    return "Walk along the losses and count the terms since the lowest so far. At two, training stops."


@exercise(
    "08.4",
    "Replace the dots by one of the three, as a string.",
    kind="text",
    solved="Whatever is chosen, is chosen by the mock exam. The final exam then judges the choice too.",
)
def pictures(answer: str) -> str | None:
    """`answer` is one of three sets of pictures."""
    word = answer.strip().lower()
    if word in ("mock exam", "validation"):
        return None
    if word in ("final exam", "test"):
        return "Then you would choose by it, and it could no longer tell how well the choice does on new pictures."
    if word in ("practice", "training"):
        return "These pictures it has practised on: it is too sure of them, and the best threshold would seem too low."
    return "Choose one of: 'practice', 'mock exam', 'final exam'."
