"""The script that trains the course's backbone, on twenty generated pictures; and the weights that it gave us."""

import csv
import importlib.util
import io
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

from course_utils.pretrained import read_course_weights
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


@pytest.fixture(scope="module")
def script():
    """The script as a module: a run in this process saves the seconds that a new one takes to start."""
    spec = importlib.util.spec_from_file_location("pretrain_backbone", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules["pretrain_backbone"] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules["pretrain_backbone"]


MIXED = ("--mix", "0.5", "--average", "0.9")
RECIPE = ("--stages", "48x1", "32x1", "--ship-side", "32", "--decay", "1", "--batch-size", "8")


@pytest.fixture(scope="module")
def pretrain(script, archive):
    """A function that runs the script in a folder, with options beside the recipe's."""

    def pretrain(run: Path, *options: str) -> Path:
        script.main(["--data", str(archive), "--run", str(run), *RECIPE, *options])
        return run

    return pretrain


@pytest.fixture(scope="module")
def uninterrupted(pretrain, tmp_path_factory) -> Path:
    return pretrain(tmp_path_factory.mktemp("run"))


def metrics(run: Path) -> list[dict]:
    with (run / "metrics.csv").open(encoding="utf-8") as file:
        return [row | {"seconds": ""} for row in csv.DictReader(file)]


def checkpoint(run: Path) -> dict:
    return torch.load(run / "checkpoint.pt", weights_only=True)


def shipped(run: Path) -> dict:
    return torch.load(run / "weights.pt", weights_only=True)["state_dict"]


def test_a_run_logs_one_line_an_epoch_and_ends_with_weights(uninterrupted):
    rows = metrics(uninterrupted)
    assert [(row["epoch"], row["side"]) for row in rows] == [("1", "48"), ("2", "32")]
    weights = torch.load(uninterrupted / "weights.pt", weights_only=True)
    assert weights["classes"] == ["goldfish", "salamander"]  # sorted by their wnid, first word only
    assert weights["spec"]["image_size"] == 32
    assert weights["state_dict"]["features.0.0.weight"].dtype == torch.float16


# Dies in the middle of its second epoch, at the fourth batch, without a chance to put anything in order.
KILLED = """
import os, sys
sys.path.insert(0, sys.argv.pop(1))
import pretrain_backbone as script
crops, calls = script.random_crops, []
def random_crops(*arguments, **options):
    calls.append(1)
    return crops(*arguments, **options) if len(calls) < 4 else os._exit(9)
script.random_crops = random_crops
script.main()
"""


def assert_same_run(ours: Path, theirs: Path) -> None:
    assert metrics(ours) == metrics(theirs)
    before, after = checkpoint(theirs), checkpoint(ours)
    for part in ("model", "average"):
        assert all(torch.equal(after[part][name], weights) for name, weights in before[part].items())
    assert (ours / "weights.pt").read_bytes() == (theirs / "weights.pt").read_bytes()


def test_a_killed_and_resumed_run_gives_the_same_weights(archive, pretrain, uninterrupted, tmp_path):
    options = ["--data", str(archive), "--run", str(tmp_path), *RECIPE]
    killed = subprocess.run([sys.executable, "-c", KILLED, str(SCRIPT.parent), *options], check=False)
    assert killed.returncode == 9
    assert len(metrics(tmp_path)) == 1
    pretrain(tmp_path, "--resume")
    assert_same_run(tmp_path, uninterrupted)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--resume"),
        (("--resume", "--lr", "0.1"), "lr"),
        (("--resume", "--mix", "0.25"), "mix"),
        (("--resume", "--average", "0.5"), "average"),
        (("--resume", "--decay", "2"), "begun to decay"),
    ],
)
def test_a_run_is_never_taken_up_by_surprise(pretrain, uninterrupted, options, words):
    before = (uninterrupted / "checkpoint.pt").read_bytes()
    with pytest.raises(SystemExit, match=words):
        pretrain(uninterrupted, *options)
    assert (uninterrupted / "checkpoint.pt").read_bytes() == before


