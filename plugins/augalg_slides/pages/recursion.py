"""Where repeated images go in the latent space, and what they become."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from augalg_slides.evidence.claims import Claim
from augalg_slides.measures.projection import project
from augalg_slides.measures.separation import Integers
from augalgebra.algebra import IDENTITY, Word
from augalgebra.case_progress import CaseProgress
from augalgebra.consistency import RecursionCurve, RecursionReport, Way, repeat
from augalgebra.data import Dataset
from augalgebra.documents import figures
from augalgebra.errors import AugalgebraError
from augalgebra.latent import MAIN_HEAD, device_of_space
from augalgebra.operators import Array
from augalgebra.plain import PlainData
from augalgebra.reports import STYLE
from augalgebra.runs import Run, operator_for, recursion_of_run
from augalgebra.training import Views, bfloat16_pays, encoded_views

STABLE, DRIFTING = 0.9, 0.5
"""Share of images that keep their class from which on a class counts as stable, and below which as drifting."""
_DIGITS = ("digits", "mnist")
_EXAMPLES = (7, 2)


@dataclass(frozen=True, eq=False)
class Trajectories(PlainData):
    """Codes of some images after each repeat of a word, before the codes of encoded images.

    Attributes:
        word: The word.
        way: How the images were encoded again.
        labels: The label of each image that is followed.
        names: What these are called.
        images: Its number among the test images.
        codes: ``[image, repeat, latent]``, the original's first.
        background: Codes of test images as they are and under the word, ``[code, latent]``.
        background_labels: Their classes.
    """

    word: str
    way: Way
    labels: tuple[int, ...]
    names: tuple[str | int, ...]
    images: tuple[int, ...]
    codes: Array
    background: Array
    background_labels: Integers
    in_json = "word", "way", "repeats", "examples"

    @property
    def travelled(self) -> tuple[float, ...]:
        """How far each code ends from its start, in root total variances of all codes.

        Flips that do not drift come back to the same place after every other repeat; so after an odd number of repeats
        the start is the place after one.
        """
        scale = float(np.sqrt(self.background.var(axis=0).sum()))
        last = self.codes.shape[1] - 1
        start = last % 2
        return tuple(float(np.linalg.norm(path[last] - path[start]) / scale) for path in self.codes)

    @property
    def repeats(self) -> int:
        """How often the word was repeated."""
        return int(self.codes.shape[1]) - 1

    @property
    def examples(self) -> list[dict[str, Any]]:
        """Each image and how far its code went."""
        rows = zip(self.names, self.images, self.travelled, strict=True)
        return [{"label": name, "image": image, "travelled": distance} for name, image, distance in rows]


@dataclass(frozen=True, eq=False)
class Recursion(PlainData):
    """A word repeated: what was measured, what the slides say of it, and where examples went.

    Attributes:
        report: Losses and classes.
        trajectories: One for each way.
        claims: What the slides say, of the encoder alone; refined encoding stands beside it.
    """

    report: RecursionReport
    trajectories: tuple[Trajectories, ...]
    claims: tuple[Claim, ...]
    in_json = "trajectories", "claims"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, codes aside."""
        return self.report.to_dict() | super().to_dict()


def measure_repeats(
    run: Run,
    word: str | Word = "flip_lr",
    *,
    repeats: int = 100,
    images: int | None = 300,
    ways: Sequence[Way] = ("plain", "refined", "latent"),
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    on_progress: CaseProgress | None = None,
) -> Recursion:
    """Repeat a word on test images of a run, and follow an example of a 7 and a 2 through the latent space.

    Args:
        run: The run.
        word: The word.
        repeats: How often.
        images: How many test images, if not all.
        ways: Which ways to compare.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.
        on_progress: Called with the number of images done and their total.

    Raises:
        AugalgebraError: The word has no operator, or changes the size of images.
        RunError: The data are not those of the run.
    """
    data = data or run.settings.load_data(data_dir)
    report = recursion_of_run(run, word, repeats=repeats, images=images, ways=ways, data=data, on_progress=on_progress)
    followed = tuple(follow(run, word, repeats=repeats, way=way, data=data) for way in ways)
    return Recursion(report, followed, recursion_claims(report, run.settings.data))


