"""Codes as plain ``.npy`` arrays, as chuanyangjin/fast-DiT and many scripts save them.

``[picture, channel, height, width]`` or ``[channel, height, width]``. fast-DiT writes one picture to a file, already
scaled, with its label ``[1]`` under the same name in a folder beside it; arrays of one dimension are taken for labels
and go along.
"""

from collections.abc import Collection, Mapping

from augalgebra.caches.arrays import ArrayFile, ArraySpec
from augalgebra.caches.formats.layout import Codes, Layout, NamedAsItWas, check_codes


class PlainArrays(NamedAsItWas):
    """The format of plain arrays."""

    name = "npy"
    trainer = "plain arrays, such as those of fast-DiT"
    suffix = ".npy"
    scaled: bool | None = None

    def claims(self, specs: Mapping[str, ArraySpec]) -> bool:
        """Whether there is one array."""
        return set(specs) == {""}

    def read_layout(self, file: ArrayFile, carry: Collection[str]) -> Layout:  # noqa: ARG002 (there is nothing else)
        """Codes, or labels alone."""
        dimensions = len(file.specs[""].shape)
        if dimensions == 1:
            return Layout((), ("",))
        return Layout((check_codes(file, Codes("", "chw" if dimensions == 3 else "nchw")),))
