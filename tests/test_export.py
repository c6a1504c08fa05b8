"""An exported student: the preparation inside the file equals ours, and the file needs no PyTorch."""

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from course_utils import export
from course_utils.export import FromBytes, draw_graph, export_classifier, export_in_8_bits, open_exported
from course_utils.models import TransferClassifier
from course_utils.transforms import InputSpec, build_eval_transform, denormalize

REPOSITORY = Path(__file__).resolve().parent.parent
SPECS = {
    "cropped": InputSpec(image_size=32, resize_size=37, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25)),
    "squashed": InputSpec(image_size=32, resize_size=None),
}
CLASSES = ["Hut", "Schuh", "Kleid/日本", "T-Shirt"]
SIZES = ((40, 60), (61, 40), (37, 37), (32, 200), (300, 401), (7, 9), (1, 1), (38, 39), (41, 37))


def picture(height: int, width: int) -> np.ndarray:
    """A colourful picture (H, W, 3) with noise, that no flip leaves the same."""
    rows, columns = np.mgrid[0:height, 0:width]
    noise = np.random.default_rng(height * width).integers(0, 60, (height, width, 3))
    waves = np.stack([190 * rows / height, 190 * columns / width, 95 * (1 + np.sin(rows / 3 + columns / 5))], axis=2)
    return (waves + noise).astype(np.uint8)


def convolving_student(spec: InputSpec) -> TransferClassifier:
    """A classifier of few random weights whose answers depend on where things are in the picture."""
    layers = nn.Conv2d(3, 8, 5, stride=4), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 7 * 7, 1280)
    model = TransferClassifier(nn.Sequential(*layers), classes=CLASSES, spec=spec, source="a test")
    with torch.no_grad():
        model.head.weight.mul_(10)
    return model


def asked(model: TransferClassifier, array: np.ndarray) -> np.ndarray:
    """The probabilities by hand: Pillow resizes, PyTorch answers."""
    with torch.no_grad():
        logits = model(build_eval_transform(model.spec)(Image.fromarray(array)).unsqueeze(0))
    return (logits.exp() / logits.exp().sum())[0].numpy()


@pytest.fixture(scope="module", params=SPECS)
def exported(request, tmp_path_factory):
    pytest.importorskip("onnxscript", reason="the extra `export` is missing")
    pytest.importorskip("onnxruntime", reason="the extra `export` is missing")
    torch.manual_seed(3)
    model = convolving_student(SPECS[request.param])
    path = tmp_path_factory.mktemp("export") / "stüdent.onnx"
    export_classifier(path, model)
    return path, model


class Prepared(FromBytes):
    """What the network gets, in place of what it says."""

    def forward(self, picture):
        return self.resized(picture.permute(2, 0, 1).unsqueeze(0))[0]


@pytest.mark.parametrize("spec", SPECS.values(), ids=SPECS)
def test_the_file_prepares_a_picture_as_pillow_does_to_one_step_of_255(spec, tmp_path):
    pytest.importorskip("onnxscript", reason="the extra `export` is missing")
    draw_graph(Prepared(nn.Linear(1, 1), spec)).save(tmp_path / "pixels.onnx")
    prepare = open_exported(tmp_path / "pixels.onnx")
    for size in SIZES:
        array = picture(*size)
        due = denormalize(build_eval_transform(spec)(Image.fromarray(array)), spec) * 255
        difference = (torch.from_numpy(prepare(array)).float() - due).abs()
        assert difference.max() <= 1.01, size
        assert (difference > 0.01).float().mean() < (0.25 if size == (61, 40) else 0.02), size  # there halves abound


def test_a_picture_of_any_size_gets_the_probabilities_that_pytorch_gives(exported):
    path, model = exported
    answer = open_exported(path)
    for size in SIZES:
        array = picture(*size)
        assert np.abs(answer(array) - asked(model, array)).max() < 0.01, size
    assert np.ptp([answer(picture(*size))[0] for size in SIZES]) > 0.1, "all pictures get one answer"


def test_the_file_says_what_it_takes_and_gives_and_the_names(exported):
    import onnxruntime

    session = onnxruntime.InferenceSession(exported[0])
    (taken,), (given,) = session.get_inputs(), session.get_outputs()
    assert (taken.name, taken.type, taken.shape[2]) == ("picture", "tensor(uint8)", 3)
    assert (given.name, given.type, given.shape) == ("probabilities", "tensor(float)", [len(CLASSES)])
    said = session.get_modelmeta().custom_metadata_map
    assert json.loads(said["classes"]) == CLASSES
    assert said["source"] == "a test"


def test_the_file_tells_nothing_of_the_machine_that_wrote_it(exported):
    content = exported[0].read_bytes()
    for betrayal in (b"pkg.torch", str(REPOSITORY).encode(), b"site-packages", b".py"):
        assert betrayal not in content


def test_the_model_stays_as_it_was(exported):
    model = exported[1]
    assert model.training
    assert all(parameter.device.type == "cpu" for parameter in model.parameters())


def test_8_bits_take_less_space_and_give_nearly_the_same_answers(exported, tmp_path):
    path, _ = exported
    pictures = [picture(40 + number, 60 - number) for number in range(20)]
    export_in_8_bits(tmp_path / "small.onnx", path, iter(pictures))
    assert (tmp_path / "small.onnx").stat().st_size < 0.4 * path.stat().st_size
    small, whole = open_exported(tmp_path / "small.onnx"), open_exported(path)
    differences = [np.abs(small(array) - whole(array)).max() for array in pictures]
    assert 0 < max(differences) < 0.3
    assert [file.name for file in tmp_path.iterdir()] == ["small.onnx"]


WITHOUT = """
import sys

class Refuse:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in ("torch", "torchvision", "course_utils", "onnx", "onnxscript", "matplotlib"):
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Refuse())
sys.path = [folder for folder in sys.path if "course_utils" not in folder]
"""


def test_the_lines_of_the_page_answer_where_there_is_no_pytorch(exported, tmp_path):
    path, model = exported
    (tmp_path / "student.onnx").write_bytes(path.read_bytes())
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera lay on its side
    Image.fromarray(np.rot90(picture(40, 60))).save(tmp_path / "photo.png", exif=exif)
    (code,) = re.findall(r"```python\n(.*?)```", (REPOSITORY / "docs" / "without_pytorch.md").read_text("utf-8"), re.S)
    (tmp_path / "use.py").write_text(WITHOUT + code, encoding="utf-8")
    command = [sys.executable, "-X", "utf8", "use.py", "photo.png"]
    run = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, encoding="utf-8", check=False)
    assert run.returncode == 0, run.stderr
    due = sorted(zip(asked(model, picture(40, 60)), CLASSES, strict=True), reverse=True)
    said = dict(line.rsplit(": ", 1) for line in run.stdout.splitlines())
    assert list(said) == [name for _, name in due]
    assert float(said[due[0][1]].rstrip("%")) == pytest.approx(100 * due[0][0], abs=0.2)


def test_a_missing_library_is_named_with_the_command_that_installs_it(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    monkeypatch.setattr(export, "install", lambda *names: "pip install " + " ".join(names))
    with pytest.raises(export.MissingLibraryError, match=r"needs onnxscript: pip install onnx onnxscript onnxruntime$"):
        export_classifier(tmp_path / "student.onnx", convolving_student(SPECS["squashed"]))
    assert not list(tmp_path.iterdir())


def test_the_libraries_are_those_of_the_extra():
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    listed = [requirement.split(">=")[0] for requirement in project["optional-dependencies"]["export"]]
    assert tuple(listed) == export.LIBRARIES
