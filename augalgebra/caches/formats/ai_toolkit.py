"""Codes as ostris/ai-toolkit caches them: a ``.safetensors`` for each picture, in ``_latent_cache`` beside it.

``latent`` ``[channel, height, width]``, in the type that is trained in (videos have a frame, ``[channel, frame, height,
width]``), already shifted and scaled. What it was made of stands in the metadata, and a hash of that in the name of the
file: the trainer finds a file by it, so that it reads a moved one in the same place and never one under another name.
"""

from collections.abc import Collection, Mapping

from augalgebra.caches.arrays import ArrayFile, ArraySpec
from augalgebra.caches.formats.layout import Codes, Layout, NamedAsItWas, check_codes, refuse_unknown


class AiToolkit(NamedAsItWas):
    """The format of ai-toolkit."""

    name = "ai-toolkit"
    trainer = "ostris/ai-toolkit"
    suffix = ".safetensors"
    scaled: bool | None = True

    def claims(self, specs: Mapping[str, ArraySpec]) -> bool:
        """Whether there is ``latent``."""
        return "latent" in specs

    def read_layout(self, file: ArrayFile, carry: Collection[str]) -> Layout:
        """One array of codes."""
        axes = "cfhw" if len(file.specs["latent"].shape) == 4 else "chw"
        codes = check_codes(file, Codes("latent", "cfhw" if axes == "cfhw" else "chw"))
        return Layout((codes,), refuse_unknown(file, codes.keys, carry, self.name))
