"""Pictures that need no network: things drawn by the package, the same bytes for the same seed on one machine."""

from .dataset import PROPORTIONS, SPLIT_SIZES, class_counts, draw_dataset, planned_files, worker_per_core
from .garments import CLASSES, DRAWING_VERSION, draw_garment

__all__ = [
    "CLASSES",
    "DRAWING_VERSION",
    "PROPORTIONS",
    "SPLIT_SIZES",
    "class_counts",
    "draw_dataset",
    "draw_garment",
    "planned_files",
    "worker_per_core",
]
