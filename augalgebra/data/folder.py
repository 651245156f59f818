"""A folder of pictures as images with classes, split as its owner split it."""

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path, PurePath

from augalgebra.images import ByteArray, picture_files, read_pictures

TRAIN, TEST = "train", "test"
VALIDATION = ("val", "valid", "validation")
"""Names of a third part. Nothing here is chosen by one, so that it stands in for a missing test part only."""


@dataclass(frozen=True)
class PictureFolder:
    """What a folder of pictures holds.

    Attributes:
        parts: Images ``[image, channel, height, width]`` and their classes: all together, or those to learn from and
            those to measure on where the folder has them apart.
        classes: Name of each class: the path of its folder within the part; none where there are no subfolders.
        remarks: What is not taken as it is, or not at all.
    """

    parts: tuple[tuple[ByteArray, list[int]], ...]
    classes: tuple[str, ...]
    remarks: tuple[str, ...]


def read_folder(folder: Path, *, size: int | None = None, skip_broken: bool = False) -> PictureFolder:
    """Read all pictures of a folder, in order of their names, grey if every picture is grey and else in three colours.

    Args:
        folder: Pictures, or subfolders with pictures. Each subfolder is a class; or the subfolders are ``train`` and
            ``test`` (or ``val`` in place of it, or beside it, where it is left aside), with classes in them or not.
        size: Bring all to squares of so many pixels, see `augalgebra.images.read_pictures`; None keeps their own size.
        skip_broken: Leave out pictures that cannot be read.

    Raises:
        DataError: There is no picture.
        ImageError: Pictures cannot be read, or they differ in size.
    """
    places, held_out, remarks = find_pictures(folder)
    pictures = read_pictures(list(places), square=size, skip_broken=skip_broken)
    remarks += pictures.remarks
    depth = 1 if held_out else 0
    classes = [places[file].parts[depth:] for file in pictures.files]
    order = {parts: number for number, parts in enumerate(sorted(set(classes)))}
    measured = [bool(held_out) and places[file].parts[0] == held_out for file in pictures.files]
    rows = [[row for row, tested in enumerate(measured) if tested is part] for part in (False, True)]
    names = [str(PurePath(*parts)) for parts in order]
    unknown = set(order) - {classes[row] for row in rows[0]}
    if unknown:
        listed = ", ".join(name for name, parts in zip(names, order, strict=True) if parts in unknown)
        remarks.append(f"{folder / held_out} has classes that {folder / TRAIN} has not: {listed}")
    return PictureFolder(
        tuple((pictures.pixels[part], [order[classes[row]] for row in part]) for part in rows[: 1 + depth]),
        () if order.keys() == {()} else tuple(names),
        tuple(remarks),
    )


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
