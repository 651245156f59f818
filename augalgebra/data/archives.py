"""Published data sets: where their files lie or are fetched from, and how one knows that they are the right ones.

What is fetched must have the published checksum. So must a file that lies directly in the data folder: MNIST's file
names are used by others too. A file in a folder of its data set's name may have been packed anew: where only the
checksum of the packed file is published, its structure and sizes are checked instead.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.data.cifar import FOLDER, read_cifar10
from augalgebra.data.download import cache_folder, fetch
from augalgebra.data.idx import read_idx
from augalgebra.errors import DataError
from augalgebra.images import ByteArray


@dataclass(frozen=True)
class IdxFile:
    """A file with images or labels.

    Attributes:
        name: Its name, gzipped.
        shape: Shape of what it holds.
        md5: MD5 of the file, or of what it holds once decompressed.
        of_content: Whether `md5` is that of what it holds.
    """

    name: str
    shape: tuple[int, ...]
    md5: str
    of_content: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Under which names it is looked for."""
        return self.name, self.name.removesuffix(".gz")

    def read(self, path: Path, *, exact: bool) -> tuple[ByteArray, ...]:
        """What it holds.

        Args:
            path: The file.
            exact: Whether the checksum must be right even if that of the packed file is all one has.

        Raises:
            DataError: It is not the right file.
        """
        array = read_idx(path, md5=self.md5 if exact or self.of_content else None, shape=self.shape)
        return (array,)


@dataclass(frozen=True)
class CifarArchive:
    """The archive with all of CIFAR-10.

    Attributes:
        name: Its name.
        md5: Its MD5.
        records: Images in each of its files.
    """

    name: str
    md5: str
    records: int = 10_000

    @property
    def names(self) -> tuple[str, ...]:
        """Under which names it is looked for: packed and unpacked."""
        return self.name, FOLDER

    def read(self, path: Path, *, exact: bool) -> tuple[ByteArray, ...]:
        """What it holds: images and labels for training, images and labels for testing.

        Args:
            path: The archive, or the folder that it unpacks to.
            exact: Whether the checksum of an archive must be right.

        Raises:
            DataError: It is not the right file.
        """
        return read_cifar10(path, md5=self.md5 if exact else None, records=self.records)


@dataclass(frozen=True)
class PublishedDataset:
    """A data set that others published.

    Attributes:
        name: What it is asked for by.
        folder: How torchvision calls its folder.
        files: Its files; what they hold, one after the other, is images and labels for training, then for testing.
        mirrors: Addresses of folders that hold all the files; the first is asked first.
    """

    name: str
    folder: str
    files: tuple[IdxFile | CifarArchive, ...]
    mirrors: tuple[str, ...]

    def read(self, data_dir: Path | None, progress: CaseProgress = unseen) -> list[ByteArray]:
        """Images and labels for training, images and labels for testing.

        Args:
            data_dir: Where to look before anything is fetched: directly there, in a folder of the data set's name, or
                as torchvision lays them out.
            progress: Called while something is fetched.

        Raises:
            DataError: A file is damaged or another one, or it is missing and cannot be fetched.
        """
        if data_dir is not None and not data_dir.is_dir():
            raise DataError(f"there is no folder {data_dir}, where {self.name} was to be looked for")
        arrays: list[ByteArray] = []
        for file in self.files:
            found = self._find(file, data_dir)
            arrays += self._fetch(file, data_dir, progress) if found is None else found
        return arrays

    def _find(self, file: IdxFile | CifarArchive, data_dir: Path | None) -> tuple[ByteArray, ...] | None:
        """What a file in the data folder holds, or None if it is not there."""
        for place, named in self._places(data_dir):
            for path in (place / name for name in file.names):
                if not path.exists():
                    continue
                try:
                    return file.read(path, exact=not named)
                except DataError:
                    if named or not self._borrows_names:
                        raise  # rather than fetch what the user has, and never say that it is damaged
        return None

    def _places(self, data_dir: Path | None) -> Iterator[tuple[Path, bool]]:
        """Where files may lie, and whether the place is named after the data set."""
        if data_dir is None:
            return
        names = (self.name, self.folder)
        for place in [data_dir] * (data_dir.name in names) + [data_dir / name for name in names]:
            yield place / "raw", True
            yield place, True
        yield data_dir, False

    @property
    def _borrows_names(self) -> bool:
        """Whether the files are called like those of MNIST, so that a foreign one is no surprise."""
        return self is not MNIST and {file.name for file in self.files} == {file.name for file in MNIST.files}

    def _fetch(
        self, file: IdxFile | CifarArchive, data_dir: Path | None, progress: CaseProgress
    ) -> tuple[ByteArray, ...]:
        """What a file holds that was fetched before or is fetched now."""
        folder = cache_folder() / self.name
        if (folder / file.name).is_file():
            with contextlib.suppress(DataError):  # damaged since
                return file.read(folder / file.name, exact=True)
        try:
            path = fetch(
                file.name,
                [mirror + file.name for mirror in self.mirrors],
                folder,
                lambda path: file.read(path, exact=True),
                progress,
            )
        except DataError as error:
            names = ", ".join(wanted.name for wanted in self.files)
            where = f"DIR/{self.name} and set AUGALG_DATA=DIR" if data_dir is None else data_dir / self.name
            missing = "" if data_dir is None else f"is not in {data_dir} and "
            raise DataError(f"{self.name} {missing}cannot be downloaded ({error}); put {names} into {where}") from error
        return file.read(path, exact=True)


