"""Reports of which a part cannot be made."""

from collections.abc import Iterator

from augalgebra.documents import Block, Text
from augalgebra.errors import AugalgebraError


def as_far_as_possible(blocks: Iterator[Block]) -> Iterator[Block]:
    """The blocks up to the first that cannot be made, and why it cannot."""
    try:
        yield from blocks
    except AugalgebraError as error:
        yield Text(f"Not reported: {error}.")
