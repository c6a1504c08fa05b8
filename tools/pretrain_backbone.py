"""Train MobileNetV2 from random weights on Tiny ImageNet: the schooling of the course's own backbone.

    python tools/pretrain_backbone.py --data tiny-imagenet-200.zip --run runs/backbone

reads Tiny ImageNet in its public layout (a folder or a zip, JPEG or WebP), keeps everything of the run in one folder
(decoded pictures, a checkpoint after each epoch, `metrics.csv`), and ends with `weights.pt`, the file that ships as
`course_utils/weights/mobilenet_v2_tiny_imagenet.pt`. `--resume` continues an interrupted run exactly. A stage that is
written `64x8` trains eight epochs on 64x64 pixels. On a CPU, `--compile` (needs a C++ compiler) is about 1.4 times
faster.

The recipe: random resized crops and flips, AdamW without weight decay on norms and biases, and a learning rate that
warms up, stays, and falls to zero over the second half. `--init` starts from given weights instead of random ones,
`--mix 0.25` draws each batch's size within a quarter of the stage's, so that the network knows more sizes than one, and
`--average 0.999` examines and ships a running average of the weights.
With `--teacher`, an ImageNet MobileNetV2 looks at every picture once at 224 pixels; the student then also learns to
give the teacher's 1,280 features and the teacher's 1,000 class scores.
A run may be made longer by resuming it with more epochs: as long as the rate has not begun to fall, it simply stays
constant for longer; once the run has ended, it rises and falls again (a warm restart).
"""

import argparse
import csv
import io
import time
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor, nn
from torch.optim import swa_utils
from torchvision.models import MobileNet_V2_Weights, mobilenet_v2

from course_utils.folding import fold_batch_norm
from course_utils.plain import parse_plain
from course_utils.pretrained import fill, save_course_weights
from course_utils.runtime import atomic_write, get_device, progress_bar, set_seed
from course_utils.transforms import IMAGENET_MEAN, IMAGENET_STD, InputSpec

SIDE = 64  # Tiny ImageNet's pictures are 64x64
TEACHER_SIDE = 224  # what the teacher was trained at; at 160 it already knows a sixth fewer pictures
NAMES = {"n03126707": "crane (machine)"}  # words.txt does not say which crane


# ---------------------------------------------------------------- pictures


@dataclass
class Pictures:
    """Tiny ImageNet in memory: images uint8 (N, 3, 64, 64), labels int64 (N,), classes in the order of the labels."""

    train_images: Tensor
    train_labels: Tensor
    val_images: Tensor
    val_labels: Tensor
    classes: list[str]


def open_archive(data: Path) -> tuple[list[str], Callable[[str], bytes]]:
    """Return the member names below `tiny-imagenet-200/` of a folder or zip, and a function that reads one."""
    if data.is_dir():
        root = next((path.parent for path in data.rglob("wnids.txt")), None)
        if root is None:
            raise FileNotFoundError(f"{data} holds no wnids.txt: is it Tiny ImageNet in its public layout?")
        names = [path.relative_to(root).as_posix() for path in root.rglob("*") if path.is_file()]
        return sorted(names), lambda name: (root / name).read_bytes()
    archive = zipfile.ZipFile(data)
    prefix = next((name[: -len("wnids.txt")] for name in archive.namelist() if name.endswith("wnids.txt")), None)
    if prefix is None:
        raise FileNotFoundError(f"{data} holds no wnids.txt: is it Tiny ImageNet in its public layout?")
    names = [name.removeprefix(prefix) for name in archive.namelist() if not name.endswith("/")]
    return sorted(names), lambda name: archive.read(prefix + name)