def follow(
    run: Run,
    word: str | Word,
    *,
    repeats: int = 100,
    way: Way = "plain",
    labels: Sequence[int] | None = None,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    background: int = 1000,
) -> Trajectories:
    """Follow the first test image of some labels through the latent space.

    Args:
        run: The run.
        word: The word that is repeated.
        repeats: How often.
        way: How images are encoded again.
        labels: The labels; by default 7 and 2, as on the slides, or the first two there are.
        data: The data set of the run, if it is in memory already.
        data_dir: Where downloaded data sets lie.
        background: How many test images are encoded to show where codes lie.

    Raises:
        AugalgebraError: The word has no operator, or there is no image of such a label.
        RunError: The data are not those of the run.
    """
    catalog, device = run.registry.catalog, device_of_space(run.space)
    canonical = catalog.word(word)
    operator = operator_for(run, canonical)
    data = data or run.settings.load_data(data_dir)
    run.check_data(data)
    known = data.test.labels.tolist()
    present = sorted(set(known))
    if labels is None:
        labels = _EXAMPLES if set(_EXAMPLES) <= set(present) else present[:2]
    for label in labels:
        if label not in present:
            raise AugalgebraError(f"no test image of {data.name} has the label {label}; there are {present}")
    rows = [known.index(label) for label in labels]
    originals = data.test.batch(torch.tensor(rows))[0].to(device)
    with torch.no_grad():
        codes = [run.space.encode(originals)]
        if way == "latent":
            for _ in range(repeats):
                codes.append(operator.apply(codes[-1]))
        else:
            drawn = repeat(run.space, operator, originals, repeats, way, head=MAIN_HEAD, bfloat16=bfloat16_pays(device))
            codes += [run.space.encode(images) for images in drawn]
    split = data.test.sample(background)
    views = Views.of_words(catalog, [IDENTITY, canonical] if canonical else [IDENTITY], seed=run.settings.seed)
    encoded = torch.cat(list(encoded_views(run.space, views, split)), dim=1)
    return Trajectories(
        catalog.display(canonical),
        way,
        tuple(labels),
        tuple(map(data.label_name, labels)),
        tuple(rows),
        torch.stack(codes, dim=1).cpu().double().numpy(),
        encoded.flatten(0, 1).double().numpy(),
        split.labels.repeat(len(views)).numpy(),
    )


def recursion_claims(report: RecursionReport, data: str) -> tuple[Claim, ...]:
    """What the slides say of repeating a word, beside what was measured.

    Args:
        report: What was measured, with classes.
        data: Name of the data set; only of digits do the slides name classes.
    """
    plain = report.curves.get("plain")
    if plain is None or not plain.became:
        return ()
    shares = {label: _share(counts, label) for label, counts in plain.became.items()}
    stable = [label for label, share in shares.items() if share >= STABLE]
    drifting = [label for label, share in shares.items() if share < DRIFTING]
    growths = {label: growth for label in plain.by_label if math.isfinite(growth := plain.grown(label))}
    claims = [
        Claim(
            "8-9",
            "Repeated, an augmentation is stable for some images and diverges for others",
            f"after {report.repeats} times {report.word} {plain.kept[-1]:.0%} keep their class; stable: "
            f"{_listed(report, stable)}; drifting: {_listed(report, drifting)}"
            + _beside(report, lambda curve: curve.kept[-1]),
            bool(stable) and bool(drifting),
            {"kept": plain.kept[-1]} | {f"kept {report.label_name(label)}": share for label, share in shares.items()},
        )
    ]
    if data in _DIGITS and {2, 7} <= shares.keys() and {2, 7} <= growths.keys():
        target, share = _destination(plain, 2)
        claims += [
            Claim(
                "9",
                "A 2 that is flipped again and again diverges, possibly to an 8",
                f"{shares[2]:.0%} of what was a 2 after one repeat stays one; most of the others become "
                + (f"{target} ({share:.0%} of all)" if share else "nothing else")
                + _beside(report, lambda curve: _share(curve.became.get(2, {}), 2)),
                shares[2] < DRIFTING and target == 8,
                {"kept": shares[2], "became 8": _share(plain.became.get(2, {}), 8)},
            ),
            Claim(
                "9",
                "A 7 is relatively stable under repeated flips",
                f"{shares[7]:.0%} of what was a 7 stays one, its excess grows {growths[7]:.2f}-fold; all classes: "
                f"{plain.kept[-1]:.0%}, median growth {median(growths.values()):.2f}-fold"
                + _beside(report, lambda curve: _share(curve.became.get(7, {}), 7)),
                shares[7] > plain.kept[-1] and growths[7] <= median(growths.values()),
                {"kept": shares[7], "growth": growths[7], "median growth": median(growths.values())},
            ),
        ]
    return tuple(claims)


def _beside(report: RecursionReport, number: Callable[[RecursionCurve], float]) -> str:
    refined = report.curves.get("refined")
    return "" if refined is None else f"; with refined encoding {number(refined):.0%} keep it"


