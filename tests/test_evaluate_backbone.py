"""The script that measures a backbone, on a few generated pictures."""

import importlib
import sys
from pathlib import Path

import pytest
import torch

from course_utils.models import load_pretrained

TOOLS = Path(__file__).resolve().parent.parent / "tools"


@pytest.fixture(scope="module")
def script():
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(TOOLS)
        yield importlib.import_module("evaluate_backbone")
        for name in ("evaluate_backbone", "pretrain_backbone"):
            sys.modules.pop(name, None)


def test_marks_equal_those_counted_by_hand(script, tmp_path):
    model = load_pretrained("course")
    images = torch.randint(0, 256, (12, 3, 64, 64), dtype=torch.uint8)
    with torch.no_grad():
        ranks = model(script.normalize(images)).argsort(1, descending=True)
    labels = torch.cat([ranks[:6, 0], ranks[6:9, 3], ranks[9:, 100]])  # six right, three in the first five
    torch.save({"val_images": images, "val_labels": labels}, tmp_path / "pictures.pt")
    exam = script.sit_exam(model, tmp_path, 64)
    assert (exam.top(1), exam.top(5)) == (0.5, 0.75)
    counted = [(ranks[labels == label, 0] == label).float().mean().item() for label in labels.unique()]
    assert exam.by_class().tolist() == counted
    assert len(script.sit_exam(model, tmp_path, 64, limit=5).labels) == 5


def test_calibration_compares_how_sure_with_how_often_right(script, tmp_path):
    sure = torch.tensor([0.95, 0.95, 0.95, 0.95, 0.55, 0.55])
    answers = script.Answers(torch.stack([sure, 1 - sure], dim=1), torch.tensor([0, 0, 0, 1, 0, 1]))
    rows = answers.calibration()
    assert rows == [
        {"pictures": 2, "stated": pytest.approx(0.55), "right": 0.5},
        {"pictures": 4, "stated": pytest.approx(0.95), "right": 0.75},
    ]
    script.write_table(tmp_path / "calibration.csv", rows)
    assert (tmp_path / "calibration.csv").read_text() == "pictures,stated,right\n2,0.55,0.5\n4,0.95,0.75\n"


def test_the_linear_head_learns_what_can_be_told_apart(script):
    labels = torch.arange(200) % 2
    features = torch.randn(200, 8) + 20 * (labels[:, None] - 0.5)
    assert script.linear_head((features, labels), (features, labels), seed=0) > 0.95
