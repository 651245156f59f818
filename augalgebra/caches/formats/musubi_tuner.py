"""Codes as kohya-ss/musubi-tuner caches them: a ``.safetensors`` for each picture or video.

``latents_FxHxW_dtype`` ``[channel, frame, height, width]``, or ``[channel, height, width]`` where F is 1 or left out;
by the model also ``latents_control_…``, ``latents_image_…``, ``latents_clean_…``: codes of other pictures of the same
item, which move along. Whether codes are scaled depends on the model. Its metadata has the ``width`` and ``height`` of
the picture; files are called ``name_WIDTHxHEIGHT_wan.safetensors``, and ``..._te.safetensors`` beside them hold encoded
captions and no codes. Embeddings of the picture itself (``clip_…``, ``siglip_…``) cannot be moved.
"""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from augalgebra.caches.arrays import ArrayFile, ArraySpec
from augalgebra.caches.formats.layout import (
    Axes,
    Codes,
    Layout,
    NamedAsItWas,
    check_codes,
    name_with_size,
    refuse_unknown,
)
from augalgebra.errors import DataError

_KEY = re.compile(
    r"(?P<what>latents(?:_[a-z0-9]+)*?)_(?P<frames>\d+x)?(?P<height>\d+)x(?P<width>\d+)_(?P<dtype>[a-z][a-z0-9_]*)"
)
_CARRIED = re.compile(r"\w*indices\w*|vae_scaling_factor")


class MusubiTuner(NamedAsItWas):
    """The format of musubi-tuner."""

    name = "musubi-tuner"
    trainer = "kohya-ss/musubi-tuner"
    suffix = ".safetensors"
    scaled: bool | None = None

    def claims(self, specs: Mapping[str, ArraySpec]) -> bool:
        """Whether there are ``latents_HxW_dtype``, with frames or without."""
        return any(map(_KEY.fullmatch, specs))

    def read_layout(self, file: ArrayFile, carry: Collection[str]) -> Layout:
        """Codes of the picture and of those beside it."""
        found = [
            check_codes(file, Codes(key, _axes(file, key, match)))
            for key in file.specs
            if (match := _KEY.fullmatch(key)) is not None
        ]
        carried = tuple(key for key in file.specs if _CARRIED.fullmatch(key))
        known = {key for codes in found for key in codes.keys} | set(carried)
        return Layout(tuple(found), carried + refuse_unknown(file, known, carry, self.name))

    def key_for(self, key: str, height: int, width: int) -> str:
        """The name with the size of the grid."""
        return _KEY.sub(rf"\g<what>_\g<frames>{height}x{width}_\g<dtype>", key)

    def metadata_for(self, file: ArrayFile, *, transposed: bool) -> Mapping[str, str]:
        """The same, with width and height exchanged where they are."""
        said = dict(file.metadata)
        if transposed and {"width", "height"} <= said.keys():
            said["width"], said["height"] = said["height"], said["width"]
        return said

    def name_for(self, path: Path, element: str, *, transposed: bool) -> Path:
        """As `name_with_size`."""
        return name_with_size(path, element, transposed=transposed)


def _axes(file: ArrayFile, key: str, match: re.Match[str]) -> Axes:
    shape, frames = file.specs[key].shape, int((match["frames"] or "1x")[:-1])
    if shape[-2:] == (int(match["height"]), int(match["width"])):
        if len(shape) == 3 and frames == 1:
            return "chw"
        if len(shape) == 4 and frames in shape[:2]:
            return "cfhw" if shape[1] == frames else "fchw"
    raise DataError(f"{file.path}: {key} has the shape {list(shape)}, other than its name says")
