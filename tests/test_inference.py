"""One picture in, names and probabilities out; a model into a file and back."""

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision.models import mobilenet_v2

from course_utils.inference import load_classifier, predict_topk, save_classifier
from course_utils.models import PretrainedClassifier, TransferClassifier, build_classifier, count_parameters
from course_utils.plain import write_plain
from course_utils.transforms import InputSpec, build_eval_transform

CLASSES = ["dress", "hat", "pants", "shirt"]
SPEC = InputSpec(image_size=32, resize_size=36, mean=(0.4, 0.5, 0.6), std=(0.2, 0.3, 0.25))


@pytest.fixture(scope="module")
def built():
    model = build_classifier(4, weights=None, dropout=0.5, classes=CLASSES, freeze_backbone=False)
    model.spec = SPEC
    with torch.no_grad():
        model.head[-1].weight.mul_(50)
        model(torch.randn(4, 3, 32, 32))  # moves the BatchNorm statistics
    return model


@pytest.fixture
def model(built):
    """A classifier of random weights whose answers are far apart."""
    return copy.deepcopy(built)


@pytest.fixture
def picture():
    """A colourful picture (H, W, 3) of 40 x 60 pixels that no flip or turn leaves the same."""
    rows, columns = np.mgrid[0:40, 0:60]
    return np.stack([rows * 6, columns * 4, (rows * columns) % 256], axis=2).astype(np.uint8)


def reference(model, image):
    """The answers of a hand-written forward pass, as a dict from name to probability."""
    model.eval()
    with torch.no_grad():
        logits = model(build_eval_transform(SPEC)(image).unsqueeze(0))
    probabilities = logits.exp() / logits.exp().sum()
    return dict(zip(CLASSES, probabilities[0].tolist(), strict=True))


# Pictures of every kind


def test_predictions_equal_a_hand_written_forward_pass(model, picture):
    expected = reference(model, Image.fromarray(picture))
    model.train()
    predictions = predict_topk(model, Image.fromarray(picture), k=4)
    assert dict(predictions) == pytest.approx(expected, rel=1e-4)
    assert [prediction.name for prediction in predictions] == sorted(expected, key=expected.get, reverse=True)
    assert sum(prediction.probability for prediction in predictions) == pytest.approx(1)
    assert predict_topk(model, Image.fromarray(picture), k=2) == predictions[:2]


def test_the_same_picture_gives_the_same_answer_in_every_form(model, picture, tmp_path):
    path = tmp_path / "Bild mit Lücke.png"
    Image.fromarray(picture).save(path)
    tensor = torch.from_numpy(picture).permute(2, 0, 1)
    expected = predict_topk(model, Image.fromarray(picture), k=4)
    normalized = build_eval_transform(SPEC)(Image.fromarray(picture))
    for form in (path, str(path), picture, tensor, tensor.contiguous(), normalized):
        assert predict_topk(model, form, k=4) == expected


