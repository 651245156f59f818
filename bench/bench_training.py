"""Images a second in training, beside a plain PyTorch loop of the published recipe.

Run ``python bench/bench_training.py [--data mnist] [--seconds S] [--threads T]``. The plain loop is what one would
write from the slides: all views stacked in memory, a `DataLoader`, the published network of width 64, AdaBelief,
batches of 64. An image is one view that is encoded and drawn once, in all loops alike.
"""

import argparse
import os
import time
from collections.abc import Callable, Iterator

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", default="digits")
parser.add_argument("--seconds", type=float, default=5.0)
parser.add_argument("--threads", type=int, default=2)
arguments = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(arguments.threads)  # before torch is imported

import torch  # noqa: E402
from torch import Tensor, nn  # noqa: E402
from torch.nn import functional  # noqa: E402
from torch.utils.data import DataLoader, TensorDataset  # noqa: E402

from augalgebra import load_catalog  # noqa: E402
from augalgebra.data.dataset import Split, load_data  # noqa: E402
from augalgebra.latent import LAVAE, Architecture  # noqa: E402
from augalgebra.operators import build_representation  # noqa: E402
from augalgebra.training.adabelief import AdaBelief  # noqa: E402
from augalgebra.training.loop import Limit  # noqa: E402
from augalgebra.training.precision import bfloat16_pays  # noqa: E402
from augalgebra.training.recipe import Recipe  # noqa: E402
from augalgebra.training.settings import Preset  # noqa: E402
from augalgebra.training.stage1 import stage1_loop  # noqa: E402
from augalgebra.training.views import Views  # noqa: E402

DIM = 16
PLAIN_WIDTH = 64


class PlainVAE(nn.Module):
    """The published network, written down without a thought for speed."""

    def __init__(self, width: int = PLAIN_WIDTH) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(1, width, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.mean = nn.Linear(2 * width * 49, DIM)
        self.log_variance = nn.Linear(2 * width * 49, DIM)
        self.decoder = nn.Sequential(
            nn.Linear(DIM, 2 * width * 49),
            nn.ReLU(),
            nn.Unflatten(1, (2 * width, 7, 7)),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def loss(self, images: Tensor) -> Tensor:
        """Summed cross-entropy and divergence."""
        features = self.encoder(images)
        mean, log_variance = self.mean(features), self.log_variance(features)
        latents = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        drawn = functional.binary_cross_entropy(self.decoder(latents), images, reduction="sum")
        divergence: Tensor = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        return drawn + divergence


def plain(split: Split) -> Iterator[int]:
    """The plain loop; yields how many images each step took."""
    originals = split.images.float() / 255
    stacked = torch.cat([originals, originals.flip(-1), originals.flip(-2), originals.flip((-2, -1))])
    model = PlainVAE()
    optimizer = AdaBelief(model.parameters(), lr=1e-3)
    while True:
        for (images,) in DataLoader(TensorDataset(stacked), batch_size=64, shuffle=True):
            optimizer.zero_grad()
            model.loss(images).backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
            optimizer.step()
            yield len(images)


def rate_of(steps: Iterator[int]) -> float:
    """Images a second, after some steps to get going."""
    for _ in range(5):
        next(steps)
    start, images = time.perf_counter(), 0
    while time.perf_counter() - start < arguments.seconds:
        images += next(steps)
    return images / (time.perf_counter() - start)


def ours(split: Split, preset: Preset, width: int, batch: int, *, bfloat16: bool) -> float:
    """Images a second of a stage-1 loop."""
    catalog = load_catalog()
    make: Callable[..., Views] = Views.published if preset == "faithful" else Views.closed
    views = make(catalog, ["flip_lr", "flip_ud"])
    space = LAVAE(Architecture((1, 28, 28), DIM, width))
    operators = {} if views.group is None else build_representation(views.group, DIM).generators
    recipe = Recipe(preset, Limit(seconds=arguments.seconds), 0, 1e-3, batch, bfloat16=bfloat16)
    stage1_loop(space, views, split, Recipe(preset, Limit(seconds=0.5), 0, 1e-3, batch, bfloat16=bfloat16)).run()
    return stage1_loop(space, views, split, recipe, operators).run().images_per_second


def main() -> None:
    """Time and print."""
    torch.manual_seed(0)
    split = load_data(arguments.data).train
    fast = torch.cpu.get_capabilities().get("avx512_bf16") or bfloat16_pays(torch.device("cpu"))
    print(f"{arguments.data}, flips, d = {DIM}, {arguments.threads} threads, {arguments.seconds:g} s each\n")
    baseline = rate_of(plain(split))
    print(f"{'plain PyTorch loop, width 64':<52}{baseline:8.0f} images/s")
    rows: list[tuple[Preset, int, int, bool]] = [
        ("faithful", 64, 64, False),
        ("equivariant", 64, 32, False),
        ("equivariant", 32, 32, False),
        ("equivariant", 64, 32, True),
        ("equivariant", 32, 32, True),
    ]
    for preset, width, batch, bfloat16 in rows:
        if bfloat16 and not fast:
            continue
        rate = ours(split, preset, width, batch, bfloat16=bfloat16)
        name = f"{preset}, width {width}, batch {batch}, {'bfloat16' if bfloat16 else 'float32'}"
        print(f"{name:<52}{rate:8.0f} images/s {rate / baseline:6.1f}×")


if __name__ == "__main__":
    main()
