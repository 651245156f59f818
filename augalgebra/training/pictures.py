"""A folder of pictures as images with classes."""

from pathlib import Path

from augalgebra.pictures import ByteArray, picture_files, read_pictures


def read_folder(folder: Path) -> tuple[ByteArray, list[int]]:
    """Read all pictures of a folder, in order of their names.

    Args:
        folder: Pictures, or subfolders with pictures. Each subfolder is a class.

    Returns:
        Bytes ``[image, channel, height, width]``, grey if every picture is grey and in three colours otherwise; and
        the classes, numbered in order of their names.

    Raises:
        DataError: There is no picture.
        ImageError: A picture cannot be read, or they differ in size.
    """
    files = picture_files(folder, subfolders=True)
    places = [file.parent for file in files]
    order = sorted(set(places))
    return read_pictures(files), [order.index(place) for place in places]