def test_a_picture_lying_on_its_side_is_turned_upright(model, picture, tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was held upright: turn by 90 degrees clockwise to view
    path = tmp_path / "turned.png"
    Image.fromarray(np.rot90(picture)).save(path, exif=exif)
    expected = predict_topk(model, picture, k=4)
    assert predict_topk(model, path, k=4) == expected
    with Image.open(path) as image:
        assert predict_topk(model, image, k=4) == expected


def test_a_grey_picture_is_taken_as_rgb(model, picture):
    grey = Image.fromarray(picture[:, :, 2])
    assert predict_topk(model, grey, k=4) == predict_topk(model, np.stack([picture[:, :, 2]] * 3, axis=2), k=4)


@pytest.mark.parametrize(
    ("image", "error", "message"),
    [
        (np.zeros((2, 8, 8, 3), np.uint8), ValueError, r"got an array \(2, 8, 8, 3\).*batch"),
        (np.zeros((8, 8), np.uint8), ValueError, r"got an array \(8, 8\).*grey"),
        (np.zeros((3, 8, 8), np.uint8), ValueError, r"got an array \(3, 8, 8\).*arrays last"),
        (np.zeros((8, 8, 3), np.float32), ValueError, "uint8, got float32"),
        (torch.zeros(2, 3, 8, 8), ValueError, r"got a tensor \(2, 3, 8, 8\).*batch"),
        (torch.zeros(8, 8, 3), ValueError, r"got a tensor \(8, 8, 3\).*tensors they come first"),
        (torch.zeros(3, 8, 8, dtype=torch.int64), ValueError, "uint8, got int64"),
        ([[0]], TypeError, "got list"),
        ("no such file.png", FileNotFoundError, "no such file.png"),
    ],
)
def test_what_is_no_single_picture_is_refused_with_a_hint(model, image, error, message):
    with pytest.raises(error, match=message):
        predict_topk(model, image, k=1)


@pytest.mark.parametrize("k", [0, -1, 5, 2.5])
def test_k_must_fit_the_number_of_classes(model, picture, k):
    with pytest.raises(ValueError, match=f"k={k}: the model tells 4 classes apart, choose 1 to 4"):
        predict_topk(model, picture, k=k)


def test_without_k_five_classes_are_named_or_all_of_fewer(model, picture):
    assert predict_topk(model, picture) == predict_topk(model, picture, k=4)
    model.classes = list("abcdefg")
    model.head = nn.Linear(1280, 7)
    assert predict_topk(model, picture) == predict_topk(model, picture, k=7)[:5]


def test_a_model_with_more_outputs_than_names_is_refused(model, picture):
    model.head = nn.Linear(1280, 5)
    with pytest.raises(ValueError, match=r"answer has the shape \(1, 5\), its names are 4"):
        predict_topk(model, picture)


def test_probabilities_are_warned_of_as_in_training(model, picture):
    model.head.append(nn.Softmax(dim=1))
    with pytest.warns(UserWarning, match="probabilities"):
        predict_topk(model, picture)


def test_warnings_point_at_the_learners_line(model):
    with pytest.warns(UserWarning, match="unnormalised") as caught:
        predict_topk(model, torch.rand(3, 32, 32))
    assert [warning.filename for warning in caught] == [__file__]
    model.head.append(nn.Softmax(dim=1))
    with pytest.warns(UserWarning, match="probabilities") as caught:
        predict_topk(model, torch.randn(3, 32, 32))
    assert [warning.filename for warning in caught] == [__file__]


def test_a_model_without_class_names_is_refused(picture):
    with pytest.raises(TypeError, match=r"needs a model with \.spec and \.classes; Linear lacks them"):
        predict_topk(nn.Linear(2, 2), picture)
    for lacking in ({"spec": SPEC}, {"classes": CLASSES}):
        network = nn.Linear(2, 2)
        vars(network).update(lacking)
        with pytest.raises(TypeError, match="Linear lacks them"):
            predict_topk(network, picture)


# What happens to the model


def modes(model):
    return [module.training for module in model.modules()]


def test_prediction_runs_in_eval_without_gradients_and_restores_every_mode(model, picture):
    model.train()
    model.backbone.features[3].eval()
    before, seen = modes(model), []
    model.head.register_forward_pre_hook(lambda *_: seen.append((any(modes(model)), torch.is_grad_enabled())))
    predict_topk(model, picture, k=1)
    assert seen == [(False, False)]
    assert modes(model) == before
    assert torch.is_grad_enabled()


def test_the_mode_is_restored_after_an_error(model, picture):
    model.train()
    model.backbone.features[3].eval()
    before = modes(model)

    def fail(*_):
        raise KeyError("out of memory")

    model.head.register_forward_pre_hook(fail)
    with pytest.raises(KeyError):
        predict_topk(model, picture, k=1)
    assert modes(model) == before


def test_prediction_follows_the_models_number_type(model, picture):
    expected = dict(predict_topk(model, picture, k=4))
    assert dict(predict_topk(model.double(), picture, k=4)) == pytest.approx(expected, rel=1e-3)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="No CUDA device")
