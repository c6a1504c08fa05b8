"""Measure a backbone: its marks on Tiny ImageNet by class, and how well its frozen features tell clothes apart.

    python tools/evaluate_backbone.py --run runs/backbone --probe data/clothing-dataset-small-master

reads `weights.pt`, `metrics.csv` and `pictures.pt` of a run of `pretrain_backbone.py`, and prints top-1, top-5, the
best and worst ten classes, top-1 at sizes within a quarter of its own, and, side by side for this backbone, for
ImageNet's and for random weights, two probes on each folder of pictures given (with `train/` and `validation/`): a
linear head trained as in the lessons (ten epochs, Adam 0.001, batch 32, three seeds), and a logistic regression on
standardised features. `--curve FILE.png` draws the run's curve for the model card, `--calibration FILE.csv` writes how
often the network is right when it is so and so sure.
"""

import argparse
import csv
import statistics
from pathlib import Path
from typing import NamedTuple

import torch
from pretrain_backbone import normalize, resize
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from torch import Tensor, nn

from course_utils.datasets import ImageFolderDataset
from course_utils.folding import fold_batch_norm
from course_utils.models import PretrainedClassifier, build_classifier, build_pretrained, load_pretrained
from course_utils.pretrained import read_weights
from course_utils.runtime import atomic_write, progress_bar
from course_utils.transforms import InputSpec, build_eval_transform


class Answers(NamedTuple):
    """What a network said in an exam of N pictures: probabilities (N, C), and the labels (N,)."""

    probabilities: Tensor
    labels: Tensor

    def top(self, k: int) -> float:
        """The share of pictures whose label is among the k likeliest answers."""
        return (self.probabilities.topk(k).indices == self.labels[:, None]).any(dim=1).float().mean().item()

    def by_class(self) -> Tensor:
        """The share right of each class that the exam shows."""
        right = self.probabilities.argmax(dim=1) == self.labels
        return torch.stack([right[self.labels == label].float().mean() for label in self.labels.unique()])

    def calibration(self, num_bins: int = 10) -> list[dict[str, float]]:
        """Bins of equal width of the first answer's probability: how many pictures, how sure, how often right."""
        stated, answer = self.probabilities.max(dim=1)
        right, rows = (answer == self.labels).float(), []
        for number in range(num_bins):
            inside = (stated > number / num_bins) & (stated <= (number + 1) / num_bins)
            if inside.any():
                means = {"stated": stated[inside].mean().item(), "right": right[inside].mean().item()}
                rows.append({"pictures": int(inside.sum())} | {name: round(mean, 4) for name, mean in means.items()})
        return rows


@torch.no_grad()
def sit_exam(network: nn.Module, run: Path, side: int, limit: int | None = None) -> Answers:
    """Let a network answer the mock exam's pictures (the first `limit`) at `side` pixels, in evaluation mode."""
    pictures = torch.load(run / "pictures.pt", weights_only=True, mmap=True)
    images, labels = pictures["val_images"][:limit], pictures["val_labels"][:limit]
    fused = fold_batch_norm(network.eval()).to(memory_format=torch.channels_last)
    logits = [
        fused(resize(normalize(batch), side).contiguous(memory_format=torch.channels_last))
        for batch in progress_bar(images.split(200), description=f"Mock exam at {side} px")
    ]
    return Answers(torch.cat(logits).softmax(dim=1), labels)


@torch.no_grad()
def folder_features(backbone: nn.Module, spec: InputSpec, root: Path) -> tuple[Tensor, Tensor]:
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


def probe(name: str, backbone: nn.Module, spec: InputSpec, folder: Path) -> None:
    """Print one row: spread of the features, both probes on the validation pictures."""
    train, val = (folder_features(backbone, spec, folder / split) for split in ("train", "validation"))
    heads = [linear_head(train, val, seed) for seed in range(3)]
    scaler = StandardScaler().fit(train[0].numpy())
    regression = LogisticRegression(C=0.01, max_iter=1000).fit(scaler.transform(train[0].numpy()), train[1].numpy())
    score = regression.score(scaler.transform(val[0].numpy()), val[1].numpy())
    print(
        f"{name:28} {spec.image_size:4} px  spread {train[0].std(dim=0).mean():.2f}  "
        f"linear head {statistics.mean(heads):.3f} ± {statistics.stdev(heads):.3f}  logistic regression {score:.3f}",
        flush=True,
    )


def probe_all(course: PretrainedClassifier, folder: Path, *, sides: list[int], only_course: bool) -> None:
    """Print a row for this backbone at each size, and, for comparison, for ImageNet's and for random weights."""
    for side in sides:
        probe("course", course.backbone, course.spec._replace(image_size=side, resize_size=side), folder)
    if only_course:
        return
    imagenet = load_pretrained("imagenet")
    probe(imagenet.source[:28], imagenet.backbone, imagenet.spec, folder)
    torch.manual_seed(0)
    random = build_classifier(10, weights=None)
    for side in (*sides[:1], 224):
        probe("random weights", random.backbone, course.spec._replace(image_size=side, resize_size=side), folder)


def write_table(file: Path, rows: list[dict[str, float]]) -> None:
    with atomic_write(file) as temporary, temporary.open("w", newline="", encoding="utf-8") as opened:
        writer = csv.DictWriter(opened, fieldnames=list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


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
    parser.add_argument("--probe", type=Path, nargs="*", default=[], help="folders with train/ and validation/")
    parser.add_argument("--sides", type=int, nargs="*", help="further picture sizes to probe at")
    parser.add_argument("--only-course", action="store_true", help="leave ImageNet's and random weights out")
    parser.add_argument("--curve", type=Path)
    parser.add_argument("--calibration", type=Path)
    args = parser.parse_args()
    course = build_pretrained(read_weights(args.run / "weights.pt"))
    side = course.spec.image_size
    exam = sit_exam(course, args.run, side)
    per_class = exam.by_class()
    print(f"top-1 {exam.top(1):.4f}  top-5 {exam.top(5):.4f} at {side} px")
    order = per_class.argsort(descending=True)
    for title, rows in (("best ten", order[:10]), ("worst ten", order[-10:])):
        print(f"{title}: " + ", ".join(f"{course.classes[row]} {per_class[row]:.0%}" for row in rows))
    for other in range(side * 3 // 4, side * 5 // 4 + 1, side // 8):
        print(f"top-1 of the first 2,000 at {other} px: {sit_exam(course, args.run, other, limit=2000).top(1):.3f}")
    if args.curve:
        draw_curve(args.run / "metrics.csv", args.curve)
    if args.calibration:
        write_table(args.calibration, exam.calibration())
    for folder in args.probe:
        print(folder.name)
        probe_all(course, folder, sides=[side, *(args.sides or [])], only_course=args.only_course)


if __name__ == "__main__":
    main()
