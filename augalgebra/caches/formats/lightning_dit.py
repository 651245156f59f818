"""Codes as hustvl/LightningDiT extracts them: safetensors shards of up to 10,000 pictures.

``latents`` and ``latents_flip`` float32 ``[picture, channel, height, width]``, ``labels`` int64 ``[picture]``; files
are called ``latents_rank00_shard000.safetensors``. Codes are what its autoencoder answers, not normalised: its trainer
takes the mean and deviation of each channel from ``latents_stats.pt`` beside them, which is a pickle and is left alone
here. It reads every ``.safetensors`` in the folder, and with flips switched on asks each shard for both copies.
"""

from collections.abc import Collection, Mapping

from augalgebra.caches.arrays import ArrayFile, ArraySpec
from augalgebra.caches.formats.layout import Codes, Layout, NamedAsItWas, check_codes, refuse_unknown
from augalgebra.errors import DataError


class LightningDiT(NamedAsItWas):
    """The format of LightningDiT."""

    name = "LightningDiT"
    trainer = "hustvl/LightningDiT"
    suffix = ".safetensors"
    scaled: bool | None = False

    def claims(self, specs: Mapping[str, ArraySpec]) -> bool:
        """Whether there are ``latents``."""
        return "latents" in specs

    def read_layout(self, file: ArrayFile, carry: Collection[str]) -> Layout:
        """One array of codes, perhaps with a copy, and labels."""
        codes = check_codes(file, Codes("latents", "nchw", "latents_flip", "latents_flip" in file.specs))
        count = file.specs["latents"].shape[0]
        if "labels" in file.specs and file.specs["labels"].shape[:1] != (count,):
            raise DataError(f"{file.path}: labels has the shape {list(file.specs['labels'].shape)} for {count} codes")
        labels = ("labels",) if "labels" in file.specs else ()
        return Layout((codes,), labels + refuse_unknown(file, {*codes.keys, *labels}, carry, self.name))