def decode(names: list[str], read: Callable[[str], bytes], description: str) -> Tensor:
    images = np.empty((len(names), 3, SIDE, SIDE), dtype=np.uint8)
    for index, name in enumerate(progress_bar(names, description=description, unit="picture")):
        with Image.open(io.BytesIO(read(name))) as image:
            if image.size != (SIDE, SIDE):
                raise ValueError(f"{name} is {image.size}; Tiny ImageNet's pictures are {SIDE}x{SIDE}.")
            images[index] = np.asarray(image.convert("RGB")).transpose(2, 0, 1)
    return torch.from_numpy(images)


def load_pictures(data: Path, run: Path) -> Pictures:
    """Decode every picture once; later calls read the decoded file in the run's folder."""
    cached = run / "pictures.pt"
    if cached.exists():
        return Pictures(**torch.load(cached, weights_only=True, mmap=True))
    names, read = open_archive(data)
    wnids = sorted(read("wnids.txt").decode().split())
    words = dict(line.split("\t", 1) for line in read("words.txt").decode().splitlines())
    classes = [NAMES.get(wnid, words[wnid].split(",")[0]) for wnid in wnids]
    if len(set(classes)) != len(classes):
        raise ValueError("Two classes have one name; tell them apart in NAMES.")
    train = [name for name in names if name.startswith("train/") and "/images/" in name]
    annotations = [line.split("\t")[:2] for line in read("val/val_annotations.txt").decode().splitlines()]
    index = {wnid: label for label, wnid in enumerate(wnids)}
    pictures = Pictures(
        train_images=decode(train, read, "Decode practice pictures"),
        train_labels=torch.tensor([index[name.split("/")[1]] for name in train]),
        val_images=decode([f"val/images/{name}" for name, _ in annotations], read, "Decode mock exam pictures"),
        val_labels=torch.tensor([index[wnid] for _, wnid in annotations]),
        classes=classes,
    )
    with atomic_write(cached) as temporary:
        torch.save(vars(pictures), temporary)
    return pictures


def normalize(images: Tensor) -> Tensor:
    """Turn uint8 (N, 3, H, W) into normalised float32 in `channels_last` memory."""
    mean, std = (
        torch.tensor(values, device=images.device).view(3, 1, 1) * 255 for values in (IMAGENET_MEAN, IMAGENET_STD)
    )
    return images.float().sub(mean).div(std).contiguous(memory_format=torch.channels_last)


def resize(images: Tensor, side: int) -> Tensor:
    return (
        images
        if images.shape[-1] == side
        else F.interpolate(images, size=(side, side), mode="bilinear", antialias=True)
    )


def random_crops(images: Tensor, side: int, *, min_area: float, generator: torch.Generator) -> Tensor:
    """Crop, stretch and mirror each normalised picture at random, and resize it, in one `grid_sample`."""

    def uniform(low: float, high: float) -> Tensor:
        return torch.rand(len(images), generator=generator) * (high - low) + low

    area, log_ratio = uniform(min_area, 1), uniform(-0.28, 0.28)
    width = (area * log_ratio.exp()).sqrt().clamp(max=1)
    height = (area / log_ratio.exp()).sqrt().clamp(max=1)
    mirror = uniform(0, 1).round() * 2 - 1
    theta = torch.zeros(len(images), 2, 3)
    theta[:, 0, 0], theta[:, 0, 2] = width * mirror, uniform(-1, 1) * (1 - width)
    theta[:, 1, 1], theta[:, 1, 2] = height, uniform(-1, 1) * (1 - height)
    grid = F.affine_grid(theta.to(images.device), [len(images), 3, side, side], align_corners=False)
    crops = F.grid_sample(images, grid, padding_mode="border", align_corners=False)
    light = uniform(0.8, 1.25).view(-1, 1, 1, 1).to(images.device)  # contrast around grey: 0 after normalisation
    return (crops * light).contiguous(memory_format=torch.channels_last)


# ---------------------------------------------------------------- teacher


