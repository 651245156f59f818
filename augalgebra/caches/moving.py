"""A whole cache moved by a word, or written under every element of a group: whole files, resumable, in parallel."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from augalgebra.algebra.words import Word
from augalgebra.caches.cache import Cache
from augalgebra.caches.journal import Journal, digest_of, state_of
from augalgebra.caches.mover import FLIP, Mover, check_record
from augalgebra.caches.rewriting import Target, rewrite
from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.errors import ParameterError
from augalgebra.operators.grids.registry import GridRegistry
from augalgebra.storage.files import parts_in, remove_abandoned
from augalgebra.storage.locks import lock
from augalgebra.tasks import Workers, run_tasks

__all__ = ["Written", "augment_cache", "move_cache"]


@dataclass(frozen=True)
class Written:
    """What became of a cache.

    Attributes:
        out: The folder that was written to.
        words: The words that its codes are under, as they are shown; the first copies first.
        copies: The words of second copies.
        files: How many files were written now, and
        before: how many had been written before.
        stale: Why operators should not be trusted any more.
    """

    out: Path
    words: tuple[str, ...]
    copies: tuple[str, ...]
    files: int
    before: int
    stale: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        """All of it, fit for JSON."""
        return {
            "out": str(self.out),
            "words": list(self.words),
            "copies": list(self.copies),
            "files_written": self.files,
            "files_written_before": self.before,
            "stale": list(self.stale),
        }


@dataclass(frozen=True)
class Scaling:
    """How codes lie on the disk: ``(code - shift) * scale``.

    Attributes:
        scale: What they were multiplied by.
        shift: What was subtracted first.
    """

    scale: float = 1.0
    shift: float = 0.0

    @property
    def is_raw(self) -> bool:
        """Whether they are as the autoencoder answers them."""
        return self.scale == 1 and not self.shift


RAW = Scaling()


def move_cache(
    cache: Cache,
    word: str | Word,
    registry: GridRegistry,
    out: Path,
    *,
    scaling: Scaling = RAW,
    noise: int | None = None,
    jobs: int = 1,
    progress: CaseProgress = unseen,
) -> Written:
    """Write a cache again with all its codes moved by a word.

    Second copies stay what they are: of each moved picture the one flipped from left to right. What lies there already
    is taken as it is: moved by the flip, the codes of a cache with both copies are its second copies, bit for bit.
    Crops, masks and sizes of pictures move along, labels stay; a name that tells the size tells that of the moved
    picture.

    Args:
        cache: The cache.
        word: The word.
        registry: Operators of the autoencoder that made the codes.
        out: The folder to write to: a new or empty one, or one that this was begun in before and then goes on.
        scaling: How codes lie on the disk.
        noise: Seed of noise as strong as what operators miss, so that moved codes vary as those of an encoder do; None
            for none.
        jobs: How many processes.
        progress: Told how many files are done.

    Raises:
        MissingOperatorError: The word has no operator.
        DataError: A file is damaged or does not belong to these operators, or the folder holds something else.
        ImageError: Codes are not finite, before or after.
        AugalgebraError: Something cannot be written.
    """
    canonical = registry.catalog.word(word)
    copies = {canonical: canonical * registry.catalog.word(FLIP)} if _keeps_copies(cache) else {}
    return _write(cache, registry, out, {canonical: ""}, copies, scaling, noise, jobs, progress)


def augment_cache(
    cache: Cache,
    generators: Sequence[str | Word],
    registry: GridRegistry,
    out: Path,
    *,
    scaling: Scaling = RAW,
    noise: int | None = None,
    jobs: int = 1,
    progress: CaseProgress = unseen,
) -> Written:
    """Write a cache under every element of the group that some augmentations generate.

    Where the format keeps second copies and the flip from left to right is in the group, a file holds an element and
    that element followed by the flip, so that there are half as many files. Files of the element that does nothing have
    the names that they had; of others the element stands in the name.

    Args:
        cache: The cache.
        generators: Augmentations or words.
        registry: Operators of the autoencoder that made the codes.
        out: The folder to write to, as for `move_cache`.
        scaling: How codes lie on the disk.
        noise: Seed of noise as strong as what operators miss, so that moved codes vary as those of an encoder do; None
            for none.
        jobs: How many processes.
        progress: Told how many files are done.

    Raises:
        FitError: The augmentations generate no finite set.
        AugalgebraError: As for `move_cache`.
    """
    elements = registry.elements(generators)
    flip = registry.catalog.word(FLIP)
    keeps_copies = _keeps_copies(cache)
    copies: dict[Word, Word] = {}
    left = list(elements)
    names: dict[Word, str] = {}
    while left:
        word = left.pop(0)
        names[word] = _name_of(registry.catalog.display(word)) if word else ""
        flipped = registry.reduced(word * flip)
        partner = next((item for item in left if registry.reduced(item) == flipped), None)
        if keeps_copies and partner is not None:
            left.remove(partner)
            copies[word] = partner
    if len(set(names.values())) < len(names):
        raise ParameterError(f"elements have names that are alike in the name of a file: {', '.join(names.values())}")
    return _write(cache, registry, out, names, copies, scaling, noise, jobs, progress)


def _write(
    cache: Cache,
    registry: GridRegistry,
    out: Path,
    names: dict[Word, str],
    copies: dict[Word, Word],
    scaling: Scaling,
    noise: int | None,
    jobs: int,
    progress: CaseProgress,
) -> Written:
    check_record(cache.record, registry, scaled=not scaling.is_raw)
    mover = Mover(registry, [*names, *copies.values()], scaling.scale, scaling.shift, noise)
    for word in (*names, *copies.values()):
        mover.way(word, has_copy=True)  # before anything is written
    shown = registry.catalog.display
    words, seconds = tuple(shown(word) for word in names), tuple(shown(word) for word in copies.values())
    kept = list(names.values()) == [""]
    targets = [Target(word, copies.get(word), kept, element) for word, element in names.items()]
    task = {
        "format": cache.format.name,
        "source": str(cache.root.resolve()),
        "model": registry.fingerprint,
        "operators": mover.digest,
        "scaled": not scaling.is_raw,
        "scale": [scaling.scale, scaling.shift],
        "words": words,
        "copies": seconds,
        "noise": noise,
    }
    done = before = 0
    _refuse_itself(cache, out)
    _refuse_one_name(cache, targets, mover)
    with lock(out, "moved"):
        journal = Journal(out, task)
        for folder in {out / name.parent for name in cache.files}:
            if any(True for _ in parts_in(folder)):  # what a killed process left
                remove_abandoned(folder)
        states = {name: state_of(cache.root / name) for name in cache.files}
        items = [(name, journal.written(name.as_posix(), states[name])) for name in cache.files]
        work = partial(_rewrite_all, cache, targets, mover, out)
        for (name, _), written in run_tasks(work, items, Workers(jobs, threads=1)):
            if written is None:
                before += 1
            else:
                journal.record(name.as_posix(), states[name], written)
                done += 1
            progress(before + done, len(cache.files), str(name))
    return Written(out, words, seconds, done, before, mover.stale)


def _rewrite_all(
    cache: Cache, targets: Sequence[Target], mover: Mover, out: Path, item: tuple[Path, dict[str, str] | None]
) -> dict[str, str] | None:
    """Write all that comes of a file; None if it is there, whole."""
    name, written = item
    if written is not None and all(digest_of(out / made) == digest for made, digest in written.items()):
        return None
    return dict(rewrite(cache, name, target, mover, out) for target in targets)


def _refuse_itself(cache: Cache, out: Path) -> None:
    """See that the cache is not written into."""
    place = out.resolve()
    # what links lead to belongs to it as well
    roots = {cache.root.resolve(), *((cache.root / name).resolve().parent for name in cache.files)}
    if any(place == root or root in place.parents or place in root.parents for root in roots):
        raise ParameterError(f"{out} holds the cache, or lies in it; name another folder with --out")


def _refuse_one_name(cache: Cache, targets: Sequence[Target], mover: Mover) -> None:
    """See that no file of what is made takes the place of another."""
    sources: dict[Path, Path] = {}
    for name in cache.files:
        for target in targets:
            transposed = mover.placement(target.word).transposed
            made = cache.format.name_for(name, target.element, transposed=transposed)
            if made in sources:
                raise ParameterError(
                    f"what is made of {sources[made]} and of {name} would both be called {made.name}; rename one, or "
                    "take what was made before out of the cache"
                )
            sources[made] = name


def _keeps_copies(cache: Cache) -> bool:
    """Whether the format of a cache has a place for second copies."""
    with cache.read(cache.files[0]) as (_, layout):
        return any(codes.copy_key for codes in layout.codes)


def _name_of(word: str) -> str:
    """A word as it stands in the name of a file."""
    return re.sub(r"[^A-Za-z0-9_.+-]+", "-", word.replace(" ", "").replace("*", "+")).strip("-")
