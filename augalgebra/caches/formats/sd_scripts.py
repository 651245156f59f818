"""Codes as kohya-ss/sd-scripts caches them to disk: an ``.npz`` for each picture.

- ``latents`` float32 ``[channel, height, width]``, raw: its trainer scales when it reads them. Some models have a
  frame: ``[channel, 1, height, width]``.
- ``latents_flipped``: the same of the picture flipped, with ``flip_aug``.
- ``original_size``: width and height of the picture before it was resized and cropped.
- ``crop_ltrb``: left, top, right and bottom of the crop in pixels of what was encoded. There is one, of the picture as
  it is; for the flipped copy the trainer itself mirrors it, and ``alpha_mask`` too.
- ``alpha_mask`` float32 ``[height, width]`` in [0, 1], in pixels of what was encoded.

For newer models (FLUX, SD3) several sizes lie in one file, each name followed by the size of its grid:
``latents_64x48`` has height 64 and width 48. Files are called ``name_WIDTHxHEIGHT_sd.npz`` by the size of the picture;
``..._te.npz`` beside them hold encoded captions and no codes.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from augalgebra.caches.arrays import ArrayFile, ArraySpec
from augalgebra.caches.formats.layout import Codes, Layout, NamedAsItWas, check_codes, name_with_size, refuse_unknown
from augalgebra.errors import DataError

_KEY = re.compile(
    r"(?P<what>latents_flipped|latents|original_size|crop_ltrb|alpha_mask)(?P<size>_(?P<height>\d+)x(?P<width>\d+))?"
)


class SdScripts(NamedAsItWas):
    """The format of sd-scripts."""

    name = "sd-scripts"
    trainer = "kohya-ss/sd-scripts"
    suffix = ".npz"
    scaled: bool | None = False

    def claims(self, specs: Mapping[str, ArraySpec]) -> bool:
        """Whether there are ``latents`` or ``latents_HxW``."""
        return any(match["what"] == "latents" for match in map(_KEY.fullmatch, specs) if match)

    def read_layout(self, file: ArrayFile, carry: Collection[str]) -> Layout:
        """Codes by the size of their grid."""
        found: list[Codes] = []
        for key, spec in file.specs.items():
            match = _KEY.fullmatch(key)
            if match is None or match["what"] != "latents":
                continue
            if match["size"] and spec.shape[-2:] != (int(match["height"]), int(match["width"])):
                raise DataError(f"{file.path}: {key} has the shape {list(spec.shape)}, other than its name says")
            end = match["size"] or ""

            def there(what: str, end: str = end) -> str:
                return what + end if what + end in file.specs else ""

            codes = Codes(
                key,
                "cfhw" if len(spec.shape) == 4 else "chw",
                copy_key=f"latents_flipped{end}",
                has_copy=bool(there("latents_flipped")),
                size_key=there("original_size"),
                crop_key=there("crop_ltrb"),
                mask_key=there("alpha_mask"),
            )
            found.append(check_codes(file, codes))
        known = {key for codes in found for key in codes.keys}
        return Layout(tuple(found), refuse_unknown(file, known, carry, self.name))

    def key_for(self, key: str, height: int, width: int) -> str:
        """The name with the size of the grid, where it had one."""
        match = _KEY.fullmatch(key)
        return f"{match['what']}_{height}x{width}" if match and match["size"] else key

    def name_for(self, path: Path, element: str, *, transposed: bool) -> Path:
        """As `name_with_size`."""
        return name_with_size(path, element, transposed=transposed)