@dataclass
class Teacher:
    """What the teacher said of every practice picture: features (N, 1280), and its head from features to scores."""

    features: Tensor
    head: nn.Linear

    def loss(self, features: Tensor, rows: Tensor, *, temperature: float = 2.0) -> Tensor:
        """Mean squared error to the standardised features, plus Kullback-Leibler divergence of the class scores."""
        wanted = self.features[rows].to(features.device).float()
        imitation = ((features - wanted) / self.std).square().mean()
        student, teacher = (F.log_softmax(self.head(f) / temperature, dim=1) for f in (features, wanted))
        divergence = F.kl_div(student, teacher, log_target=True, reduction="batchmean") * temperature**2
        return imitation + divergence

    def __post_init__(self) -> None:
        self.std = self.features[:10_000].float().std(dim=0).clamp(min=0.05).to(self.head.weight.device)


def ask_teacher(images: Tensor, run: Path, device: torch.device, *, compiled: bool) -> Teacher:
    """Compute the teacher's features of all pictures once and keep them.

    On two cores it looks at about 55 pictures a second, compiled and in bfloat16 at twice as many.
    """
    network = mobilenet_v2(weights=MobileNet_V2_Weights.IMAGENET1K_V1).eval().requires_grad_(False).to(device)
    head, cached = network.classifier[1].float(), run / "teacher.pt"
    if not cached.exists():
        backbone = fold_batch_norm(nn.Sequential(network.features, nn.AdaptiveAvgPool2d(1), nn.Flatten()))
        dtype = torch.bfloat16 if compiled else torch.float32
        backbone = backbone.to(dtype, memory_format=torch.channels_last)
        if compiled:
            backbone = torch.compile(backbone, dynamic=False, options={"freezing": True})
        features = torch.empty(len(images), 1280, dtype=torch.float16)
        with progress_bar(total=len(images), description="Teacher looks", unit="picture") as bar, torch.no_grad():
            for rows in torch.arange(len(images)).split(50):
                looks = resize(normalize(images[rows].to(device)), TEACHER_SIDE).to(dtype)
                features[rows] = backbone(looks.contiguous(memory_format=torch.channels_last)).half().cpu()
                bar.update(len(rows))
        with atomic_write(cached) as temporary:
            torch.save(features, temporary)
    return Teacher(torch.load(cached, weights_only=True, mmap=True), head)


# ---------------------------------------------------------------- training


def parse_stages(stages: list[str]) -> list[int]:
    """Turn ["64x2", "96x1"] into one picture size per epoch: [64, 64, 96]."""
    pairs = [tuple(map(int, stage.split("x"))) for stage in stages]
    return [side for side, epochs in pairs for _ in range(epochs)]


def draw_side(side: int, mix: float, generator: torch.Generator) -> int:
    """Draw a multiple of 16 between `side * (1 - mix)` and `side * (1 + mix)`, each rounded to such a multiple.

    16, because the network halves pictures five times.
    """
    low, high = max(1, round(side * (1 - mix) / 16)), round(side * (1 + mix) / 16)
    return side if not mix else 16 * int(torch.randint(low, high + 1, (), generator=generator))


def read_init(path: Path) -> dict[str, Tensor]:
    """The float32 weights in a file: a plain state dict, or what `save_course_weights` wrote.

    Raises OSError for a file that cannot be read, ValueError for one that holds something else.
    """
    stored = parse_plain(path.read_bytes(), path)
    weights = stored.get("state_dict", stored)
    wrong = [name for name, value in weights.items() if not isinstance(value, Tensor)]
    if wrong:
        raise ValueError(f"{path} holds {', '.join(wrong[:3])}, not only weights: name a state dict or weights.pt.")
    return {name: value.float() if value.is_floating_point() else value for name, value in weights.items()}


def learning_rate(progress: float, *, peak: float, num_epochs: int, warmup: float, decay: float) -> float:
    """The rate at `progress` epochs: linear warm-up, constant, linear decay to zero over the last `decay` epochs."""
    return peak * max(0.0, min(1.0, (progress + 1e-3) / warmup, (num_epochs - progress) / decay))


