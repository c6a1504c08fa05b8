"""What the measurements work on: the drawn garments and the course's weights (quick), photos and ImageNet (full)."""

from typing import NamedTuple

import torch
from torch.utils.data import DataLoader, TensorDataset

from course_utils import DataLoaders, build_classifier, make_dataloaders
from course_utils.pictures import catalog
from course_utils.transforms import build_eval_transform


class Material(NamedTuple):
    """A data set and a kind of weights, and what to call them in the table."""

    dataset: str
    weights: str
    name: str

    def classifier(self, *, frozen: bool = True):
        """A classifier of ten garments with a new head."""
        return build_classifier(10, weights=self.weights, freeze_backbone=frozen)

    def loaders(self) -> DataLoaders:
        """Loaders without augmentation, which read each picture from its file each time."""
        look = build_eval_transform(self.classifier().spec)
        return make_dataloaders(catalog.clothing(self.dataset), train_transform=look, eval_transform=look)

    def in_memory(self, num_pictures: int, *, batch_size: int = 32) -> DataLoader:
        """The first practice pictures as tensors: reading files is not what is measured."""
        dataset = self.loaders().train_eval.dataset
        step = len(dataset) // num_pictures
        images, labels = zip(*(dataset[index * step] for index in range(num_pictures)), strict=True)
        return DataLoader(TensorDataset(torch.stack(images), torch.tensor(labels)), batch_size=batch_size)


QUICK = Material("drawn", "course", "1,000 drawn garments, course weights")
FULL = Material("photos", "imagenet", "3,068 clothing photos, ImageNet weights at 224 px")
