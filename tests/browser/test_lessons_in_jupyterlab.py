"""Every lesson as a learner meets it: their own copy, in JupyterLab, in a real browser.

`make test` opens two of them, `make browser` all.
"""

import inspect
import re
import sys
from pathlib import Path

import nbformat
import pytest
from PIL import Image

from course_utils import widgets
from course_utils.classroom import copies, lessons
from course_utils.classroom.execution import OVERTIME

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from lesson_tools import source

IN_MAKE_TEST = ("01", "05")  # quick; the one has a photo chooser, the other sliders, both exercises
NAMES = [path.stem for path in source.list_sources()]
# What JupyterLab itself knows of the notebook that stands open; nothing, while its page is still loading.
NOTEBOOK = "window.jupyterapp?.shell?.currentWidget"
CELLS = f"Array.from({NOTEBOOK}.content.widgets).filter(cell => cell.model.type === 'code')"


@pytest.fixture(
    params=[
        pytest.param(name, marks=[] if name.startswith(IN_MAKE_TEST) else pytest.mark.every_lesson) for name in NAMES
    ],
    scope="session",
)
def lesson(request, course) -> lessons.Lesson:
    return lessons.read_lesson(course / "notebooks" / f"{request.param}.ipynb")


def open_notebook(page, address: str, path: Path, course: Path) -> None:
    """Open a notebook and wait for its kernel: running cells before it is there opens a dialog."""
    page.goto(f"{address}/lab/tree/{path.relative_to(course).as_posix()}?reset")
    ready = (
        f"{NOTEBOOK}?.sessionContext?.session?.kernel?.status === 'idle'"
        f" && {NOTEBOOK}.sessionContext.session.kernel.connectionStatus === 'connected'"
    )
    page.wait_for_function(ready, timeout=60_000)


def run_all(page, *, seconds: float) -> None:
    """Run every cell, as Run > Run All Cells does, and wait for the last one."""
    page.evaluate("void window.jupyterapp.commands.execute('notebook:run-all-cells')")
    finished = (
        f"{CELLS}.every(cell => cell.model.executionCount !== null || !cell.model.sharedModel.getSource().trim())"
        f" && {NOTEBOOK}.sessionContext.session.kernel.status === 'idle'"
    )
    failed = f"{CELLS}.some(cell => cell.model.outputs.toJSON().some(output => output.output_type === 'error'))"
    page.wait_for_function(f"({failed}) || ({finished})", timeout=1000 * seconds)


def errors(page) -> list[str]:
    outputs = page.evaluate(f"{CELLS}.flatMap(cell => cell.model.outputs.toJSON())")
    return [f"{each['ename']}: {each['evalue']}" for each in outputs if each["output_type"] == "error"]


def wrong_answer(name: str) -> tuple[str, str, str] | None:
    """Return an exercise's cell as the learner gets it, a typical wrong answer, and words of the hint it earns."""
    cells = source.read_source(source.SOURCES / f"{name}.py").cells
    for number, cell in enumerate(cells):
        wrong = next((other for other in cells[number:] if "wrong" in source.tags(other)), None)
        if "exercise" in source.tags(cell) and wrong is not None:
            return cell.source, wrong.source, wrong.metadata["hint"]
    return None


def has_sliders(name: str) -> bool:
    """True where the lesson makes a slider, itself or through a function of `course_utils.widgets`."""
    code = "\n".join(cell.source for cell in source.read_source(source.SOURCES / f"{name}.py").cells)
    makers = [getattr(widgets, used) for used in re.findall(r"\bwidgets\.(\w+)\(", code)]
    return any("Slider(" in text for text in [code, *map(inspect.getsource, makers)])


def shown(explorer) -> tuple[list[str], list[str]]:
    """What an explorer shows: its texts and its pictures."""
    pictures = [image.get_attribute("src") for image in explorer.locator("img").all()]
    return explorer.locator(".widget-html-content").all_inner_texts(), pictures


def wait_for_change(page, explorer, before: tuple[list[str], list[str]]) -> None:
    for _ in range(200):
        if shown(explorer) != before:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"A control of this explorer changes nothing: {explorer.inner_text()!r}")