def test_resuming_where_there_is_no_run_is_refused(pretrain, tmp_path):
    with pytest.raises(SystemExit, match="no run to resume"):
        pretrain(tmp_path, "--resume")


# Weights to start from


@pytest.fixture(scope="module")
def given() -> dict:
    """The weights of a network for two classes that no seed of these tests draws."""
    torch.manual_seed(123)
    return mobilenet_v2(num_classes=2).state_dict()


def begin(script, archive, run, *options):
    """What a run begins with, before its first step."""
    args = script.parse_args(["--data", str(archive), "--run", str(run), *RECIPE, *options])
    return script.Run(args, 2)


def test_a_run_begins_with_the_weights_in_a_plain_state_dict(script, archive, given, tmp_path):
    torch.save(given, tmp_path / "given.pt")
    run = begin(script, archive, tmp_path, "--init", str(tmp_path / "given.pt"))
    for weights in (run.model.state_dict(), run.average.module.state_dict()):
        assert all(torch.equal(weights[name], tensor) for name, tensor in given.items())


def test_a_run_begins_with_the_weights_of_an_earlier_one(script, archive, uninterrupted, tmp_path):
    run = begin(script, archive, tmp_path, "--init", str(uninterrupted / "weights.pt"))
    weights = run.model.state_dict()
    assert {tensor.dtype for tensor in weights.values()} == {torch.float32, torch.int64}
    for name, tensor in shipped(uninterrupted).items():
        assert torch.equal(weights[name], tensor.to(weights[name].dtype)), name


def test_a_resumed_run_does_not_need_them_any_more(script, archive, tmp_path):
    begin(script, archive, tmp_path, "--resume", "--init", str(tmp_path / "nowhere.pt"))


WRONG = {
    "too many classes": (lambda given: given | {"classifier.1.bias": torch.zeros(3)}, r"classifier.1.bias is \(3,\)"),
    "another network": (lambda _: torch.nn.Linear(2, 2).state_dict(), "features.0.0.weight is missing"),
    "a checkpoint": (lambda given: {"model": given, "rows": []}, "holds model, rows, not only weights"),
    "a network": (lambda _: {"model": torch.nn.Linear(2, 2)}, "torch.nn.modules.linear.Linear"),
}


@pytest.mark.parametrize("case", WRONG)
def test_a_file_of_other_weights_is_refused_by_name_before_the_run_begins(case, pretrain, given, tmp_path):
    make, words = WRONG[case]
    file = tmp_path / "wrong.pt"
    torch.save(make(given), file)
    with pytest.raises(SystemExit, match=rf"No run was started: .*wrong\.pt.*{words}"):
        pretrain(tmp_path / "run", "--init", str(file))
    assert not (tmp_path / "run" / "checkpoint.pt").exists()


def test_a_file_that_is_not_there_is_refused_by_name(pretrain, tmp_path):
    with pytest.raises(SystemExit, match=r"No run was started: .*nowhere\.pt"):
        pretrain(tmp_path, "--init", str(tmp_path / "nowhere.pt"))


# Sizes drawn at random, averaged weights


@pytest.mark.parametrize(
    ("side", "mix", "sides"),
    [(128, 0.25, {96, 112, 128, 144, 160}), (48, 0.4, {32, 48, 64}), (64, 0, {64}), (16, 0.9, {16, 32})],
)
def test_sizes_are_multiples_of_16_around_the_stages(script, side, mix, sides):
    generator = torch.Generator().manual_seed(0)
    assert {script.draw_side(side, mix, generator) for _ in range(200)} == sides


@pytest.fixture(scope="module")
def mixed(script, pretrain, tmp_path_factory):
    """A run of mixed sizes and averaged weights, and the sizes that its batches had."""
    sides, crops = [], script.random_crops

    def watched(images, side, **options):
        sides.append(side)
        return crops(images, side, **options)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(script, "random_crops", watched)
        run = pretrain(tmp_path_factory.mktemp("mixed"), *MIXED)
    return run, sides


