"""A folder of pictures as images with classes, split as its owner split it."""

from collections.abc import Collection
from pathlib import Path, PurePath

import numpy as np

from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.data.streams import TEST, TRAIN, CollectedPictures, LabelledPicture, collect_pictures
from augalgebra.images import picture_files

VALIDATION = ("val", "valid", "validation")
"""Names of a third part. Nothing here is chosen by one, so that it stands in for a missing test part only."""


def read_folder(
    name: str, *, size: int | None = None, skip_broken: bool = False, progress: CaseProgress = unseen
) -> CollectedPictures:
    """Read all pictures of a folder, in order of their names, grey if every picture is grey and else in three colours.

    Args:
        name: The folder. Pictures, or subfolders with pictures. Each subfolder is a class, called by its path; or the
            subfolders are ``train`` and ``test`` (or ``val`` in place of it, or beside it, where it is left aside),
            with classes in them or not.
        size: Bring all to squares of so many pixels, see `augalgebra.images.read_pictures`; None keeps their own size.
        skip_broken: Leave out pictures that cannot be read.
        progress: Called as they are read.

    Raises:
        DataError: There are too few, or there is no room for their bytes on the disk.
        ImageError: Pictures cannot be read, or they differ in size.
    """
    folder = Path(name)
    places, held_out, remarks = find_pictures(folder)
    depth = 1 if held_out else 0
    classes = sorted({place.parts[depth:] for place in places.values()})
    numbers = {parts: number for number, parts in enumerate(classes)}
    parts = {TRAIN: TRAIN, held_out: TEST} if held_out else {}
    pictures = [
        LabelledPicture(file, numbers[place.parts[depth:]], parts.get(place.parts[0], "") if parts else "")
        for file, place in places.items()
    ]
    found = collect_pictures(name, pictures, size=size, skip_broken=skip_broken, total=len(pictures), progress=progress)
    learnt, measured = (np.unique(labels) for _, labels in (found.train, found.test))
    seen = np.union1d(learnt, measured)  # of some classes no picture may be left
    names = [str(PurePath(*classes[number])) for number in seen]
    unknown = [name for name, number in zip(names, seen, strict=True) if held_out and number not in learnt]
    told = (f"{folder / held_out} has classes that {folder / TRAIN} has not: {', '.join(unknown)}",) if unknown else ()
    train, test = (
        (pixels, np.searchsorted(seen, labels).astype(np.int64)) for pixels, labels in (found.train, found.test)
    )
    named = () if [classes[number] for number in seen] == [()] else tuple(names)
    return CollectedPictures(train, test, named, (*remarks, *found.remarks, *told))


def find_pictures(folder: Path) -> tuple[dict[Path, Path], str, list[str]]:
    """The pictures of a folder and its subfolders, in order of their names.

    Returns:
        The place of each picture within the folder, without its name; the subfolder that is for measuring if there is
        one beside ``train`` (then pictures elsewhere are left aside), or an empty text; and what is to be said of it.

    Raises:
        DataError: There is no picture.
    """
    places = {file: file.relative_to(folder).parent for file in picture_files(folder, subfolders=True)}
    held_out = find_held_out({place.parts[:1] for place in places.values()})
    if not held_out:
        return places, "", []
    remarks = []
    aside = [file for file, place in places.items() if place.parts[0] not in (TRAIN, held_out)]
    if aside:
        name = places[aside[0]].parts[0]
        remarks.append(f"{folder / name} is left aside: {TRAIN} is learned from, {held_out} is measured on")
    elif held_out != TEST:
        remarks.append(f"{folder / held_out} is measured on, as there is no {folder / TEST}")
    return {file: place for file, place in places.items() if place.parts[0] in (TRAIN, held_out)}, held_out, remarks


def find_held_out(tops: Collection[tuple[str, ...]]) -> str:
    """Which part of a data set is for measuring; empty unless all of its parts are those of a split.

    Args:
        tops: The names of its parts, each as a tuple of at most one.
    """
    names = {top[0] for top in tops if top}
    if () in tops or TRAIN not in names or not names <= {TRAIN, TEST, *VALIDATION}:
        return ""
    return next((name for name in (TEST, *VALIDATION) if name in names), "")
