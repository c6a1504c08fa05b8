"""The script that trains the course's backbone, on twenty generated pictures; and the weights that it gave us."""

import csv
import importlib.util
import io
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

from course_utils.transforms import IMAGENET_MEAN, IMAGENET_STD

SCRIPT = Path(__file__).resolve().parent.parent / "tools" / "pretrain_backbone.py"


@pytest.fixture(scope="module")
def archive(tmp_path_factory) -> Path:
    """Tiny ImageNet's public layout with two classes, ten practice and two mock exam pictures each."""
    path = tmp_path_factory.mktemp("data") / "tiny-imagenet-200.zip"
    generator = np.random.default_rng(0)

    def picture() -> bytes:
        file = io.BytesIO()
        Image.fromarray(generator.integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(file, "JPEG")
        return file.getvalue()

    wnids = ["n01629819", "n01443537"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("tiny-imagenet-200/wnids.txt", "\n".join(wnids))
        archive.writestr(
            "tiny-imagenet-200/words.txt", "n01443537\tgoldfish, Carassius auratus\nn01629819\tsalamander\n"
        )
        for wnid in wnids:
            for number in range(10):
                archive.writestr(f"tiny-imagenet-200/train/{wnid}/images/{wnid}_{number}.JPEG", picture())
        rows = [f"val_{number}.JPEG\t{wnids[number % 2]}\t0\t0\t9\t9" for number in range(4)]
        for number in range(4):
            archive.writestr(f"tiny-imagenet-200/val/images/val_{number}.JPEG", picture())
        archive.writestr("tiny-imagenet-200/val/val_annotations.txt", "\n".join(rows))
    return path


def command(archive: Path, run: Path, *options: str) -> list[str]:
    recipe = ("--stages", "48x1", "32x1", "--ship-side", "32", "--decay", "1", "--batch-size", "8")
    return [sys.executable, str(SCRIPT), "--data", str(archive), "--run", str(run), *recipe, *options]


def pretrain(archive: Path, run: Path, *options: str) -> subprocess.CompletedProcess:
    return subprocess.run(command(archive, run, *options), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def uninterrupted(archive, tmp_path_factory) -> Path:
    run = tmp_path_factory.mktemp("run")
    finished = pretrain(archive, run)
    assert finished.returncode == 0, finished.stderr
    return run


def metrics(run: Path) -> list[dict]:
    with (run / "metrics.csv").open(encoding="utf-8") as file:
        return [row | {"seconds": ""} for row in csv.DictReader(file)]


def test_a_run_logs_one_line_an_epoch_and_ends_with_weights(uninterrupted):
    rows = metrics(uninterrupted)
    assert [(row["epoch"], row["side"]) for row in rows] == [("1", "48"), ("2", "32")]
    weights = torch.load(uninterrupted / "weights.pt", weights_only=True)
    assert weights["classes"] == ["goldfish", "salamander"]  # sorted by their wnid, first word only
    assert weights["spec"]["image_size"] == 32
    assert weights["state_dict"]["features.0.0.weight"].dtype == torch.float16


def test_a_killed_and_resumed_run_gives_the_same_weights(archive, uninterrupted, tmp_path):
    process = subprocess.Popen(command(archive, tmp_path), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 300
    while not (tmp_path / "metrics.csv").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    process.kill()
    assert process.wait() == (1 if sys.platform == "win32" else -signal.SIGKILL), "it ended before it was killed"
    assert len(metrics(tmp_path)) == 1

    finished = pretrain(archive, tmp_path, "--resume")
    assert finished.returncode == 0, finished.stderr
    assert metrics(tmp_path) == metrics(uninterrupted)
    ours, theirs = (torch.load(run / "checkpoint.pt", weights_only=True) for run in (tmp_path, uninterrupted))
    assert all(torch.equal(ours["model"][name], weights) for name, weights in theirs["model"].items())
    assert (tmp_path / "weights.pt").read_bytes() == (uninterrupted / "weights.pt").read_bytes()


@pytest.mark.parametrize(
    ("options", "words"),
    [((), "--resume"), (("--resume", "--lr", "0.1"), "lr"), (("--resume", "--decay", "2"), "begun to decay")],
)
def test_a_run_is_never_taken_up_by_surprise(archive, uninterrupted, options, words):
    before = (uninterrupted / "checkpoint.pt").read_bytes()
    finished = pretrain(archive, uninterrupted, *options)
    assert finished.returncode == 1
    assert words in finished.stderr
    assert (uninterrupted / "checkpoint.pt").read_bytes() == before


def test_resuming_where_there_is_no_run_is_refused(archive, tmp_path):
    finished = pretrain(archive, tmp_path, "--resume")
    assert finished.returncode == 1
    assert "no run to resume" in finished.stderr


@pytest.fixture(scope="module")
def script():
    """The script as a module, for what can be tested without a run."""
    spec = importlib.util.spec_from_file_location("pretrain_backbone", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["pretrain_backbone"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["pretrain_backbone"]


def test_imitating_the_teacher_perfectly_costs_nothing_and_worse_imitation_costs_more(script):
    features = torch.rand(20, 1280)
    teacher = script.Teacher(features.half(), torch.nn.Linear(1280, 1000))
    rows = torch.tensor([3, 1, 17])
    perfect = features.half().float()[rows]
    assert teacher.loss(perfect, rows).item() == pytest.approx(0, abs=1e-6)
    losses = [teacher.loss(perfect + noise * torch.randn(3, 1280), rows).item() for noise in (0.01, 0.1, 1)]
    assert losses == sorted(losses)
    assert losses[0] > 0


@pytest.mark.usefixtures("imagenet_weights")
def test_a_run_with_a_teacher_learns_something_else(archive, uninterrupted, tmp_path):
    finished = pretrain(archive, tmp_path, "--teacher")
    assert finished.returncode == 0, finished.stderr
    answers = torch.load(tmp_path / "teacher.pt", weights_only=True)
    pictures = torch.load(tmp_path / "pictures.pt", weights_only=True)["train_images"]
    looks = torch.nn.functional.interpolate(pictures / 255, size=(224, 224), mode="bilinear", antialias=True)
    looks = (looks - torch.tensor(IMAGENET_MEAN).view(3, 1, 1)) / torch.tensor(IMAGENET_STD).view(3, 1, 1)
    with torch.no_grad():
        network = mobilenet_v2(weights=MobileNet_V2_Weights.IMAGENET1K_V1).eval()
        expected = network.features(looks).mean((2, 3))
    assert torch.allclose(answers.float(), expected, atol=0.01)
    alone, taught = (torch.load(run / "checkpoint.pt", weights_only=True) for run in (uninterrupted, tmp_path))
    name = "features.0.0.weight"
    assert not torch.equal(alone["model"][name], taught["model"][name])
    assert torch.load(tmp_path / "weights.pt", weights_only=True)["card"]["teacher"] is True
