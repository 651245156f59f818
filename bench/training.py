"""Rows about training: images a second beside a plain PyTorch loop of the published recipe, on processor and card.

The plain loop is what one would write from the slides: all views stacked in memory, a `DataLoader`, the published
network of width 64, AdaBelief, batches of 64. An image is one view that is encoded and drawn once, in all loops alike.
How soon a quality is reached takes longer than a suite may; the documents say how that was measured.
"""

import copy
import time
from collections.abc import Callable, Iterator
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

import augalgebra as aa
from augalgebra.data.dataset import Split
from augalgebra.data.loading import load_data
from augalgebra.latent import LAVAE, Architecture
from augalgebra.operators import build_representation
from augalgebra.training.adabelief import AdaBelief
from augalgebra.training.loop import Limit
from augalgebra.training.precision import bfloat16_pays
from augalgebra.training.recipe import Recipe
from augalgebra.training.settings import Preset
from augalgebra.training.stage1 import stage1_loop
from augalgebra.training.views import Views
from bench.harness import Peer, Row

DIM, PLAIN_WIDTH, SIDE = 16, 64, 28
PROCESSOR = torch.device("cpu")
SAME_NETWORK, ON_A_CARD = 1.5, 50
WAYS: tuple[tuple[str, Preset, int, int, float | None], ...] = (
    ("faithful, same network", "faithful", 64, 64, None),
    ("equivariant, same network", "equivariant", 64, 32, SAME_NETWORK),
    ("equivariant, width 32", "equivariant", 32, 32, None),
)