def _share(counts: Mapping[int, int], label: int) -> float:
    return counts.get(label, 0) / max(sum(counts.values()), 1)


def _destination(curve: RecursionCurve, label: int) -> tuple[int, float]:
    """The class that most images leave another one for, and their share of all images of that one."""
    counts = curve.became[label]
    others = {after: count for after, count in counts.items() if after != label}
    if not others:
        return label, 0.0
    target = max(others, key=lambda after: others[after])
    return target, others[target] / sum(counts.values())


def _listed(report: RecursionReport, labels: Sequence[int]) -> str:
    return ", ".join(map(report.label_name, labels)) or "none"


def draw_trajectories(paths: Sequence[Trajectories], path: Path, method: str = "ica", *, seed: int = 0) -> Path:
    """Write the way of each example as dots over the encoded data, as PNG: a row for each way of encoding.

    Args:
        paths: What was followed; each in a row.
        path: The file.
        method: ``ica`` as on the slides, ``pca``, or ``direct`` for two coordinates.
        seed: Seed of the projection.

    Raises:
        AugalgebraError: The method does not suit these codes, or is t-SNE, which knows no place for new codes.
    """
    if method == "tsne":
        raise AugalgebraError("t-SNE has no place for codes that it was not made with; use pca or ica")
    columns = len(paths[0].labels)
    figure = figures.empty(4.2 * columns, 3.8 * len(paths) + 0.4)
    grid = figure.subplots(len(paths), columns, squeeze=False)
    for axes, item in zip(grid, paths, strict=True):
        codes = item.codes.reshape(-1, item.codes.shape[2])
        behind, moved = project(method, item.background, [codes], seed=seed)
        lines = moved.reshape(*item.codes.shape[:2], 2)
        followed = zip(axes, item.labels, item.names, lines, item.travelled, strict=True)
        for plot, label, name, line, distance in followed:
            plot.scatter(behind[:, 0], behind[:, 1], s=5, color="#C9C9C9", linewidth=0)
            own = behind[item.background_labels == label]
            plot.scatter(own[:, 0], own[:, 1], s=6, color=figures.COLOURS[5], linewidth=0, label=f"encoded {name}s")
            plot.plot(line[:, 0], line[:, 1], color=figures.COLOURS[1], linewidth=0.4, alpha=0.5)
            plot.scatter(line[:, 0], line[:, 1], s=9, color="#D40000", linewidth=0, label="repeats")
            plot.scatter(*line[0], s=40, color="black", marker="x", label="original")
            figures.bare(plot)
            plot.set_title(f"a {name}, {STYLE[item.way][1]}: travelled {distance:.2f}", fontsize=9)
        axes[-1].legend(frameon=False, fontsize=7, loc="best")
    times = paths[0].codes.shape[1] - 1
    figure.suptitle(f"{times} times {paths[0].word}, {method.upper()}", fontsize=10)
    return figures.write(figure, path)


def draw_outcomes(report: RecursionReport, path: Path) -> Path:
    """Write as PNG which class became which: a matrix for each way in which images were decoded.

    Args:
        report: What was measured, with classes.
        path: The file.

    Raises:
        AugalgebraError: No classifier judged the images.
    """
    curves = {way: curve for way, curve in report.curves.items() if curve.became}
    if not curves:
        raise AugalgebraError("no classifier judged these images, so there are no classes to draw")
    labels = sorted({label for curve in curves.values() for row in curve.became.items() for label in (row[0], *row[1])})
    figure = figures.empty(3.6 * len(curves), 3.9)
    for axes, (way, curve) in zip(figure.subplots(1, len(curves), squeeze=False)[0], curves.items(), strict=True):
        counts = np.array([[curve.became.get(before, {}).get(after, 0) for after in labels] for before in labels])
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        for row, column in np.argwhere(shares >= 0.1):
            ink = "white" if shares[row, column] > 0.6 else "black"
            axes.text(column, row, f"{shares[row, column]:.0%}"[:-1], ha="center", va="center", fontsize=6, color=ink)
        axes.set_xticks(range(len(labels)), list(map(report.label_name, labels)), fontsize=7)
        axes.set_yticks(range(len(labels)), list(map(report.label_name, labels)), fontsize=7)
        axes.set_title(STYLE[way][1], fontsize=9, color=STYLE[way][0])
        axes.set_xlabel(f"class after {report.repeats}", fontsize=8)
        axes.set_ylabel("class after one, per cent", fontsize=8)
    return figures.write(figure, path)
