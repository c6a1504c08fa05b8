"""Measure a backbone: its marks on Tiny ImageNet by class, and how well its frozen features tell clothes apart.

    python tools/evaluate_backbone.py --run runs/backbone --photos data/clothing-dataset-small-master

reads `weights.pt`, `metrics.csv` and `pictures.pt` of a run of `pretrain_backbone.py`, and prints top-1, top-5, the
best and worst ten classes, and, side by side for this backbone, for ImageNet's and for random weights, two probes on
the clothing photos: a linear head trained as in the lessons (ten epochs, Adam 0.001, batch 32, three seeds), and a
logistic regression on standardised features. `--curve FILE.png` draws the run's curve for the model card.
"""

import argparse
import csv
import statistics
from pathlib import Path

import torch
from pretrain_backbone import normalize, resize
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from course_utils.datasets import ImageFolderDataset
from course_utils.features import fold_batch_norm
from course_utils.models import build_classifier, build_pretrained, load_pretrained
from course_utils.pretrained import read_weights
from course_utils.runtime import progress_bar
from course_utils.transforms import InputSpec, build_eval_transform


@torch.no_grad()
def marks_by_class(network: nn.Module, run: Path, side: int) -> tuple[float, float, Tensor]:
    """Return top-1, top-5 and the accuracy of each class (C,) on the mock exam, in evaluation mode at `side` pixels."""
    pictures = torch.load(run / "pictures.pt", weights_only=True, mmap=True)
    images, labels = pictures["val_images"], pictures["val_labels"]
    fused = fold_batch_norm(network.eval()).to(memory_format=torch.channels_last)
    top5 = torch.cat(
        [
            fused(resize(normalize(batch), side).contiguous(memory_format=torch.channels_last)).topk(5).indices
            for batch in progress_bar(images.split(200), description="Mock exam")
        ]
    )
    hits = top5 == labels[:, None]
    per_class = torch.stack([hits[labels == label, 0].float().mean() for label in labels.unique()])
    return hits[:, 0].float().mean().item(), hits.any(dim=1).float().mean().item(), per_class


@torch.no_grad()
def photo_features(backbone: nn.Module, spec: InputSpec, root: Path) -> tuple[Tensor, Tensor]:
    """Return features (N, 1280) and labels (N,) of all pictures in a folder per class."""
    dataset = ImageFolderDataset(root, transform=build_eval_transform(spec))
    loader = torch.utils.data.DataLoader(dataset, batch_size=64)
    fused = fold_batch_norm(backbone.eval()).to(memory_format=torch.channels_last)
    parts = [
        (fused(images.contiguous(memory_format=torch.channels_last)), labels)
        for images, labels in progress_bar(loader, description=f"{root.name} at {spec.image_size} px")
    ]
    features, labels = zip(*parts, strict=True)
    return torch.cat(features), torch.cat(labels)


def linear_head(train: tuple[Tensor, Tensor], val: tuple[Tensor, Tensor], seed: int) -> float:
    """Train a linear head for ten epochs as the lessons do and return its accuracy on `val`."""
    torch.manual_seed(seed)
    (features, labels), (val_features, val_labels) = train, val
    head = nn.Linear(features.shape[1], int(labels.max()) + 1)
    optimizer = torch.optim.Adam(head.parameters(), lr=0.001)
    for _ in range(10):
        for rows in torch.randperm(len(labels)).split(32):
            loss = nn.functional.cross_entropy(head(features[rows]), labels[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    return (head(val_features).argmax(1) == val_labels).float().mean().item()


def probe(name: str, backbone: nn.Module, spec: InputSpec, photos: Path) -> None:
    """Print one row: spread of the features, both probes on the validation photos."""
    train, val = (photo_features(backbone, spec, photos / split) for split in ("train", "validation"))
    heads = [linear_head(train, val, seed) for seed in range(3)]
    scaler = StandardScaler().fit(train[0].numpy())
    regression = LogisticRegression(C=0.01, max_iter=1000).fit(scaler.transform(train[0].numpy()), train[1].numpy())
    score = regression.score(scaler.transform(val[0].numpy()), val[1].numpy())
    print(
        f"{name:28} {spec.image_size:4} px  spread {train[0].std(dim=0).mean():.2f}  "
        f"linear head {statistics.mean(heads):.3f} ± {statistics.stdev(heads):.3f}  logistic regression {score:.3f}",
        flush=True,
    )


def draw_curve(metrics: Path, file: Path) -> None:
    """Draw top-1 and loss by epoch from a run's metrics.csv."""
    from course_utils import plotting

    rows = list(csv.DictReader(metrics.open(encoding="utf-8")))
    epochs = [int(row["epoch"]) for row in rows]
    figure, (left, right) = plotting.new_figure(1, 2, height=3.2)
    left.plot(epochs, [100 * float(row["val_top1"]) for row in rows], marker="o", label="top-1")
    left.plot(epochs, [100 * float(row["val_top5"]) for row in rows], marker="s", linestyle="--", label="top-5")
    left.set(title="Mock exam", xlabel="epoch", ylabel="percent right", ylim=(0, None))
    left.legend()
    right.plot(epochs, [float(row["train_loss"]) for row in rows], marker="o", label="practice (all terms of the loss)")
    right.plot(epochs, [float(row["val_loss"]) for row in rows], marker="s", linestyle="--", label="mock exam")
    right.set(title="Loss", xlabel="epoch")
    right.legend()
    figure.savefig(file, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", type=Path, required=True)
    parser.add_argument("--photos", type=Path, help="the clothing photos: train/ and validation/")
    parser.add_argument("--sides", type=int, nargs="*", help="further picture sizes to probe at")
    parser.add_argument("--only-course", action="store_true", help="leave ImageNet's and random weights out")
    parser.add_argument("--curve", type=Path)
    args = parser.parse_args()
    course = build_pretrained(read_weights(args.run / "weights.pt"))
    spec = course.spec
    top1, top5, per_class = marks_by_class(course, args.run, spec.image_size)
    print(f"top-1 {top1:.4f}  top-5 {top5:.4f} at {spec.image_size} px")
    order = per_class.argsort(descending=True)
    for title, rows in (("best ten", order[:10]), ("worst ten", order[-10:])):
        print(f"{title}: " + ", ".join(f"{course.classes[row]} {per_class[row]:.0%}" for row in rows))
    if args.curve:
        draw_curve(args.run / "metrics.csv", args.curve)
    if args.photos:
        for side in [spec.image_size, *(args.sides or [])]:
            probe("course", course.backbone, spec._replace(image_size=side, resize_size=side), args.photos)
        if not args.only_course:
            imagenet = load_pretrained("imagenet")
            probe(imagenet.source[:28], imagenet.backbone, imagenet.spec, args.photos)
            torch.manual_seed(0)
            random = build_classifier(10, weights=None)
            for side in (64, 96, 224):
                probe("random weights", random.backbone, spec._replace(image_size=side, resize_size=side), args.photos)


if __name__ == "__main__":
    main()
