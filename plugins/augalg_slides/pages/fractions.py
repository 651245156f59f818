"""Fractions of augmentations: half a flip, a third of a rotation, by powers of operators and by families of them."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from statistics import fmean
from typing import Any, Literal

import torch
from jaxtyping import Float
from torch import Tensor

from augalg_slides.baselines.scores import is_decided
from augalg_slides.evidence.claims import Claim
from augalgebra.algebra import IDENTITY, Symbol, Word
from augalgebra.catalog import Catalog
from augalgebra.consistency import Batch, Gap, Setting, show_loss
from augalgebra.data import Dataset
from augalgebra.documents import figures
from augalgebra.errors import AugalgebraError, FitError, NotInvertibleError
from augalgebra.latent import MAIN_HEAD, device_of_space
from augalgebra.operators import FitOptions, Operator, OperatorRegistry, find_family
from augalgebra.plain import PlainData
from augalgebra.runs import Run
from augalgebra.training import Views, view_moments

FITTED = (15, 30, 45, 60, 75, 90)
"""Degrees on which the family of rotations is fitted."""
UNSEEN = (10, 20, 40, 50, 70, 80)
"""Degrees on which it is tested as well."""
EXPONENTS = (Fraction(0), Fraction(1, 6), Fraction(1, 3), Fraction(1, 2), Fraction(2, 3), Fraction(5, 6), Fraction(1))
"""Powers of each operator of a run."""
DRAWABLE = 3.0
"""How many times the floor's excess of originals that of members may be, for their gap ratio to say anything."""

Way = Literal["family", "power"]


@dataclass(frozen=True)
class FractionScore(PlainData):
    """A fraction of an augmentation, drawn.

    Attributes:
        way: ``power`` of a single operator, or member of a fitted ``family``.
        of: The augmentation or the family.
        at: The exponent, or the parameter of the member.
        fitted: Whether the family was fitted on this member, or the run has this very operator.
        truth: The word that does the same to pixels; None where no augmentation does.
        gap: What it costs to draw the image under that word.
        one_parameter: Whether powers s and t make the power s + t.
        defect: ‖Lᵗ L¹⁻ᵗ - L‖_F / √d for powers; two halves that make a whole give 0.
        reason: Why it is no one-parameter group, or has no such power.
    """

    way: Way
    of: str
    at: float
    fitted: bool
    truth: str | None = None
    gap: Gap | None = None
    one_parameter: bool = True
    defect: float | None = None
    reason: str = ""
    in_json = "way", "of", "at", "fitted", "truth", "one_parameter", "defect", "reason"

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return super().to_dict() | ({} if self.gap is None else self.gap.to_dict())


@dataclass(frozen=True, eq=False)
class Row:
    """Pictures of one example under fractions.

    Attributes:
        title: What is shown.
        at: The exponent or parameter of each.
        images: The pictures.
    """

    title: str
    at: tuple[float, ...]
    images: Float[Tensor, "column channel height width"]


@dataclass(frozen=True, eq=False)
class Fractions(PlainData):
    """Fractions of the augmentations of a run.

    Attributes:
        run: Folder of the run.
        images: Number of test images.
        scores: The measurements.
        claims: What the slides say of it.
        rows: Pictures.
    """

    run: str
    images: int
    scores: tuple[FractionScore, ...]
    claims: tuple[Claim, ...]
    rows: tuple[Row, ...]
    in_json = "run", "images", "scores", "claims"