def _idx_files(md5: tuple[str, str, str, str], *, of_content: bool = False) -> tuple[IdxFile, ...]:
    """The four files that MNIST and its relatives consist of."""
    files = (
        ("train-images-idx3-ubyte.gz", (60_000, 28, 28)),
        ("train-labels-idx1-ubyte.gz", (60_000,)),
        ("t10k-images-idx3-ubyte.gz", (10_000, 28, 28)),
        ("t10k-labels-idx1-ubyte.gz", (10_000,)),
    )
    return tuple(IdxFile(*file, checksum, of_content) for file, checksum in zip(files, md5, strict=True))


MNIST = PublishedDataset(
    "mnist",
    "MNIST",
    # Copies of MNIST are often packed anew, so it is known by its content.
    _idx_files(
        (
            "6bbc9ace898e44ae57da46a324031adb",
            "a25bea736e30d166cdddb491f175f624",
            "2646ac647ad5339dbf082846283269ea",
            "27ae3e4e09519cfbb04c329615203637",
        ),
        of_content=True,
    ),
    ("https://ossci-datasets.s3.amazonaws.com/mnist/", "https://storage.googleapis.com/cvdf-datasets/mnist/"),
)
"""LeCun, Cortes and Burges."""

FASHION_MNIST = PublishedDataset(
    "fashion-mnist",
    "FashionMNIST",
    _idx_files(
        (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d",
            "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79",
            "bb300cfdad3c16e7a12a480ee83cd310",
        )
    ),
    (
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
    ),
)
"""Xiao, Rasul and Vollgraf 2017; the checksums are those of https://github.com/zalandoresearch/fashion-mnist."""

KMNIST = PublishedDataset(
    "kmnist",
    "KMNIST",
    _idx_files(
        (
            "bdb82020997e1d708af4cf47b453dcf7",
            "e144d726b3acfaa3e44228e80efcd344",
            "5c965bf0a639b31b8f53240b1b52f4d7",
            "7320c461ea6c1c855c0b718fb2a4b134",
        )
    ),
    ("https://codh.rois.ac.jp/kmnist/dataset/kmnist/", "http://codh.rois.ac.jp/kmnist/dataset/kmnist/"),
)
"""Clanuwat et al. 2018; the checksums are those of torchvision."""

CIFAR10 = PublishedDataset(
    "cifar10",
    "CIFAR10",
    (CifarArchive("cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),),
    ("https://www.cs.toronto.edu/~kriz/", "https://cave.cs.toronto.edu/kriz/"),
)
"""Krizhevsky 2009; the checksum is that of https://www.cs.toronto.edu/~kriz/cifar.html."""

PUBLISHED: MappingProxyType[str, PublishedDataset] = MappingProxyType(
    {item.name: item for item in (MNIST, FASHION_MNIST, KMNIST, CIFAR10)}
)
"""All of them, by name."""