def test_a_model_on_the_gpu_predicts_and_its_file_loads_on_the_cpu(model, picture, tmp_path):
    expected = dict(predict_topk(model, picture, k=4))
    model.to("cuda")
    assert dict(predict_topk(model, picture, k=4)) == pytest.approx(expected, rel=1e-2)
    save_classifier(tmp_path / "model.pt", model)
    assert next(model.parameters()).is_cuda
    assert dict(predict_topk(load_classifier(tmp_path / "model.pt"), picture, k=4)) == pytest.approx(expected, rel=1e-5)


# Files


@pytest.mark.parametrize("head", [{}, {"dropout": 0.3}, {"hidden_size": 16}, {"hidden_size": 16, "dropout": 0.3}])
def test_a_saved_classifier_comes_back_equal(tmp_path, head):
    model = build_classifier(4, weights=None, classes=CLASSES, **head).eval()
    model.spec = SPEC
    save_classifier(tmp_path / "model.pt", model)
    loaded = load_classifier(tmp_path / "model.pt")
    pictures = torch.randn(2, 3, 32, 32)
    assert torch.equal(loaded(pictures), model(pictures))
    assert (loaded.spec, loaded.classes, loaded.source) == (SPEC, CLASSES, "random initial weights")
    assert repr(loaded) == repr(model)
    assert not any(modes(loaded))
    assert count_parameters(loaded) == count_parameters(model)


def test_a_fresh_process_gives_the_same_logits(model, tmp_path):
    model.eval()
    path, result = tmp_path / "mein Modell ä.pt", tmp_path / "logits.pt"
    save_classifier(path, model)
    pictures = torch.randn(2, 3, 32, 32)
    torch.save(pictures, tmp_path / "pictures.pt")
    code = (
        "import sys, torch; from course_utils.inference import load_classifier; "
        "model = load_classifier(sys.argv[1]); torch.save(model(torch.load(sys.argv[2])).detach(), sys.argv[3])"
    )
    repository = Path(__file__).resolve().parent.parent
    subprocess.run([sys.executable, "-c", code, path, tmp_path / "pictures.pt", result], check=True, cwd=repository)
    with torch.no_grad():
        torch.testing.assert_close(torch.load(result), model(pictures), rtol=1e-6, atol=1e-6)


def test_saving_neither_moves_nor_changes_the_model(model, tmp_path):
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    mode = modes(model)
    save_classifier(tmp_path / "model.pt", model)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert modes(model) == mode


def change_head(model):
    model.head = nn.Sequential(nn.Dropout(0.5), nn.Linear(1280, 4, bias=False))


def change_block(model):
    model.backbone.features[17] = nn.Conv2d(160, 320, 1)


def change_stride(model):
    model.backbone.features[0][0].stride = (1, 1)


def change_activation(model):
    model.backbone.features[0][2] = nn.ReLU()


def add_a_buffer(model):
    model.register_buffer("seen", torch.zeros(3))


def add_a_name(model):
    model.classes.append("one more")


@pytest.mark.parametrize(
    ("change", "difference"),
    [
        (change_head, "head.1.bias is missing, due is (4,)"),
        (change_block, "backbone.features.17.conv.0.0.weight is missing"),
        (change_stride, "backbone.features.0.0 is Conv2d(3, 32, kernel_size=(3, 3), stride=(1, 1)"),
        (change_activation, "backbone.features.0.2 is ReLU(), due is ReLU6(inplace=True)"),
        (add_a_buffer, "seen is (3,), due is nothing"),
        (add_a_name, "head.1.weight is (4, 1280), due is (5, 1280)"),
    ],
)
def test_a_model_that_could_not_be_built_again_is_not_saved(model, tmp_path, change, difference):
    change(model)
    said = r"^load_classifier could not build this model again\. (The model's state_dict\(\) does not|A part of it has)"
    with pytest.raises(ValueError, match=said) as error:
        save_classifier(tmp_path / "model.pt", model)
    assert difference in str(error.value)
    assert str(error.value).endswith("Keep the code that makes it, and torch.save(model.state_dict(), path).")
    assert list(tmp_path.iterdir()) == []