class PlainVAE(nn.Module):
    """The published network, written down without a thought for speed."""

    def __init__(self, width: int = PLAIN_WIDTH) -> None:
        super().__init__()
        inner = 2 * width * (SIDE // 4) ** 2
        self.encoder = nn.Sequential(
            nn.Conv2d(1, width, 4, 2, 1),
            nn.ReLU(),
            nn.Conv2d(width, 2 * width, 4, 2, 1),
            nn.ReLU(),
            nn.Flatten(),
        )
        self.mean = nn.Linear(inner, DIM)
        self.log_variance = nn.Linear(inner, DIM)
        self.decoder = nn.Sequential(
            nn.Linear(DIM, inner),
            nn.ReLU(),
            nn.Unflatten(1, (2 * width, SIDE // 4, SIDE // 4)),
            nn.ConvTranspose2d(2 * width, width, 4, 2, 1),
            nn.ReLU(),
            nn.ConvTranspose2d(width, 1, 4, 2, 1),
            nn.Sigmoid(),
        )

    def forward(self, images: Tensor) -> Tensor:
        """Summed cross-entropy and divergence."""
        features = self.encoder(images)
        mean, log_variance = self.mean(features), self.log_variance(features)
        latents = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        pictures = self.decoder(latents).float()
        with torch.autocast(images.device.type, enabled=False):  # which refuses this loss
            drawn = functional.binary_cross_entropy(pictures, images, reduction="sum")
        divergence: Tensor = -0.5 * (1 + log_variance - mean.square() - log_variance.exp()).sum()
        return drawn + divergence

    def operations(self) -> float:
        """Floating-point operations of one image in one step: two for each product, forwards and twice backwards."""
        total = 0.0
        side = SIDE
        for layer in (*self.encoder, self.mean, self.log_variance, *self.decoder):
            if isinstance(layer, nn.Linear):
                total += layer.in_features * layer.out_features
            elif isinstance(layer, nn.Conv2d):
                side //= 2
                total += layer.weight.numel() * side**2
            elif isinstance(layer, nn.ConvTranspose2d):
                total += layer.weight.numel() * side**2
                side *= 2
        return 6 * total


def rows(*, smoke: bool) -> Iterator[Row]:
    """The rows."""
    split = load_data("digits").train
    seconds = 0.05 if smoke else 3.0
    for name, preset, width, batch, bar in WAYS:
        yield _row(name, preset, width, batch, bar, split, seconds, PROCESSOR, bfloat16=False)
    if bfloat16_pays(PROCESSOR):  # as the program then does without being asked
        for name, preset, width, batch, bar in WAYS[1:]:
            yield _row(f"{name}, bfloat16", preset, width, batch, bar, split, seconds, PROCESSOR, bfloat16=True)
    if torch.cuda.is_available():
        card = torch.device("cuda")
        bfloat16 = bfloat16_pays(card)
        yield _row("equivariant on a card", "equivariant", 32, 32, ON_A_CARD, split, seconds, card, bfloat16=bfloat16)
    else:
        yield Row("stage 1, equivariant on a card", None, missing="there is no CUDA device")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    for width in (8, 32):
        yield _of_many(2 if smoke else 16, width, split, device)


def _of_many(models: int, width: int, split: Split, device: torch.device) -> Row:
    """Gradients of many small networks, as in a sweep: one after another, and stacked to one."""
    torch.manual_seed(0)
    networks = [PlainVAE(width).to(device) for _ in range(models)]
    images = split.images[:64].to(device).float() / 255
    stacked, _ = torch.func.stack_module_state(networks)
    shape = copy.deepcopy(networks[0]).to("meta")
    gradients = torch.func.vmap(
        torch.func.grad(partial(torch.func.functional_call, shape)), in_dims=(0, None), randomness="different"
    )

    def one_after_another() -> None:
        for network in networks:
            network.zero_grad()
            network(images).backward()
        _wait(device)

    def together() -> None:
        gradients(stacked, images)
        _wait(device)

    return Row(
        f"gradients of {models} networks of width {width} on the {device.type}, one after another",
        one_after_another,
        (Peer("stacked by torch.func", together),),
        counted="batch of 64 digits and network",
        per=models,
    )


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def _row(
    name: str,
    preset: Preset,
    width: int,
    batch: int,
    bar: float | None,
    split: Split,
    seconds: float,
    device: torch.device,
    *,
    bfloat16: bool,
) -> Row:
    torch.manual_seed(0)
    catalog = aa.load_catalog()
    make: Callable[..., Views] = Views.published if preset == "faithful" else Views.closed
    views = make(catalog, ["flip_lr", "flip_ud"])
    space = LAVAE(Architecture((1, SIDE, SIDE), DIM, width)).to(device)
    operators = {} if views.group is None else build_representation(views.group, DIM).generators
    recipe = Recipe(preset, Limit(seconds=seconds), 0, 1e-3, batch, bfloat16=bfloat16)
    reached = list[float]()

    def ours() -> float:
        reached.append(stage1_loop(space, views, split, recipe, operators).run().images_per_second)
        return reached[-1]

    peers = [Peer("plain PyTorch loop, width 64", _rate_of_plain(split, device, seconds, bfloat16=False), bar=bar)]
    if bfloat16:
        rate = _rate_of_plain(split, device, seconds, bfloat16=True)
        peers.append(Peer("plain PyTorch loop, width 64, autocast to bfloat16", rate))

    def note() -> str:
        if width != PLAIN_WIDTH:
            return ""
        rate = matrix_rate(device, torch.bfloat16 if bfloat16 else torch.float32)
        share = sorted(reached)[len(reached) // 2] * PlainVAE().operations() / rate
        kind = "bfloat16" if bfloat16 else "float32"
        return f"{share:.0%} of the {rate / 1e9:.0f} GFLOP/s of a 1,024² product in {kind}"

    return Row(
        f"stage 1, {name}",
        ours,
        tuple(peers),
        counted="digits under two flips, 16 coordinates",
        unit="images/s",
        kind="more",
        note=note,
    )


def _rate_of_plain(split: Split, device: torch.device, seconds: float, *, bfloat16: bool) -> Callable[[], float]:
    steps = plain(split, device, bfloat16=bfloat16)
    return lambda: rate_of(steps, seconds, device)


def plain(
    split: Split, device: torch.device, *, bfloat16: bool = False, model: PlainVAE | None = None
) -> Iterator[int]:
    """The plain loop; yields how many images each step took."""
    originals = split.images.float() / 255
    stacked = torch.cat([originals, originals.flip(-1), originals.flip(-2), originals.flip((-2, -1))])
    model = (model or PlainVAE()).to(device)
    optimizer = AdaBelief(model.parameters(), lr=1e-3)
    while True:
        for (images,) in DataLoader(TensorDataset(stacked), batch_size=64, shuffle=True):
            optimizer.zero_grad()
            with torch.autocast(device.type, torch.bfloat16, enabled=bfloat16):
                loss = model(images.to(device))
            loss.backward()  # type: ignore[no-untyped-call]  # torch leaves it unannotated
            optimizer.step()
            yield len(images)


def rate_of(steps: Iterator[int], seconds: float, device: torch.device) -> float:
    """Images a second."""
    start, images = time.perf_counter(), 0
    while time.perf_counter() - start < seconds:
        images += next(steps)
    _wait(device)
    return images / (time.perf_counter() - start)


def matrix_rate(device: torch.device, dtype: torch.dtype) -> float:
    """Floating-point operations a second of products of 1,024²; the best of several."""
    side, best = 1024, float("inf")
    left, right = torch.randn(2, side, side, device=device, dtype=dtype)
    for _ in range(20):
        start = time.perf_counter()
        product = left @ right
        product[0, 0].item()  # waits for the card
        best = min(best, time.perf_counter() - start)
    return 2 * side**3 / best
