"""Does a lesson show here what it shows in the book? It is executed, and its figures held against the book's."""

import os
from typing import NamedTuple

from course_utils.classroom.book import Comparison, figures_in, read_book, shown
from course_utils.classroom.execution import OVERTIME, execute, kernel_environment
from course_utils.classroom.lessons import Lesson
from course_utils.report.tables import text_table

# Other pictures, or another eye, make other figures: chance has nothing to do with it.
_SUBJECT = ("pictures", "weights")


class Verification(NamedTuple):
    """One lesson's run: its seconds, what stopped it (empty: nothing), and its figures beside the book's."""

    lesson: Lesson
    seconds: float
    problem: str
    comparisons: list[Comparison]
    missing: list[str]  # keys that the book has and the run has not

    @property
    def ok(self) -> bool:
        """True where the lesson ran to its end and no figure is further from the book's than chance explains."""
        apart = any(verdict(each) == APART for each in self.comparisons)
        return not (self.problem or self.missing or apart)

    def __str__(self) -> str:
        rows = [["figure", "book", "yours", ""]]
        rows += [
            [each.key, shown(each.book) if each.book else "none", shown(each.mine), verdict(each)]
            for each in self.comparisons
        ]
        rows += [[key, shown(read_book()[key]), "not reached", ""] for key in self.missing]
        lines = [text_table(rows, align="left") if rows[1:] else "It compares no figure with the book."]
        lines += [f"stopped: {self.problem}"] if self.problem else []
        for each in self.comparisons:
            if verdict(each) in (APART, ELSEWHERE):
                likely = "; ".join(each.differing) or "nothing that is known: has a cell been changed?"
                lines.append(f"{each.key} differs in {likely}")
        return "\n".join(lines)


WITHIN, APART, ELSEWHERE, UNKNOWN = "within chance", "FURTHER APART", "other settings: not judged", "not in the book"


def verdict(comparison: Comparison) -> str:
    """Say how a figure lies to the book's; with other pictures or weights there is nothing to judge."""
    if comparison.book is None:
        return UNKNOWN
    mine, theirs = comparison.mine["circumstances"], comparison.book["circumstances"]
    if any(mine.get(name) != theirs.get(name) for name in _SUBJECT):
        return ELSEWHERE
    return WITHIN if comparison.within_chance else APART


def verify_lesson(lesson: Lesson) -> Verification:
    """Execute a lesson, or a learner's own copy, in a fresh kernel without a network, and compare its figures.

    The file stays as it is. Raises ModuleNotFoundError where the extra `lab` is not installed.
    """
    import nbformat

    notebook = nbformat.read(lesson.path, as_version=4)  # type: ignore[no-untyped-call]
    seconds, problems = execute(
        notebook,
        folder=lesson.path.parent,
        environment=os.environ | kernel_environment(),
        seconds_a_cell=None if lesson.budget_seconds is None else 10 * OVERTIME * lesson.budget_seconds,
    )
    mine, book = figures_in(notebook), read_book()
    missing = [key for key in book if key.startswith(f"{lesson.name[:2]}.") and key not in mine]
    return Verification(
        lesson, seconds, "; ".join(problems), [Comparison(key, mine[key], book.get(key)) for key in mine], missing
    )
