"""What a sweep found: means and spreads over seeds, the slides' figures beside them, what becomes of their claims."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from augalg_slides.evidence.claims import Claim, Spread, over_seeds
from augalg_slides.sweeps.pairs import (
    MINI_EDGE,
    ROLES,
    SHEAR_CANNY,
    Pair,
    Role,
    show_pair,
)
from augalg_slides.sweeps.settings import NATIVE, CellKey, CellMode, SweepSettings
from augalg_slides.sweeps.store import Cell
from augalgebra.plain import PlainData

_SIGNIFICANCE = 0.05
_SLIDE = "13, 21"


@dataclass(frozen=True)
class Entry(PlainData):
    """One initial pair, target pair and mode, over all seeds that are there. Losses are in the unit of the settings.

    Attributes:
        train: The initial pair.
        target: The pair that is drawn.
        mode: ``native`` is what stage 1 trained, measured with its own head; else a new head of stage 3.
        total: Loss of the original, both augmentations and their composition together.
        loss: Loss of each term.
        floor: The same of encoding and drawing the view directly.
        unmoved: The same where nothing is moved.
        entropy: The same of a perfect drawing.
        excess: Total beyond the entropy of all four.
        seeds: The totals by seed.
        published: The slides' figure of this cell, for MNIST; None if they have none that it can be compared with.
    """

    train: Pair
    target: Pair
    mode: CellMode
    total: Spread
    loss: Mapping[Role, Spread]
    floor: Mapping[Role, Spread]
    unmoved: Mapping[Role, Spread]
    entropy: Mapping[Role, Spread]
    excess: Spread
    seeds: Mapping[int, float]
    published: float | None
    in_json = "train", "target", "mode", "total", "excess", "published", "terms", "seeds"

    @classmethod
    def of(cls, cells: Sequence[Cell], settings: SweepSettings) -> "Entry":
        """The cells of several seeds of a sweep as one entry."""
        key = cells[0].key

        def spreads(name: str) -> dict[Role, Spread]:
            return {role: over_seeds(getattr(cell.terms[role], name) for cell in cells) for role in ROLES}

        return cls(
            key.train,
            key.target,
            key.mode,
            over_seeds(cell.total for cell in cells),
            spreads("loss"),
            spreads("floor"),
            spreads("unmoved"),
            spreads("entropy"),
            over_seeds(cell.excess for cell in cells),
            {cell.key.seed: cell.total for cell in cells},
            settings.published(key.train, key.target),
        )

    @property
    def terms(self) -> dict[Role, dict[str, Spread]]:
        """The parts of the total, by what is drawn."""
        parts = {"loss": self.loss, "floor": self.floor, "unmoved": self.unmoved, "entropy": self.entropy}
        return {role: {name: part[role] for name, part in parts.items()} for role in ROLES}


@dataclass(frozen=True)
class SweepResult(PlainData):
    """What a sweep found.

    Attributes:
        settings: What was asked for.
        cells: Every cell that is there.
        missing: Those that are not.
        failures: What failed and why, one line each.
        notes: What else is worth telling, one line each.
    """

    settings: SweepSettings
    cells: tuple[Cell, ...]
    missing: tuple[CellKey, ...] = ()
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    in_json = "settings", "complete", "entries", "missing", "claims", "failures", "notes"

    @property
    def complete(self) -> bool:
        """Whether every cell is there."""
        return not self.missing

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The cells, each over its seeds, in the order of the pairs."""
        same: dict[tuple[Pair, Pair, CellMode], list[Cell]] = {}
        for cell in self.cells:
            same.setdefault((cell.key.train, cell.key.target, cell.key.mode), []).append(cell)
        return tuple(Entry.of(cells, self.settings) for cells in same.values())

    def entry(self, train: Pair, target: Pair, mode: CellMode) -> Entry | None:
        """One cell over its seeds; None if it is not there."""
        cells = [
            cell for cell in self.cells if (cell.key.train, cell.key.target, cell.key.mode) == (train, target, mode)
        ]
        return Entry.of(cells, self.settings) if cells else None

    def table(self, mode: CellMode) -> dict[tuple[Pair, Pair], Entry]:
        """The published form of the table: what is transferred in one mode, and the native pairs on the diagonal."""
        found = {}
        for train in self.settings.pairs:
            for target in self.settings.targets:
                entry = self.entry(train, target, NATIVE if train == target else mode)
                if entry is not None:
                    found[train, target] = entry
        return found

    @property
    def claims(self) -> tuple[Claim, ...]:
        """What the slides claim of the transfer table, for each mode of stage 3 beside what was measured."""
        made = (
            claim
            for mode in self.settings.modes
            for claim in (self._headline(mode), self._choice_matters(mode), self._below(mode))
        )
        return tuple(claim for claim in made if claim is not None)

    def _headline(self, mode: CellMode) -> Claim | None:
        """Whether mini_image and edge_detect are a better start for shear_x and canny than these themselves."""
        moved = self.entry(MINI_EDGE, SHEAR_CANNY, mode)
        native = self.entry(SHEAR_CANNY, SHEAR_CANNY, NATIVE)
        if moved is None or native is None:
            return None
        difference = pair_seeds(moved, native)
        if difference is None:
            return None
        text = f"Trained on {show_pair(MINI_EDGE)}, transferred to {show_pair(SHEAR_CANNY)} ({mode})"
        unit, digits = self.settings.unit, self.settings.digits
        measured = f"{moved.total} {unit} against {native.total} natively; {tell_difference(difference, digits)}"
        values = {
            "transferred": moved.total.mean,
            "native": native.total.mean,
            **_difference_values(difference),
        }
        own = self.entry(SHEAR_CANNY, SHEAR_CANNY, mode)
        own_difference = None if own is None else pair_seeds(moved, own)
        if own is not None and own_difference is not None:
            measured += (
                f". Against a new head on the native codes ({own.total}): {tell_difference(own_difference, digits)}"
            )
            values["native, new head"] = own.total.mean
        return Claim(_SLIDE, f"{text}, beats native training.", measured + ".", decide(difference), values)

    def _choice_matters(self, mode: CellMode) -> Claim | None:
        """Whether initial pairs differ by more than seeds do, target by target."""
        shares, undecided, values = [], 0, dict[str, float]()
        for target in self.settings.targets:
            found = [self.entry(train, target, mode) for train in self.settings.pairs if train != target]
            entries = [entry for entry in found if entry is not None]
            if len(entries) < 2:
                continue
            means = [entry.excess.mean for entry in entries]
            values[f"worst over best for {show_pair(target)}"] = max(means) / min(means)
            p = compare_starts(entries)
            if p is None:
                undecided += 1
                continue
            values[f"p for {show_pair(target)}"] = p
            shares.append(p < _SIGNIFICANCE / len(self.settings.targets))
        if not values:
            return None
        ratios = [value for name, value in values.items() if name.startswith("worst")]
        measured = (
            f"beyond the entropy the worst start costs {min(ratios):.2f} to {max(ratios):.2f} times the best, target "
            "by target; "
        )
        if shares:
            measured += (
                f"initial pairs differ by more than seeds do for {sum(shares)} of {len(shares)} targets (analysis of "
                f"variance with seeds paired, {_SIGNIFICANCE:g} over the number of targets)"
            )
        else:
            measured += "one seed alone cannot tell whether that is more than chance"
        text = f"The choice of the initial pair impacts how well it transfers ({mode})."
        holds = None if undecided or not shares else (all(shares) or (None if any(shares) else False))
        return Claim(_SLIDE, text, measured + ".", holds, values)

    def _below(self, mode: CellMode) -> Claim | None:
        """How many cells are below the slides' figures, which only MNIST can be compared with."""
        cells = [entry for entry in self.table(mode).values() if entry.published is not None]
        if not cells:
            return None
        below = sum(entry.total.mean < (entry.published or 0) for entry in cells)
        other = "" if self.settings.data == "mnist" else f" (theirs are of MNIST, these of {self.settings.data})"
        apart = [entry.total.mean - (entry.published or 0) for entry in cells]
        return Claim(
            _SLIDE,
            f"The total losses of the transfer table ({mode}).",
            f"{below} of {len(cells)} cells are below the slides' figures{other}; ours less theirs is "
            f"{min(apart):+.1f} to {max(apart):+.1f} nats.",
            None,
            {"cells": float(len(cells)), "below": float(below), "least": min(apart), "most": max(apart)},
        )


