"""The helper package of "The student goes to school": what the lessons write once, tested, ready to import.

Each module belongs to a lesson and says so in its first line. Plots (`course_utils.plotting`) and sliders
(`course_utils.widgets`) are imported on their own, so that `import course_utils` loads neither matplotlib nor
ipywidgets.
"""

from course_utils.catalog import clothing
from course_utils.datasets import DataLoaders, ImageFolderDataset, make_dataloaders
from course_utils.evaluation import Predictions, confusion_matrix, per_class_recall, predict
from course_utils.features import extract_features
from course_utils.history import History
from course_utils.inference import Prediction, load_classifier, predict_topk, save_classifier
from course_utils.messy import make_messy_folder
from course_utils.metrics import Metrics, standard_error
from course_utils.models import (
    PretrainedClassifier,
    TransferClassifier,
    build_classifier,
    count_parameters,
    freeze,
    load_pretrained,
    unfreeze,
    unfreeze_last_blocks,
)
from course_utils.runtime import get_device, set_seed
from course_utils.scan import ScanReport, scan_images
from course_utils.training import evaluate, train_model, train_one_epoch
from course_utils.transforms import (
    InputSpec,
    build_eval_transform,
    build_train_transform,
    denormalize,
    load_image,
    steps,
)
from course_utils.tuning import learning_rate_range_test, sweep_learning_rates

__version__ = "0.1.0"

__all__ = [
    "DataLoaders",
    "History",
    "ImageFolderDataset",
    "InputSpec",
    "Metrics",
    "Prediction",
    "Predictions",
    "PretrainedClassifier",
    "ScanReport",
    "TransferClassifier",
    "build_classifier",
    "build_eval_transform",
    "build_train_transform",
    "clothing",
    "confusion_matrix",
    "count_parameters",
    "denormalize",
    "evaluate",
    "extract_features",
    "freeze",
    "get_device",
    "learning_rate_range_test",
    "load_classifier",
    "load_image",
    "load_pretrained",
    "make_dataloaders",
    "make_messy_folder",
    "per_class_recall",
    "predict",
    "predict_topk",
    "save_classifier",
    "scan_images",
    "set_seed",
    "standard_error",
    "steps",
    "sweep_learning_rates",
    "train_model",
    "train_one_epoch",
    "unfreeze",
    "unfreeze_last_blocks",
]
