"""Data sets of the datasets library of Hugging Face: saved in a folder, as parquet files, or on the hub.

The package comes with ``pip install 'augalgebra[datasets]'``. Pictures are taken as they are stored, and decoded as
those of a folder are: by the same rules, with the same remarks. Code that a data set brings is never run.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from augalgebra.data.folder import find_held_out
from augalgebra.data.streams import TEST, TRAIN, LabelledPicture
from augalgebra.decoding import PackedPicture
from augalgebra.errors import DataError, nearest

CHOICES = ("image", "label", "split", "config", "revision")
"""What may be named after the place: ``hf:PLACE?image=COLUMN&label=COLUMN&split=NAME&config=NAME&revision=NAME``."""

_SAVED = ("dataset_dict.json", "state.json")
_LABELS = ("label", "labels", "class", "target")  # columns that are taken for the classes without being named
_LABEL_TYPES = ("int", "uint", "string", "large_string", "bool")
_LONGEST_REASON = 300


@dataclass(frozen=True)
class HubPictures:
    """A data set that is open for reading.

    Attributes:
        classes: Names of the labels 0, 1, 2, …; none where labels are numbers or text of their own.
        remarks: What its owner should know.
        total: How many pictures there are; 0 if that is not known.
    """

    classes: tuple[str, ...]
    remarks: tuple[str, ...]
    total: int
    _parts: tuple[tuple[str, str, Any], ...]
    _image: str
    _label: str

    def __iter__(self) -> Iterator[LabelledPicture]:
        """The pictures with their labels, in their order.

        Raises:
            DataError: The data cannot be read, or a label is of no class.
        """
        for name, part, rows in self._parts:
            try:
                yield from self._read(name, part, rows)
            except DataError:
                raise
            except Exception as error:  # whatever the readers of the library stumble over
                raise DataError(f"{name} cannot be read: {_reason(error)}") from error

    def _read(self, name: str, part: str, rows: Any) -> Iterator[LabelledPicture]:
        for number, row in enumerate(rows):
            cell = row[self._image] or {}
            content, path = cell.get("bytes"), cell.get("path")
            picture = Path(path) if content is None and path else PackedPicture(f"{name}[{number}]", content or b"")
            label = row[self._label] if self._label else None
            if self.classes and not (type(label) is int and 0 <= label < len(self.classes)):
                hint = "name another split (split=NAME) or do without labels (label=)"
                raise DataError(f"{name}[{number}] has the label {label}, which no class has; {hint}")
            if isinstance(label, bool):
                label = int(label)
            yield LabelledPicture(picture, label, part)


def open_hub(place: str) -> HubPictures:
    """Open a data set.

    Args:
        place: A folder that ``save_to_disk`` wrote, a folder of parquet files or one such file, or a name on the hub;
            and what is to be read where that is not plain, as in ``cifar100?image=img&label=fine_label``. An empty
            ``label=`` is for no labels.

    Raises:
        DataError: The package is missing, there is no such data set, or what is to be read of it is not plain.
    """
    try:
        import datasets
    except ImportError as error:
        raise DataError(
            f"hf:{place} needs the package datasets ({error}); pip install 'augalgebra[datasets]'"
        ) from error
    where, _, query = place.partition("?")
    chosen = _choices(place, query)
    datasets.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    found = _opened(datasets, where, chosen)
    splits: Mapping[str, Any] = found if isinstance(found, Mapping) else {where: found}
    parts, remarks = _chosen_parts(where, splits, chosen.get("split"))
    features = dict(next(iter(parts))[2].features or {})
    image = _image_column(datasets, where, features, chosen.get("image"))
    label, classes = _label_column(datasets, where, features, chosen.get("label"))
    columns = [image, *([label] if label else [])]
    if not label:
        remarks.append(f"{where} is read without labels; its columns are {', '.join(features)}")
    read = [
        (name, part, rows.select_columns(columns).cast_column(image, datasets.Image(decode=False)))
        for name, part, rows in parts
    ]
    counts = [getattr(rows, "num_rows", None) or 0 for _, _, rows in read]
    return HubPictures(classes, tuple(remarks), sum(counts) if all(counts) else 0, tuple(read), image, label)


def _choices(place: str, query: str) -> dict[str, str]:
    pairs = parse_qsl(query, keep_blank_values=True)
    for name, _ in pairs:
        if name not in CHOICES:
            near = nearest(name, CHOICES, 1)
            hint = f"did you mean {near[0]}? " if near else ""
            raise DataError(f"hf:{place}: {name!r} cannot be chosen; {hint}Known are {', '.join(CHOICES)}")
    return dict(pairs)


def _opened(datasets: Any, where: str, chosen: Mapping[str, str]) -> Any:
    path = Path(where)
    try:
        if path.is_dir() and any((path / name).is_file() for name in _SAVED):
            return datasets.load_from_disk(where)
        if path.is_file() and path.suffix == ".parquet":
            return datasets.load_dataset("parquet", data_files=where, split="train", streaming=True)
        if path.is_dir() and any(path.rglob("*.parquet")):
            return datasets.load_dataset(str(path.resolve()), chosen.get("config"), streaming=True)
        if not path.exists():
            return datasets.load_dataset(where, chosen.get("config"), revision=chosen.get("revision"))
    except Exception as error:  # the library raises whatever occurs to it, down to errors of a connection
        raise DataError(f"hf:{where} cannot be opened: {_reason(error)}") from error
    raise DataError(
        f"{where} holds neither what save_to_disk writes nor parquet files; a folder of pictures is named as it is, "
        "shards as webdataset:FOLDER"
    )


def _chosen_parts(
    where: str, splits: Mapping[str, Any], wanted: str | None
) -> tuple[list[tuple[str, str, Any]], list[str]]:
    """The splits that are read: how each is called in messages, and the part that it is."""
    if wanted is not None:
        if wanted not in splits:
            raise DataError(f"{where} has no split {wanted!r}; it has {', '.join(splits)}")
        return [(f"{where}/{wanted}", "", splits[wanted])], []
    if len(splits) == 1:
        return [(where, "", rows) for rows in splits.values()], []
    held_out = find_held_out({(name,) for name in splits if name in (TRAIN, TEST) or name.startswith("val")})
    if not held_out:
        raise DataError(f"{where} has the splits {', '.join(splits)}; name one: hf:{where}?split={next(iter(splits))}")
    parts = [(f"{where}/{name}", part, splits[name]) for name, part in ((TRAIN, TRAIN), (held_out, TEST))]
    aside = [name for name in splits if name not in (TRAIN, held_out)]
    return parts, [
        f"{where}: {TRAIN} is learned from, {held_out} is measured on; {', '.join(aside)} is left aside"
    ] * bool(aside)


def _image_column(datasets: Any, where: str, features: Mapping[str, Any], wanted: str | None) -> str:
    images = [name for name, feature in features.items() if isinstance(feature, datasets.Image)]
    if wanted is not None:
        if wanted not in images:
            raise DataError(f"{where} has no pictures in {wanted!r}; they are in {', '.join(images) or 'no column'}")
        return wanted
    if len(images) != 1:
        of = f"; name one: hf:{where}?image={images[0]}" if images else f"; it has {', '.join(features) or 'none'}"
        raise DataError(f"{where} has {len(images) or 'no'} columns of pictures{of}")
    return images[0]


def _label_column(
    datasets: Any, where: str, features: Mapping[str, Any], wanted: str | None
) -> tuple[str, tuple[str, ...]]:
    """The column of labels, or nothing, and the names of its classes."""
    if wanted == "":
        return "", ()
    classes = [name for name, feature in features.items() if isinstance(feature, datasets.ClassLabel)]
    others = [name for name, feature in features.items() if str(getattr(feature, "dtype", "")).startswith(_LABEL_TYPES)]
    possible = list(dict.fromkeys((*classes, *others)))
    if wanted is not None and wanted not in possible:
        raise DataError(f"{where} has no labels in {wanted!r}; they may be in {', '.join(possible) or 'no column'}")
    known = [name for name in _LABELS if name in possible]
    if wanted is None and len(classes) > 1 and not known:
        raise DataError(f"{where} has labels in {', '.join(classes)}; name one: hf:{where}?label={classes[0]}")
    column = wanted or next(iter((*known, *classes)), "")
    return column, tuple(features[column].names) if column in classes else ()


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:_LONGEST_REASON] or type(error).__name__
