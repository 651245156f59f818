"""Moments as LTH14/mar caches them: an ``.npz`` for each picture, in folders by class.

``moments`` and ``moments_flip`` float32 ``[2 × channel, height, width]``: the means of the posterior and then its log
variances, raw; its trainer samples and scales. Files are called by the picture, ``n01440764/a.JPEG.npz``, and the
trainer takes every ``.npz`` in the folder of a class for a picture of that class, so that further ones may lie there.
"""

from collections.abc import Collection, Mapping

from augalgebra.caches.arrays import ArrayFile, ArraySpec
from augalgebra.caches.formats.layout import Codes, Layout, NamedAsItWas, check_codes, refuse_unknown
from augalgebra.errors import DataError


class Mar(NamedAsItWas):
    """The format of MAR."""

    name = "MAR"
    trainer = "LTH14/mar"
    suffix = ".npz"
    scaled: bool | None = False

    def claims(self, specs: Mapping[str, ArraySpec]) -> bool:
        """Whether there are ``moments``."""
        return "moments" in specs

    def read_layout(self, file: ArrayFile, carry: Collection[str]) -> Layout:
        """One array of moments, perhaps with a copy."""
        has_copy = "moments_flip" in file.specs
        codes = check_codes(file, Codes("moments", "chw", "moments_flip", has_copy, moments=True))
        channels = file.specs["moments"].shape[0]
        if channels % 2:
            raise DataError(f"{file.path}: moments has {channels} channels; as many are means as log variances")
        return Layout((codes,), refuse_unknown(file, codes.keys, carry, self.name))