def test_a_class_of_ones_own_is_not_saved_as_another(model, tmp_path):
    class Doubled(TransferClassifier):
        def forward(self, images):
            return 2 * super().forward(images)

    model.__class__ = Doubled
    with pytest.raises(ValueError, match="the model is Doubled"):
        save_classifier(tmp_path / "model.pt", model)


def test_another_kind_of_model_is_not_saved(tmp_path):
    pretrained = PretrainedClassifier(mobilenet_v2(num_classes=4), spec=SPEC, classes=CLASSES, source="test")
    with pytest.raises(TypeError, match="not a PretrainedClassifier"):
        save_classifier(tmp_path / "model.pt", pretrained)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"no file .*nowhere\.pt"):
        load_classifier(tmp_path / "nowhere.pt")


def test_a_foreign_file_is_refused_by_name(model, tmp_path):
    path = tmp_path / "model.pt"
    torch.save(model.state_dict(), path)
    with pytest.raises(
        ValueError, match=r"model\.pt was not written by save_classifier \(format None, expected 'course"
    ):
        load_classifier(path)
    write_plain(path, {"format": 2})
    told = r"\(format 2, .*\)\. A training checkpoint or a state_dict goes back into the model it came from\.$"
    with pytest.raises(ValueError, match=told):
        load_classifier(path)
    torch.save(model, path)
    with pytest.raises(ValueError, match=r"model\.pt is whole, but holds"):
        load_classifier(path)
    path.write_text("not a model", encoding="utf-8")
    with pytest.raises(ValueError, match=r"model\.pt cannot be read"):
        load_classifier(path)


def test_a_failed_save_leaves_the_old_file(model, tmp_path, monkeypatch):
    path = tmp_path / "model.pt"
    write_plain(path, {"kept": 1})

    def full(self, data):
        with self.open("wb") as file:
            file.write(data[:100])
        raise OSError("disk full")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="disk full"):
        save_classifier(path, model)
    assert torch.load(path, weights_only=True) == {"kept": 1}
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_in_the_home_folder_is_written_and_read_there(model, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    save_classifier("~/model.pt", model)
    assert [path.name for path in tmp_path.iterdir()] == ["model.pt"]
    assert load_classifier("~/model.pt").classes == CLASSES


def test_numpys_values_are_saved_as_plain_ones(tmp_path):
    sizes = np.array([8, 16])
    model = build_classifier(
        2, weights=None, hidden_size=sizes[0], dropout=np.float64(0.25), classes=np.array(["a", "b"])
    )
    model.spec = InputSpec(np.int64(32), mean=np.array([0.4, 0.5, 0.6]))
    save_classifier(tmp_path / "model.pt", model)
    loaded = load_classifier(tmp_path / "model.pt")
    assert (loaded.hidden_size, loaded.dropout, loaded.classes) == (8, 0.25, ["a", "b"])
    assert loaded.spec == InputSpec(32, mean=(0.4, 0.5, 0.6))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"classes": ["dress"]}, r"its state_dict does not fit this network: head.1.weight is \(4, 1280\)"),
        ({"head": {}}, "'hidden_size'"),
        ({"spec": {"image_size": 32}}, "InputSpec"),
        ({"state_dict": None}, "NoneType"),
    ],
)
def test_a_whole_file_that_describes_no_model_is_never_called_damaged(model, tmp_path, change, words):
    path = tmp_path / "model.pt"
    save_classifier(path, model)
    write_plain(path, torch.load(path, weights_only=True) | change)
    with pytest.raises(ValueError, match=rf"model\.pt is whole, but holds no model .*{words}"):
        load_classifier(path)


def test_a_file_that_still_names_its_number_of_classes_is_read(model, tmp_path):
    path = tmp_path / "model.pt"
    save_classifier(path, model)
    stored = torch.load(path, weights_only=True)
    write_plain(path, stored | {"head": stored["head"] | {"num_classes": 4}})
    assert load_classifier(path).classes == CLASSES
