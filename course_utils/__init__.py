"""The helper package of "The student goes to school": what the lessons write once, tested, ready to import.

Each module belongs to a lesson and says so in its first line. Plots (`course_utils.plotting`) and sliders
(`course_utils.widgets`) are imported on their own, so that `import course_utils` loads neither matplotlib nor
ipywidgets.

Names are loaded when they are first asked for: so `course doctor` can speak where torch is missing or broken.
"""

from importlib import import_module
from typing import Any

__version__ = "0.1.0"

# Which module holds each public name.
_NAMES = {
    "pictures.catalog": ("clothing", "instruments"),
    "datasets": ("DataLoaders", "ImageFolderDataset", "make_dataloaders"),
    "classroom.doctor": ("check_environment",),
    "evaluation": ("Predictions", "confusion_matrix", "per_class_recall", "predict"),
    "features": ("Notes", "extract_features"),
    "report.history": ("History",),
    "inference": ("Prediction", "load_classifier", "predict_topk", "save_classifier"),
    "pictures.messy": ("make_messy_folder",),
    "report.metrics": ("Metrics", "standard_error", "wilson_interval"),
    "models": (
        "PretrainedClassifier",
        "TransferClassifier",
        "build_classifier",
        "count_parameters",
        "freeze",
        "load_pretrained",
        "split_for_fine_tuning",
        "unfreeze",
        "unfreeze_last_blocks",
    ),
    "runtime": ("get_device", "set_seed"),
    "pictures.scan": ("scan_images",),
    "pictures.scan_report": ("ScanReport",),
    "pictures.splitting": ("split_folder",),
    "training": ("evaluate", "train_model", "train_one_epoch"),
    "transforms": ("InputSpec", "build_eval_transform", "build_train_transform", "denormalize", "load_image"),
    "tuning": ("learning_rate_range_test", "sweep_learning_rates"),
}
_HOME = {name: module for module, names in _NAMES.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"course_utils.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *__all__]