def make_optimizer(model: nn.Module, args: argparse.Namespace) -> torch.optim.Optimizer:
    weights = [p for p in model.parameters() if p.ndim > 1]
    norms_and_biases = [p for p in model.parameters() if p.ndim <= 1]
    groups = [{"params": weights, "weight_decay": args.weight_decay}, {"params": norms_and_biases, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=args.lr, fused=True)


def features_and_logits(model: nn.Module, images: Tensor) -> tuple[Tensor, Tensor]:
    """Run MobileNetV2 and return its 1,280 features as well as its class scores."""
    features = model.features(images).mean((2, 3))
    return features, model.classifier(features)


def batches(labels: Tensor, batch_size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Shuffled row numbers; the short last batch is dropped where there is more than one."""
    rows = torch.randperm(len(labels), generator=generator).split(batch_size)
    return iter(rows[:-1] if len(rows) > 1 and len(rows[-1]) < batch_size else rows)


@torch.no_grad()
def examine(model: nn.Module, pictures: Pictures, side: int, device: torch.device) -> dict[str, float]:
    """Loss, top-1 and top-5 of the mock exam at `side` pixels, in evaluation mode."""
    model.eval()
    loss = top1 = top5 = 0.0
    for rows in torch.arange(len(pictures.val_labels)).split(250):
        images = resize(normalize(pictures.val_images[rows].to(device)), side)
        labels = pictures.val_labels[rows].to(device)
        logits = model(images.contiguous(memory_format=torch.channels_last))
        hits = logits.topk(min(5, logits.shape[1]), dim=1).indices == labels[:, None]
        loss += F.cross_entropy(logits, labels, reduction="sum").item()
        top1, top5 = top1 + hits[:, 0].sum().item(), top5 + hits.sum().item()
    count = len(pictures.val_labels)
    return {"val_loss": loss / count, "val_top1": top1 / count, "val_top5": top5 / count}


class Run:
    """One run in one folder: model and optimizer, saved together after each epoch."""

    def __init__(self, args: argparse.Namespace, num_classes: int):
        self.args, self.device = args, get_device(args.device)
        self.sides, self.rows = parse_stages(args.stages), []  # a row of metrics.csv for each finished epoch
        self.cycle_start = 0  # the epoch before which the learning rate last began to rise
        self.model = mobilenet_v2(num_classes=num_classes, dropout=0.0)
        if args.init is not None and not args.resume:
            fill(self.model, read_init(args.init), origin=str(args.init))
        self.model.to(self.device, memory_format=torch.channels_last)
        # A decay of 0 keeps no memory: the average is then the model itself.
        average = swa_utils.get_ema_multi_avg_fn(args.average)
        self.average = swa_utils.AveragedModel(self.model, multi_avg_fn=average, use_buffers=True)
        self.optimizer = make_optimizer(self.model, args)
        self.forward = torch.compile(features_and_logits, dynamic=False) if args.compile else features_and_logits
        self.checkpoint, self.metrics = args.run / "checkpoint.pt", args.run / "metrics.csv"

    @property
    def epoch(self) -> int:
        """How many epochs are finished."""
        return len(self.rows)

    def settings(self) -> dict:
        """What must not change between a run and its continuation."""
        fixed = (
            "seed",
            "batch_size",
            "lr",
            "weight_decay",
            "min_area",
            "smoothing",
            "teacher",
            "warmup",
            "mix",
            "average",
        )
        return {name: getattr(self.args, name) for name in fixed}

    def save(self) -> None:
        """Save everything, then write metrics.csv anew from what was saved: the two can never disagree."""
        state = {name: getattr(self, name).state_dict() for name in ("model", "average", "optimizer")}
        state |= {"rows": self.rows, "settings": self.settings(), "sides": self.sides, "decay": self.args.decay}
        state["cycle_start"] = self.cycle_start
        with atomic_write(self.checkpoint) as temporary:
            torch.save(state, temporary)
        with atomic_write(self.metrics) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, fieldnames=list(self.rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(self.rows)

    def resume(self) -> None:
        saved = torch.load(self.checkpoint, weights_only=True, map_location=self.device)
        finished = len(saved["rows"])
        changed = [name for name, value in self.settings().items() if saved["settings"][name] != value]
        if changed or saved["sides"][:finished] != self.sides[:finished]:
            raise SystemExit(f"The run in {self.args.run} was made with other settings: {changed or 'stages'}.")
        same_end = (len(saved["sides"]), saved["decay"]) == (len(self.sides), self.args.decay)
        decay_begins = min(len(saved["sides"]) - saved["decay"], len(self.sides) - self.args.decay)
        self.cycle_start = saved["cycle_start"]
        if finished == len(saved["sides"]) < len(self.sides):
            self.cycle_start = finished  # a warm restart: the rate rises and falls once more
        elif not same_end and finished > decay_begins:
            raise SystemExit("The learning rate has begun to decay: let the run end, then resume it with more epochs.")
        for name in ("model", "average", "optimizer"):
            getattr(self, name).load_state_dict(saved[name])
        self.rows = saved["rows"]

    def train_one_epoch(self, pictures: Pictures, teacher: Teacher | None) -> float:
        """Train one epoch; everything random in it comes from the seed and the epoch's number. Returns the loss."""
        args, side = self.args, self.sides[self.epoch]
        generator = torch.Generator().manual_seed(args.seed * 1_000 + self.epoch)
        order = list(batches(pictures.train_labels, args.batch_size, generator))
        total = torch.zeros((), device=self.device)
        self.model.train()
        title = f"Epoch {self.epoch + 1}/{len(self.sides)} at {side} px"
        with progress_bar(total=len(order) * len(order[0]), description=title, unit="picture") as bar:
            for step, rows in enumerate(order):
                rate = learning_rate(
                    self.epoch - self.cycle_start + step / len(order),
                    peak=args.lr, num_epochs=len(self.sides) - self.cycle_start, warmup=args.warmup, decay=args.decay,
                )  # fmt: skip
                for group in self.optimizer.param_groups:
                    group["lr"] = rate
                images = normalize(pictures.train_images[rows].to(self.device))
                drawn = draw_side(side, args.mix, generator)
                images = random_crops(images, drawn, min_area=args.min_area, generator=generator)
                labels = pictures.train_labels[rows].to(self.device)
                features, logits = self.forward(self.model, images)
                loss = F.cross_entropy(logits, labels, label_smoothing=args.smoothing)
                if teacher is not None:
                    loss = loss + teacher.loss(features, rows)
                self.optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(self.model.parameters(), 5.0)
                self.optimizer.step()
                self.average.update_parameters(self.model)
                total += loss.detach()
                bar.update(len(rows))
        return total.item() / len(order)


def match_spread(model: nn.Module, images: Tensor, wanted: float) -> float:
    """Scale the features to the spread `wanted` (standard deviation) and the head back: the scores stay the same.

    The last BatchNorm is followed by ReLU6, which cuts at 6: returns the share of activations that reach it afterwards.
    """
    norm, head = model.features[-1][1], model.classifier[1]
    with torch.no_grad():
        features, _ = features_and_logits(model.eval(), images)
        factor = wanted / features.std(dim=0).mean()
        norm.weight *= factor
        norm.bias *= factor
        head.weight /= factor
        return (model.features(images) >= 6).float().mean().item()


def export(run: Run, pictures: Pictures) -> None:
    """Write `weights.pt`, the features brought to the wanted spread, and print the marks."""
    args, model = run.args, run.average.module.cpu()
    sample = resize(normalize(pictures.val_images[:1000]), args.ship_side)
    clipped = match_spread(model, sample, args.spread)
    marks = examine(model, pictures, args.ship_side, torch.device("cpu"))
    print(f"Spread {args.spread}: {clipped:.2%} of the last activations reach ReLU6's limit; final marks {marks}")
    card = {"epochs": run.epoch, "stages": " ".join(args.stages), "teacher": args.teacher, "seed": args.seed}
    spec = InputSpec(args.ship_side, args.ship_side, IMAGENET_MEAN, IMAGENET_STD)
    save_course_weights(args.run / "weights.pt", model, classes=pictures.classes, spec=spec, card=card | marks)


def share(text: str) -> float:
    """Read a number from 0 up to, but not including, 1."""
    number = float(text)
    if not 0 <= number < 1:
        raise argparse.ArgumentTypeError(f"{text} is not in 0 to 1, 1 excluded")
    return number


def parse_args(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    add = parser.add_argument
    add("--data", type=Path, required=True, help="Tiny ImageNet: a folder or a zip in the public layout")
    add("--run", type=Path, required=True, help="the run's folder (outside the repository, it grows to 2 GB)")
    add("--resume", action="store_true", help="continue the run in that folder")
    add("--export", action="store_true", help="write weights.pt from the last checkpoint and stop")
    add("--teacher", action="store_true", help="also learn from torchvision's ImageNet MobileNetV2")
    add("--init", type=Path, help="start from the weights in this file instead of random ones")
    add("--mix", type=share, default=0.0, help="draw each batch's size within this share of the stage's, such as 0.25")
    add("--average", type=share, default=0.0, help="decay of a running average of the weights, such as 0.999")
    add("--stages", nargs="+", default=["48x3", "64x9"], metavar="SIDExEPOCHS", help="picture size and epochs")
    add("--ship-side", type=int, default=64, help="the size that the mock exam is taken at and the weights ship for")
    add("--decay", type=float, default=6, help="the last so many epochs, in which the learning rate falls to zero")
    add("--warmup", type=float, default=0.5, help="the first so many epochs, in which it rises")
    add("--lr", type=float, default=3e-3)
    add("--batch-size", type=int, default=128)
    add("--weight-decay", type=float, default=0.05)
    add("--smoothing", type=float, default=0.0, help="label smoothing")
    add("--min-area", type=float, default=0.6, help="the smallest share of a picture that a crop keeps")
    add("--spread", type=float, default=0.6, help="the features' standard deviation on the mock exam, as shipped")
    add("--seed", type=int, default=0)
    add("--device", default=None, help="cpu, cuda or mps")
    add("--compile", action="store_true", help="compile the network (needs a C++ compiler)")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    args = parse_args(arguments)
    args.resume |= args.export
    args.run.mkdir(parents=True, exist_ok=True)
    set_seed(args.seed)
    pictures = load_pictures(args.data, args.run)
    try:
        run = Run(args, len(pictures.classes))
    except (OSError, ValueError) as error:
        raise SystemExit(f"No run was started: {error}") from error
    if run.checkpoint.exists() != args.resume:
        raise SystemExit(
            f"{args.run} holds a run: continue it with --resume, or choose another folder."
            if run.checkpoint.exists()
            else f"{args.run} holds no run to resume: leave --resume out."
        )
    if args.resume:
        run.resume()
    last_epoch = run.epoch if args.export else len(run.sides)
    teacher = None
    if args.teacher and run.epoch < last_epoch:
        teacher = ask_teacher(pictures.train_images, args.run, run.device, compiled=args.compile)
    while run.epoch < last_epoch:
        started, side = time.perf_counter(), run.sides[run.epoch]
        loss = run.train_one_epoch(pictures, teacher)
        seconds = time.perf_counter() - started
        marks = {"train_loss": loss} | examine(run.average.module, pictures, args.ship_side, run.device)
        rounded = {name: round(value, 4) for name, value in marks.items()}
        run.rows.append({"epoch": run.epoch + 1, "side": side, **rounded, "seconds": round(seconds)})
        run.save()
        print(run.rows[-1], flush=True)
    export(run, pictures)


if __name__ == "__main__":
    main()
