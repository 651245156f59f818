"""A small denoiser trained on cached codes: with two copies, `LatentAugment`, plain flips of the grid, and none.

Run ``python -m bench.cached_latents RUN [--steps N] [--seeds 0,1,2] [--ways "no flips;LatentAugment"] [--out FILE]``,
where RUN is a run that ``augalg operators RUN --space … --data …`` made, with an operator of flip_lr. What is measured
is the loss on codes of test pictures that were really flipped, and of the pictures as they are: a model that learned
wrong codes of flipped pictures does worse on true ones.

All models see the same pictures for as many steps with the same noise. Half of the codes are flipped, by chance.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path

import torch
from scipy import stats
from torch import Tensor, nn
from torch.nn import functional

import augalgebra as aa
from augalgebra.latent import GridSpace
from augalgebra.runs import GridRun
from augalgebra.training import bfloat16_pays

FLIP, P = "flip_lr", 0.5
LEVELS = 8
"""Levels of noise at which each test code is measured."""


class Denoiser(nn.Module):
    """Residual convolutions told how much noise there is, at the size of the codes.

    Args:
        channels: Channels of a code.
        width: Features.
        depth: Blocks.
    """

    def __init__(self, channels: int, width: int = 64, depth: int = 6) -> None:
        super().__init__()
        self.entry = nn.Conv2d(channels, width, 3, padding=1)
        self.exit = nn.Conv2d(width, channels, 3, padding=1)
        self.told = nn.ModuleList(nn.Linear(16, 2 * width) for _ in range(depth))
        self.first = nn.ModuleList(nn.Conv2d(width, width, 3, padding=2**i, dilation=2**i) for i in _dilations(depth))
        self.second = nn.ModuleList(nn.Conv2d(width, width, 3, padding=1) for _ in range(depth))
        self.norms = nn.ModuleList(nn.GroupNorm(8, width) for _ in range(depth))

    def forward(self, codes: Tensor, time_: Tensor) -> Tensor:
        """What has to be added to get from noise to the code."""
        angles = time_[:, None] * torch.pi * 2.0 ** torch.arange(8)
        told = torch.cat([angles.sin(), angles.cos()], 1)
        features = self.entry(codes)
        for tell, first, second, norm in zip(self.told, self.first, self.second, self.norms, strict=True):
            scale, shift = tell(told)[..., None, None].chunk(2, 1)
            inner = functional.silu(norm(features) * (1 + scale) + shift)
            features = features + second(functional.silu(first(inner)))
        answer: Tensor = self.exit(functional.silu(features))
        return answer


def main() -> None:
    """Encode once, train every model, print one table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--seeds", default="0,1,2")
    parser.add_argument(
        "--ways", help="names of the ways to get flipped codes, separated by semicolons; by default all"
    )
    parser.add_argument("--crops", type=int, default=560)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()
    run = GridRun.load(arguments.run, aa.load_catalog())
    space, size = run.space, run.settings.size
    pictures = torch.stack(list(run.photographs().draw_crops(arguments.crops, size, seed=1))).float() / 255
    test = torch.stack(list(run.test_crops())).float() / 255
    stored, flipped = encode(space, pictures), encode(space, pictures.flip(-1))
    mean, deviation = stored.mean((0, 2, 3), keepdim=True), stored.std((0, 2, 3), keepdim=True)
    true = {"flipped": encode(space, test.flip(-1)), "as they are": encode(space, test)}
    measured = {name: (codes - mean) / deviation for name, codes in true.items()}
    augment, means = (aa.LatentAugment(run.registry, group=[FLIP], p=P, noise=noise) for noise in (True, False))
    generator = torch.Generator().manual_seed(0)
    noises = [item.noise for item in run.registry.operator(FLIP).maps if item.noise is not None]

    def drawn_noise(codes: Tensor) -> Tensor:
        return sum((noise.draw(codes, generator) for noise in noises), torch.zeros_like(codes))

    # the codes of a batch, which they are, and for each whether chance flips it
    def copies(codes: Tensor, rows: Tensor, flips: Tensor) -> Tensor:
        return torch.where(flips, flipped[rows], codes)

    def noisy_copies(codes: Tensor, rows: Tensor, flips: Tensor) -> Tensor:
        return torch.where(flips, flipped[rows] + drawn_noise(codes), codes)

    def moved(codes: Tensor, *_: Tensor) -> Tensor:
        return torch.as_tensor(augment(codes)[0])  # chance is its own here

    def without_noise(codes: Tensor, *_: Tensor) -> Tensor:
        return torch.as_tensor(means(codes)[0])

    def grid(codes: Tensor, _: Tensor, flips: Tensor) -> Tensor:
        return torch.where(flips, codes.flip(-1), codes)

    def none(codes: Tensor, *_: Tensor) -> Tensor:
        return codes

    ways: dict[str, Callable[[Tensor, Tensor, Tensor], Tensor]] = {
        "two copies cached": copies,
        "two copies, the same noise": noisy_copies,  # whether noise helps by itself
        "LatentAugment": moved,
        "LatentAugment, no noise": without_noise,
        "plain flips of the grid": grid,
        "no flips": none,
    }
    if arguments.ways:
        ways = {name: ways[name] for name in arguments.ways.split(";")}
    results: dict[str, dict[str, list[float]]] = {name: {kind: [] for kind in measured} for name in ways}
    for seed in map(int, arguments.seeds.split(",")):
        for name, way in ways.items():
            start = time.perf_counter()

            def batch(rows: Tensor, chance: Tensor, way: Callable[..., Tensor] = way) -> Tensor:
                return (way(stored[rows], rows, (chance < P)[:, None, None, None]) - mean) / deviation

            model = train(batch, len(stored), stored.shape[1], arguments.steps, arguments.batch, seed)
            for kind, codes in measured.items():
                results[name][kind].append(loss_on(model, codes))
            reached = ", ".join(f"{kind} {values[-1]:.4f}" for kind, values in results[name].items())
            print(f"seed {seed}  {name:<26} {reached}   {time.perf_counter() - start:.0f} s", flush=True)
    print(f"\nloss on {len(test)} test codes, mean and 95 % interval of {len(arguments.seeds.split(','))} seeds")
    for name, kinds in results.items():
        print(f"{name:<26}" + "".join(f"  {kind}: {interval(values)}" for kind, values in kinds.items()))
    if arguments.out:
        arguments.out.write_text(json.dumps({"steps": arguments.steps, "losses": results}, indent=1))