def measure_fractions(
    run: Run,
    *,
    data: Dataset | None = None,
    data_dir: str | Path | None = None,
    images: int | None = 500,
    family: str = "rotate",
    fitted: Sequence[float] = FITTED,
    unseen: Sequence[float] = UNSEEN,
    exponents: Sequence[Fraction] = EXPONENTS,
    seed: int = 0,
) -> Fractions:
    """Measure powers of the operators of a run, and members of a family fitted in its latent space.

    The encoder stays as it is; only a run that was trained on turned images can be expected to draw them, which the
    floor tells. Nothing is added to the run.

    Args:
        run: The run.
        data: Its data set, if it is in memory already.
        data_dir: Where downloaded data sets lie.
        images: How many test images, if not all.
        family: Name of a family of augmentations with one parameter.
        fitted: Parameters that the family is fitted on.
        unseen: Further parameters that it is measured at.
        exponents: Powers of each operator.
        seed: Seed of the fit.

    Raises:
        RunError: The data are not those of the run.
        AugalgebraError: There is no such family, or it cannot be fitted.
    """
    data = data or run.settings.load_data(data_dir)
    run.check_data(data)
    catalog = run.registry.catalog
    split = data.test.sample(images)
    pictures, ids = split.batch(slice(None))
    setting = Setting(run.space, catalog, run.settings.seed, MAIN_HEAD)
    batch = Batch(setting, pictures.to(device_of_space(run.space)), ids)
    members = {float(at): catalog.word(f"{family}({at})") for at in sorted({*fitted, *unseen})}
    views = Views.published(catalog, [members[float(at)] for at in fitted], longest=1, seed=run.settings.seed)
    registry = OperatorRegistry.of(run.space, catalog)
    options = FitOptions(seed=seed)
    registry.fit_family(view_moments(run.space, views, data.train), members[float(fitted[0])], options)
    scores: list[FractionScore] = []
    drawn: list[tuple[float, Operator]] = [(0.0, registry.operator(IDENTITY))]
    with torch.no_grad():
        for at, word in members.items():
            operator = registry.operator(word)
            drawn.append((at, operator))
            scores.append(_score(batch, operator, word, FractionScore("family", family, at, at in map(float, fitted))))
        rows = [
            _true_row(batch, family, {0.0: IDENTITY, **members}),
            _row(batch, f"{family}, family of operators", drawn),
        ]
        for name in run.settings.augmentations:
            new, shown = _powers(run, catalog, batch, catalog.word(name), exponents)
            scores += new
            rows += shown
    return Fractions(str(run.folder), len(split), tuple(scores), tuple(_claims(scores, family)), tuple(rows))


def true_fraction(catalog: Catalog, word: Word, exponent: Fraction) -> Word | None:
    """The member of a family that does to pixels what a power of an augmentation should do.

    A law such as ``rotate(-90) = rotate_cw`` makes a third of a quarter turn a rotation by 30°; of several members that
    do the same the nearest to nothing counts.

    Args:
        catalog: Knows the laws.
        word: A single augmentation.
        exponent: The power.

    Returns:
        The word; None if no law says so.
    """
    if exponent == 0:
        return IDENTITY
    if exponent == 1:
        return word
    found: list[tuple[Fraction, Symbol]] = []
    for law in catalog.laws:
        for side, other in ((law.lhs, law.rhs), (law.rhs, law.lhs)):
            if other != word or len(side) != 1 or side.letters[0].inverse or not law.counts:
                continue
            stated = side.letters[0].symbol
            # what the law leaves open, such as how corners are filled, is as by default
            given = tuple(itertools.takewhile(lambda value: isinstance(value, Fraction), stated.args))
            (symbol,) = catalog.word(Symbol(stated.name, given)).symbols or (stated,)
            try:
                place = find_family(catalog.laws, symbol).position
            except FitError:
                continue
            value = symbol.args[place]
            if isinstance(value, Fraction):
                scaled = (*symbol.args[:place], value * exponent, *symbol.args[place + 1 :])
                found.append((abs(value), Symbol(symbol.name, scaled)))
    if not found:
        return None
    return catalog.word(min(found, key=lambda pair: pair[0])[1])


def _powers(
    run: Run, catalog: Catalog, batch: Batch, word: Word, exponents: Sequence[Fraction]
) -> tuple[list[FractionScore], list[Row]]:
    operator, name = run.registry.operator(word), catalog.display(word)
    scores: list[FractionScore] = []
    drawn: list[tuple[float, Operator]] = []
    truths: dict[float, Word] = {}
    for exponent in exponents:
        at = float(exponent)
        try:
            power, rest = operator**at, operator ** (1 - at)
        except (FitError, NotInvertibleError) as error:
            scores.append(FractionScore("power", name, at, False, one_parameter=False, reason=str(error)))
            continue
        whole = at.is_integer()
        reason = "" if whole else operator.real_power(at).reason
        score = FractionScore(
            "power", name, at, whole, one_parameter=not reason, defect=_defect(power, rest, operator), reason=reason
        )
        truth = true_fraction(catalog, word, exponent)
        if truth is not None:
            truths[at] = truth
            score = _score(batch, power, truth, score)
        scores.append(score)
        drawn.append((at, power))
    rows = [_row(batch, f"{name}, power of the operator", drawn)] if drawn else []
    if len(truths) == len(exponents):
        rows.insert(0, _true_row(batch, name, truths))
    return scores, rows


