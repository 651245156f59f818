"""How soon stage 1 reaches what a plain PyTorch loop of the published recipe reaches in twenty minutes.

Run ``python -m bench.quality [--minutes 20] [--times-sooner 4] [--data mnist] [--width 0] [--out FILE]``. The plain
loop trains for so many minutes, augalgebra for a fraction of them, both in one process with the same threads, data and
number of coordinates. Both are then measured alike on test images: what a view costs that is encoded and drawn, and
one that an operator moves there, in nats above what the view's own grey levels cost even a perfect drawing.

The published recipe learns its operators from codes by descent. The plain loop gets them by least squares here, which
is the best that a linear map can do on its codes, and counts no time for it.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

import augalgebra as aa
from augalgebra.data.dataset import Split
from augalgebra.data.loading import load_data
from augalgebra.runs import train
from augalgebra.training import TrainSettings
from bench.machine import describe, sentence
from bench.training import DIM, PlainVAE, plain

FLIPS = {"flip_lr": (-1,), "flip_ud": (-2,), "flip_lr * flip_ud": (-1, -2)}
BATCH = 1000
Codes = Callable[[Tensor], Tensor]


def main() -> None:
    """Train both, measure both, print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=20.0)
    parser.add_argument("--times-sooner", type=float, default=4.0)
    parser.add_argument("--data", default="mnist")
    parser.add_argument("--width", type=int, default=0, help="of augalgebra's network; 0 is the preset's")
    parser.add_argument("--batch-size", type=int, default=0, help="of augalgebra; 0 is the preset's")
    parser.add_argument("--only", choices=("plain", "ours"))
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    torch.manual_seed(0)
    data, seconds = load_data(arguments.data), 60 * arguments.minutes
    results = {}
    if arguments.only != "plain":
        settings = TrainSettings(
            data=arguments.data,
            seconds=seconds / arguments.times_sooner,
            width=arguments.width,
            batch_size=arguments.batch_size,
            dim=DIM,
        )
        results["augalgebra"] = train_ours(settings, data.test)
        print(f"augalgebra: {results['augalgebra']}", flush=True)
    if arguments.only != "ours":
        results["plain loop"] = train_plain(data.train, data.test, seconds)
        print(f"plain loop: {results['plain loop']}", flush=True)
    machine = describe(torch.get_num_threads())
    print(sentence(machine))
    if arguments.out:
        arguments.out.write_text(json.dumps({"machine": machine, "results": results}, indent=1))


def train_ours(settings: TrainSettings, test: Split) -> dict[str, float]:
    """Train and measure a run, with all that the program does besides."""
    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        run = train(Path(folder) / "run", settings, aa.load_catalog())
        taken = time.perf_counter() - start
        space = run.space
        move = {name: run.registry.operator(name).apply for name in FLIPS}
        return {"seconds": round(taken, 1), "steps": run.steps, **measure(space.encode, space.decode, move, test)}


def train_plain(split: Split, test: Split, seconds: float) -> dict[str, float]:
    """Train and measure the plain loop."""
    device, model = torch.device("cpu"), PlainVAE()
    steps, start, count = plain(split, device, model=model), time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        count += bool(next(steps))
    taken = time.perf_counter() - start
    model.eval()

    def encode(images: Tensor) -> Tensor:
        return torch.as_tensor(model.mean(model.encoder(images)))

    with torch.no_grad():
        pictures = [part.float() / 255 for part in torch.split(split.images, BATCH)]
        before = torch.cat([encode(part) for part in pictures])
        after = {name: torch.cat([encode(part.flip(FLIPS[name])) for part in pictures]) for name in list(FLIPS)[:2]}
    first, second = (least_squares(before, codes) for codes in after.values())
    move = {"flip_lr": first, "flip_ud": second, "flip_lr * flip_ud": lambda codes: second(first(codes))}
    return {"seconds": round(taken, 1), "steps": count, **measure(encode, model.decoder, move, test)}


def least_squares(before: Tensor, after: Tensor) -> Codes:
    """The affine map that is nearest to taking codes to codes."""
    ones = torch.ones(len(before), 1)
    solved = torch.linalg.lstsq(torch.cat([before, ones], 1).double(), after.double()).solution.float()
    return lambda codes: codes @ solved[:-1] + solved[-1]


@torch.no_grad()
def measure(encode: Codes, decode: Codes, move: Mapping[str, Codes], test: Split) -> dict[str, float]:
    """Nats above the entropy of the images: of views that are encoded and drawn, and of views that operators make."""
    direct, moved, entropy = 0.0, dict.fromkeys(FLIPS, 0.0), 0.0
    for part in torch.split(test.images, BATCH):
        images = part.float() / 255
        codes = encode(images)
        entropy += float(functional.binary_cross_entropy(images, images, reduction="sum"))
        direct += _cost(decode(codes), images)
        for name, axes in FLIPS.items():
            view = images.flip(axes)
            direct += _cost(decode(encode(view)), view)
            moved[name] += _cost(decode(move[name](codes)), view)
    count = len(test)
    return {
        "direct": round((direct / (1 + len(FLIPS)) - entropy) / count, 2),
        **{name: round((cost - entropy) / count, 2) for name, cost in moved.items()},
    }


def _cost(drawn: Tensor, images: Tensor) -> float:
    return float(functional.binary_cross_entropy(drawn, images, reduction="sum"))


if __name__ == "__main__":
    main()
