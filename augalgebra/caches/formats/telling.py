"""Telling formats of cached codes apart by what is in a file."""

from augalgebra.caches.arrays import ArrayFile
from augalgebra.caches.formats.ai_toolkit import AiToolkit
from augalgebra.caches.formats.layout import CacheFormat
from augalgebra.caches.formats.lightning_dit import LightningDiT
from augalgebra.caches.formats.mar import Mar
from augalgebra.caches.formats.musubi_tuner import MusubiTuner
from augalgebra.caches.formats.plain import PlainArrays
from augalgebra.caches.formats.sd_scripts import SdScripts
from augalgebra.errors import DataError, nearest
from augalgebra.storage.values import shown_name

FORMATS: tuple[CacheFormat, ...] = (SdScripts(), LightningDiT(), Mar(), MusubiTuner(), AiToolkit(), PlainArrays())
"""All that are known."""

_KEYS = {
    ".npz": ("latents", "latents_64x64", "moments"),
    ".safetensors": ("latents", "latent", "latents_1x64x64_float32"),
    ".npy": (),
}


def tell_format(file: ArrayFile) -> CacheFormat:
    """The format that a file is of.

    Raises:
        DataError: It could be none, or several.
    """
    found = [item for item in FORMATS if item.suffix == file.path.suffix and item.claims(file.specs)]
    if len(found) == 1:
        return found[0]
    names = [shown_name(name) for name in file.specs]
    if found:
        could = " and ".join(item.name for item in found)
        raise DataError(f"{file.path} could be of the formats {could}: it holds {', '.join(names)}; take one out")
    keys = _KEYS[file.path.suffix]
    near = nearest(names[0], keys, 1) if names else []
    raise DataError(
        f"{file.path} holds {', '.join(names[:6]) or 'nothing'}, and codes in such a file are called "
        f"{', '.join(keys)} or alike" + (f"; did you mean {near[0]}?" if near else "")
    )