def encode(space: GridSpace, pictures: Tensor) -> Tensor:
    """The codes of many pictures."""
    with torch.no_grad():
        return torch.cat([space.encode(part) for part in torch.split(pictures, 8)])


def train(
    batch: Callable[[Tensor, Tensor], Tensor], count: int, channels: int, steps: int, size: int, seed: int
) -> Denoiser:
    """Train one model; what is drawn at random depends on the seed and the step alone."""
    torch.manual_seed(seed)
    model, noise = Denoiser(channels), torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=1e-2)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 1e-3, total_steps=steps, pct_start=0.1)
    bfloat16 = bfloat16_pays(torch.device("cpu"))
    for _ in range(steps):
        rows, chance = torch.randint(count, (size,), generator=noise), torch.rand(size, generator=noise)
        codes = batch(rows, chance)
        time_, other = torch.rand(size, generator=noise), torch.randn(codes.shape, generator=noise)
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            loss = denoise(model, codes, other, time_)
        optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return model.eval()


def denoise(model: Denoiser, codes: Tensor, noise: Tensor, time_: Tensor) -> Tensor:
    """The loss of flow matching: between code and noise lies a straight line, and its direction is asked for."""
    t = time_[:, None, None, None]
    direction: Tensor = model((1 - t) * codes + t * noise, time_).float()
    return (direction - (noise - codes)).square().mean()


def loss_on(model: Denoiser, codes: Tensor) -> float:
    """Mean loss at evenly spaced levels of noise, with the same noise for every model."""
    noise = torch.Generator().manual_seed(0)
    losses = []
    with torch.no_grad():
        for level in range(LEVELS):
            time_ = torch.full((len(codes),), (level + 0.5) / LEVELS)
            losses.append(float(denoise(model, codes, torch.randn(codes.shape, generator=noise), time_)))
    return statistics.fmean(losses)


def interval(values: list[float]) -> str:
    """Mean and half the 95 % interval."""
    if len(values) < 2:
        return f"{values[0]:.4f}"
    half = stats.t.ppf(0.975, len(values) - 1) * statistics.stdev(values) / len(values) ** 0.5
    return f"{statistics.fmean(values):.4f} ± {half:.4f}"


def _dilations(depth: int) -> list[int]:
    return [block % 3 for block in range(depth)]


if __name__ == "__main__":
    main()