def explorers(page, controls: str) -> list:
    """The explorers on the page that have such controls, once every widget is drawn."""
    page.wait_for_function("!document.body.innerText.includes('Loading widget')")
    return page.locator(".jp-OutputArea-output .widget-vbox").filter(has=page.locator(controls)).all()


def move_sliders(page) -> int:
    """Move every slider one step with the keyboard; each must change the picture or text of its explorer."""
    moved = 0
    for explorer in explorers(page, ".noUi-handle"):
        for handle in explorer.locator(".noUi-handle").all():
            before = shown(explorer)
            handle.scroll_into_view_if_needed()
            handle.focus()
            at_the_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
            handle.press("ArrowLeft" if at_the_end else "ArrowRight")
            wait_for_change(page, explorer, before)
            moved += 1
    return moved


def choose_a_picture(page, picture: Path) -> None:
    """Choose a file in every file chooser; its explorer must show another picture."""
    for explorer in explorers(page, ".widget-upload"):
        before = shown(explorer)
        with page.expect_file_chooser() as chooser:
            explorer.locator(".widget-upload").click()
        chooser.value.set_files(picture)
        wait_for_change(page, explorer, before)


def test_a_lesson_runs_to_its_end_and_answers_the_learner(lesson, jupyterlab, course, page, tmp_path, monkeypatch):
    monkeypatch.setattr(copies, "notebooks_dir", lambda: course / "notebooks")
    own = copies.copy_lesson(lesson)
    assert own.is_relative_to(course)
    open_notebook(page, jupyterlab, own, course)

    set_up = page.evaluate(f"{CELLS}[0].inputHidden")
    assert set_up, "the set-up cell is not folded"

    run_all(page, seconds=OVERTIME * lesson.budget_seconds + 60)
    assert errors(page) == []

    assert (move_sliders(page) > 0) == has_sliders(lesson.name)
    Image.effect_noise((90, 120), 80).convert("RGB").save(tmp_path / "noise.png")
    choose_a_picture(page, tmp_path / "noise.png")

    asked = wrong_answer(lesson.name)
    if asked is not None:
        learners_cell, answer, hint = asked
        number = page.evaluate(
            f"source => {CELLS}.findIndex(cell => cell.model.sharedModel.getSource() === source)", learners_cell
        )
        assert number >= 0, "the learner's copy lacks the exercise"
        cell = page.locator(".jp-Notebook .jp-CodeCell").nth(number)
        cell.scroll_into_view_if_needed()
        cell.locator(".cm-content").click()
        page.keyboard.press("ControlOrMeta+a")
        page.keyboard.insert_text(answer)
        page.keyboard.press("Shift+Enter")
        cell.locator(".jp-OutputArea-output", has_text="Not yet").wait_for(timeout=30_000)
        told = " ".join(cell.locator(".jp-OutputArea-output").all_inner_texts())
        assert hint.replace("`", "") in told  # what stands between them is shown as code
    page.screenshot(path=tmp_path / "end.png")


PREDICTION = (
    'from course_utils import widgets\nwidgets.predict_first("99.1", "Where does it go?", ["up", "down"])',
    "loss = 2",
    'from course_utils.classroom.predictions import what_happened\nwhat_happened("99.1", "up")',
)


def test_a_prediction_is_clicked_kept_and_held_beside_what_happened(jupyterlab, course, page):
    cells = [nbformat.v4.new_code_cell(code) for code in PREDICTION]
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": source.KERNELSPEC})
    folder = course / "a learner"
    folder.mkdir()
    nbformat.write(notebook, folder / "my.ipynb")
    open_notebook(page, jupyterlab, folder / "my.ipynb", course)
    run_all(page, seconds=60)  # nobody has answered: nothing waits
    cells = page.locator(".jp-Notebook .jp-CodeCell")
    cells.nth(2).get_by_text("What happened:").wait_for()

    cells.nth(0).locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    page.wait_for_function(f"{CELLS}[0].model.executionCount === 4")
    cells.nth(0).get_by_label("down").check()
    cells.nth(0).get_by_text("You expect: down. Now run on.").wait_for()
    run_from_here = "void window.jupyterapp.commands.execute('notebook:run-all-below')"
    page.evaluate(run_from_here)
    cells.nth(2).get_by_text("You expected: down").wait_for()
    assert (folder / "predictions.json").is_file()
