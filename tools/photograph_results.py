"""What lesson 08 comes to with photographs: `python tools/photograph_results.py` writes docs/photographs/.

It runs lesson 08 as it stands, with the photographs and ImageNet's weights, and keeps what its student shows at the
end: the curves of its schooling, who is taken for whom, twenty photographs of the final exam (CC0) with the student's
answers, and the marks, dated, in `results.json`. A build puts these pictures into lesson 08. Takes about three minutes
on two processor cores, and needs both downloads (`data/README.md`).
"""

import datetime
import json
import os
import platform
import sys
from pathlib import Path
from typing import Any

import nbformat
import torch
import torchvision
from nbformat.v4 import new_code_cell
from PIL import Image

from course_utils import __version__
from course_utils.classroom.execution import execute, weave
from course_utils.classroom.lessons import notebooks_dir
from course_utils.runtime import atomic_write, num_processors

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "photographs"
CHOICE = {"COURSE_DATASET": "photos", "COURSE_WEIGHTS": "imagenet", "COURSE_OPEN_THE_EXAM": "1"}
COLORS, JPEG_QUALITY = 64, 82  # of a chart's palette; of the wall

# Runs behind the lesson's last cell, in its kernel, and takes what stands there.
KEEP = """
import json
from pathlib import Path
from course_utils import plotting
from course_utils.evaluation import confusion_matrix
from course_utils.transforms import load_image

kept = Path({folder!r})
samples = loaders.test.dataset.samples
twenty = torch.randperm(len(samples), generator=torch.Generator().manual_seed(8))[:20].tolist()
names = [[classes[which] for which in (final.labels[place], final.predicted[place])] for place in twenty]
matrix = confusion_matrix(final.labels, final.predicted, num_classes=len(classes))
pictures = {{
    "wall": plotting.draw_wall(
        [load_image(samples[place][0]) for place in twenty],
        [answer for _, answer in names],
        [truth for truth, _ in names],
        title="Twenty photographs of the final exam",
        num_columns=10,
    ),
    "curves": plotting.plot_runs({{"eye and head": card, "control: head alone": control}}, title="On photographs"),
    "matrix": plotting.plot_confusion_matrix(matrix, classes),
}}
for name, picture in pictures.items():
    picture.figure.savefig(kept / f"{{name}}.png", dpi=120)
marks = {{
    name: {{"right": int((answers.predicted == answers.labels).sum()), "of": len(answers.labels)}}
    for name, answers in {{"head_alone": start, "mock_exam": exam, "final_exam": final}}.items()
}}
wall = [
    {{"file": "/".join(Path(samples[place][0]).parts[-3:]), "truth": truth, "answer": answer}}
    for place, (truth, answer) in zip(twenty, names, strict=True)
]
found = {{"practice": len(loaders.train.dataset), "weights": student.source, **marks, "wall": wall}}
found["alt"] = {{name: picture.alt for name, picture in pictures.items()}}
(kept / "results.json").write_text(json.dumps(found), encoding="utf-8")
"""


def store_small(folder: Path) -> None:
    """Make of each PNG what a page can carry: the wall a JPEG, a chart a PNG of few colours."""
    for path in folder.glob("*.png"):
        with Image.open(path) as picture:
            plain = picture.convert("RGB")
        if path.stem == "wall":
            plain.save(path.with_suffix(".jpg"), quality=JPEG_QUALITY, optimize=True)
            path.unlink()
        else:
            plain.quantize(COLORS, dither=Image.Dither.NONE).save(path, optimize=True)


def circumstances(seconds: float) -> dict[str, Any]:
    """Return what somebody needs to know in order to come to the same."""
    return {
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "command": "python tools/photograph_results.py",
        "seconds": round(seconds),
        "machine": f"{platform.system()} {platform.machine()}, {num_processors()} cores",
        "versions": {"course-utils": __version__, "torch": torch.__version__, "torchvision": torchvision.__version__},
    }


def main() -> int:
    lesson = next(path for path in notebooks_dir().glob("08_*.ipynb"))
    notebook = nbformat.read(lesson, as_version=4)
    FOLDER.mkdir(parents=True, exist_ok=True)
    num_cells = sum("generated" not in cell.metadata.get("tags", []) for cell in notebook.cells)
    weave(notebook, [(num_cells, new_code_cell(KEEP.format(folder=str(FOLDER))))])
    print(f"{lesson.stem}, with photographs and ImageNet's weights: some minutes ...", flush=True)
    seconds, problems = execute(notebook, folder=lesson.parent, environment=os.environ | CHOICE)
    if problems:
        print("; ".join(problems), file=sys.stderr)
        return 1
    store_small(FOLDER)
    results = FOLDER / "results.json"
    found = circumstances(seconds) | json.loads(results.read_text(encoding="utf-8"))
    with atomic_write(results) as temporary:
        temporary.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8", newline="\n")
    for name in ("head_alone", "mock_exam", "final_exam"):
        print(f"{name:12} {found[name]['right'] / found[name]['of']:.1%}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
