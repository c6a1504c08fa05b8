"""Pictures that need no network: things drawn by the package, the same bytes for the same seed on one machine."""

from .garments import CLASSES, PROPORTIONS, SPLIT_SIZES, class_counts, draw_dataset, draw_garment, worker_per_core

__all__ = [
    "CLASSES",
    "PROPORTIONS",
    "SPLIT_SIZES",
    "class_counts",
    "draw_dataset",
    "draw_garment",
    "worker_per_core",
]