def _defect(power: Operator, rest: Operator, whole: Operator) -> float:
    return (power.affine @ rest.affine).distance(whole.affine)


def _score(batch: Batch, operator: Operator, truth: Word, score: FractionScore) -> FractionScore:
    image = batch.image(truth)
    moved = batch.decode(operator.apply(batch.code(IDENTITY)))
    gap = Gap(
        bce=_mean(batch.loss(moved, image)),
        floor=_mean(batch.loss(batch.drawn(truth), image)),
        identity_bce=_mean(batch.loss(batch.drawn(IDENTITY), image)),
        entropy=_mean(batch.entropy(image)),
    )
    return replace(score, truth=batch.setting.catalog.display(truth) if truth else "id", gap=gap)


def _mean(losses: Tensor) -> float:
    return float(losses.mean(dtype=torch.float64))


def _row(batch: Batch, title: str, drawn: Sequence[tuple[float, Operator]]) -> Row:
    code = batch.code(IDENTITY)[:1]
    images = torch.cat([batch.decode(operator.apply(code)) for _, operator in drawn])
    return Row(title, tuple(at for at, _ in drawn), images.cpu())


def _true_row(batch: Batch, title: str, words: dict[float, Word]) -> Row:
    images = torch.cat([batch.image(word)[:1] for word in words.values()])
    return Row(f"{title}, true pixels", tuple(words), images.cpu())


def _claims(scores: Sequence[FractionScore], family: str) -> Iterator[Claim]:
    unseen = [score for score in scores if score.way == "family" and not score.fitted]
    gaps = [score.gap for score in unseen if score.gap is not None]
    if gaps:
        floors = fmean(gap.floor_excess for gap in gaps)
        usual = [score.gap.floor_excess for score in scores if score.truth == "id" and score.gap is not None]
        original = fmean(usual) if usual else floors
        gap, nothing = fmean(gap.gap_ratio for gap in gaps), fmean(gap.identity_ratio for gap in gaps)
        drawable = floors <= DRAWABLE * original
        yield Claim(
            "14",
            "Augmentations can be interpolated in the latent space",
            f"members of {family} that were not fitted: gap ratio {gap:.3f}, {nothing:.3f} if nothing is moved; "
            f"their floor is {show_loss(floors)} above the entropy, that of originals {show_loss(original)}"
            + ("" if drawable else ": this decoder draws no such images, however they are encoded"),
            gap - 1 < 0.5 * (nothing - 1) if drawable and is_decided(nothing) else None,
            {"gap ratio": gap, "identity ratio": nothing, "floor excess": floors, "of originals": original},
        )
    halves = [
        score
        for score in scores
        if score.way == "power" and score.at == 0.5 and score.truth is None and score.defect is not None
    ]
    for score in halves:
        yield Claim(
            "14",
            f"There is a half of {score.of}: applied twice it is the whole",
            f"two halves are {score.defect:.2g} from the whole" + (f"; {score.reason}" if score.reason else ""),
            score.one_parameter and (score.defect or 0.0) < 1e-3,
            {"defect": score.defect or 0.0},
        )


def draw_fractions(fractions: Fractions, path: Path) -> Path:
    """Write an example under each fraction as PNG, true pixels above what operators lead to.

    Args:
        fractions: What was measured.
        path: The file.

    Raises:
        AugalgebraError: There are no pictures.
    """
    if not fractions.rows:
        raise AugalgebraError("no augmentation of this run has fractions to draw")
    figure = figures.empty(9.5, 0.95 * len(fractions.rows) + 0.4)
    for axes, row in zip(figure.subplots(len(fractions.rows), 1, squeeze=False)[:, 0], fractions.rows, strict=True):
        figures.tiles(axes, row.images[None])
        figures.label_tiles(axes, (row.images.shape[2], row.images.shape[3]), [], [f"{at:.3g}" for at in row.at])
        axes.set_ylabel(row.title.replace(", ", "\n"), fontsize=8, rotation=0, ha="right", va="center")
        axes.tick_params(labelsize=6, pad=1)
    return figures.write(figure, path)
