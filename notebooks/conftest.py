"""`pytest --nbmake notebooks` runs every lesson as a test: without a network, and within its time budget."""

import os

import pytest

from course_utils.classroom.lessons import OVERTIME, kernel_environment, read_lesson

collect_ignore = ["my"]  # the learner's own copies may hold anything

os.environ.update(kernel_environment())


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Say so where a lesson took longer than its budget; three times longer fails it."""
    report = yield
    if call.when == "call" and report.passed and hasattr(item, "nbmake"):
        budget = read_lesson(item.path).budget_seconds
        if call.duration > budget:
            message = f"{item.name} took {call.duration:.0f} s; its budget is {budget} s."
            report.sections.append(("Time budget", message))
            if call.duration > OVERTIME * budget:
                report.outcome, report.longrepr = "failed", message
            else:
                item.config.stash.setdefault(_OVER_BUDGET, []).append(message)
    return report


_OVER_BUDGET = pytest.StashKey[list[str]]()


def pytest_terminal_summary(terminalreporter, config):
    for message in config.stash.get(_OVER_BUDGET, []):
        terminalreporter.write_line(f"Over budget: {message}", yellow=True)