def test_a_mixed_run_draws_several_sizes_and_resumes_exactly(mixed, script, pretrain, tmp_path, monkeypatch):
    run, sides = mixed
    assert len(sides) == 4
    assert len(set(sides[:2])) == 2, "both batches of the first epoch have one size"
    steps, resumed = script.Run.train_one_epoch, []

    def stop(self, *rest):
        resumed.append(self.epoch)
        if len(resumed) == 2:
            raise KeyboardInterrupt
        return steps(self, *rest)

    monkeypatch.setattr(script.Run, "train_one_epoch", stop)
    with pytest.raises(KeyboardInterrupt):
        pretrain(tmp_path, *MIXED)
    pretrain(tmp_path, *MIXED, "--resume")
    assert resumed == [0, 1, 1]
    assert_same_run(tmp_path, run)


@pytest.mark.parametrize(("name", "options"), [("averaged", MIXED), ("plain", ())])
def test_the_exported_weights_are_the_averaged_ones_or_without_an_average_the_models(
    name, options, mixed, uninterrupted, script, pretrain, tmp_path, monkeypatch
):
    monkeypatch.setattr(script, "match_spread", lambda *_: 0.0)  # would scale the last layers
    run = shutil.copytree(mixed[0] if name == "averaged" else uninterrupted, tmp_path / "run")
    pretrain(run, "--export", *options)
    state = checkpoint(run)
    average = {key.removeprefix("module."): tensor for key, tensor in state["average"].items()}
    due = average if name == "averaged" else state["model"]
    for key, exported in shipped(run).items():
        assert torch.equal(exported, due[key].to(exported.dtype)), key
    same = torch.equal(average["features.0.0.weight"], state["model"]["features.0.0.weight"])
    assert same == (name == "plain")


def test_matching_the_spread_leaves_the_scores_as_they_are(script):
    trained, images = read_course_weights(), torch.randn(16, 3, 64, 64)
    model = mobilenet_v2(num_classes=len(trained.classes), dropout=0.0)
    model.load_state_dict(trained.state_dict)
    with torch.no_grad():
        assert script.match_spread(model, images, 0.001) == 0  # too small for ReLU6 to cut anything
        _, before = script.features_and_logits(model, images)
        script.match_spread(model, images, 0.002)
        features, after = script.features_and_logits(model, images)
    assert features.std(dim=0).mean().item() == pytest.approx(0.002)
    torch.testing.assert_close(after, before, atol=1e-3, rtol=1e-3)


def test_the_average_is_the_documented_one(pretrain, tmp_path, monkeypatch):
    """`average = 0.9 * average + 0.1 * model` after every step, from the first weights on."""
    update, due = torch.optim.swa_utils.AveragedModel.update_parameters, {}

    def watched(self, model):
        now = model.classifier[1].weight.detach().clone()
        due["weight"] = now if not due else 0.9 * due["weight"] + 0.1 * now
        update(self, model)

    monkeypatch.setattr(torch.optim.swa_utils.AveragedModel, "update_parameters", watched)
    pretrain(tmp_path, *MIXED)
    torch.testing.assert_close(checkpoint(tmp_path)["average"]["module.classifier.1.weight"], due["weight"])


@pytest.mark.parametrize("option", ["--mix", "--average"])
@pytest.mark.parametrize("value", ["1", "-0.1", "nan"])
def test_a_share_outside_its_range_is_refused(pretrain, tmp_path, option, value, capsys):
    with pytest.raises(SystemExit):
        pretrain(tmp_path, option, value)
    assert f"{value} is not in 0 to 1" in capsys.readouterr().err


# The teacher


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
def test_a_run_with_a_teacher_learns_something_else(pretrain, uninterrupted, tmp_path):
    pretrain(tmp_path, "--teacher")
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
