"""The question before a run: choices to click on, or to read where no front end shows widgets."""

import html
from collections.abc import Sequence

import ipywidgets
from IPython.display import display

from course_utils.classroom import predictions

WIDGET = "application/vnd.jupyter.widget-view+json"


def predict_first(key: str, question: str, choices: Sequence[str], *, guess: int | None = None) -> None:
    """Ask what the reader expects of the next cells, and keep the answer in the folder of their notebook.

    `key` is "06.1": lesson 06, first prediction. After the run, `predictions.what_happened(key, ...)` shows the answer
    beside what happened. Nothing waits for an answer. Where no buttons appear, `guess=2` chooses the second answer.
    Raises ValueError for choices that are fewer than two or alike, and for a guess that is none of them.
    """
    kept = predictions.ask(key, question, choices)
    said = f"You expect: {kept} (kept from before; you may change it)." if kept else ""
    if guess is not None:
        if not 1 <= guess <= len(choices):
            raise ValueError(f"guess counts the choices from 1: not {guess} of {len(choices)}.")
        kept = choices[guess - 1]
        said = predictions.commit(key, kept)
    status = ipywidgets.HTML(html.escape(said))
    buttons = ipywidgets.RadioButtons(options=list(choices), value=kept, layout={"width": "max-content"})

    def chosen(change: dict[str, str]) -> None:
        status.value = html.escape(predictions.commit(key, change["new"]))

    buttons.observe(chosen, names="value")
    asked = f"<strong>Predict first</strong> · {html.escape(question)}"
    box = ipywidgets.VBox([ipywidgets.HTML(asked), buttons, status])
    # Front ends without widgets (a page, GitHub's view) show the second, a terminal the third.
    listed = "".join(f"<li>{html.escape(choice)}</li>" for choice in choices)
    plain = "\n".join(
        [f"Predict first: {question}", *(f"  {n}. {choice}" for n, choice in enumerate(choices, 1)), said]
    )
    display(  # type: ignore[no-untyped-call]  # IPython ships no types
        {
            WIDGET: {"model_id": box.model_id, "version_major": 2, "version_minor": 0},
            "text/html": f"<div>{asked}<ol>{listed}</ol>{html.escape(said)}</div>",
            "text/plain": plain.strip(),
        },
        raw=True,
    )