def compare_starts(entries: Sequence[Entry]) -> float | None:
    """How likely the means of several entries differ as much by chance: p of an analysis of variance, seeds paired.

    Entries share their seeds, and with them what a seed does to all: a two-way layout without replication, of the
    totals over the seeds that all entries have.

    Returns:
        p; None where fewer than two seeds are shared.
    """
    from scipy.stats import f

    seeds = [seed for seed in entries[0].seeds if all(seed in entry.seeds for entry in entries)]
    if len(seeds) < 2:
        return None
    totals = np.array([[entry.seeds[seed] for seed in seeds] for entry in entries])
    if not np.ptp(totals, axis=0).any():
        return 1.0
    means, whole = totals.mean(axis=1, keepdims=True), totals.mean()
    between = len(seeds) * ((means - whole) ** 2).sum()
    left = ((totals - means - totals.mean(axis=0) + whole) ** 2).sum()
    freedom, left_freedom = len(entries) - 1, (len(entries) - 1) * (len(seeds) - 1)
    ratio = (between / freedom) / (left / left_freedom) if left else np.inf
    return float(f.sf(ratio, freedom, left_freedom))


def pair_seeds(first: Entry, second: Entry) -> Spread | None:
    """The difference of two totals over the seeds that both have; None if there is none."""
    seeds = [seed for seed in first.seeds if seed in second.seeds]
    return over_seeds(first.seeds[seed] - second.seeds[seed] for seed in seeds) if seeds else None


def decide(difference: Spread) -> bool | None:
    """Whether a difference is below zero, judged by its interval; None where zero lies within."""
    low, high = difference.interval
    return True if high < 0 else False if low > 0 else None


def tell_difference(difference: Spread, digits: int) -> str:
    """A difference with its interval, in words, with so many decimals."""
    told = f"difference {difference.mean:+.{digits}f}"
    if difference.n < 2:
        return f"{told}, from a single seed"
    low, high = difference.interval
    return f"{told}, 95 % interval {low:+.{digits}f} to {high:+.{digits}f} over {difference.n} seeds"


def _difference_values(difference: Spread) -> dict[str, float]:
    low, high = difference.interval
    return {"difference": difference.mean, "low": low, "high": high, "seeds": float(difference.n)}
