"""Opening an autoencoder by what it is and where it lies."""

from collections.abc import Callable
from pathlib import Path

import torch

from augalgebra.errors import ParameterError, UnknownNameError
from augalgebra.latent.grids import GridSpace
from augalgebra.latent.memory import keep_freed_memory
from augalgebra.latent.protocol import LatentSpace


def open_space(spec: str, device: torch.device | str = "cpu") -> GridSpace | LatentSpace:
    """The latent space of an autoencoder that somebody trained.

    Nothing is unpickled but weights. On the processor, memory that is freed stays with the process.

    Args:
        spec: A kind and a place: ``taesd:FOLDER``, ``pythae:FOLDER``, ``diffusers:FOLDER``, or ``diffusers:OWNER/NAME``
            from the hub; with ``diffusers-moments:`` codes are mean and log variance.
        device: Where to compute.

    Returns:
        A grid latent space; for pythae one of vectors.

    Raises:
        ParameterError: The text has another form.
        UnknownNameError: There is no such kind.
        SpaceError: It cannot be opened; the message says why.
    """
    kind, colon, place = spec.partition(":")
    if not colon or not place:
        kinds = ", ".join(f"{kind}:FOLDER" for kind in _KINDS)
        raise ParameterError(f"a latent space is given as KIND:FOLDER, not {spec[:100]!r}; one of {kinds}")
    if kind not in _KINDS:
        raise UnknownNameError("kind of latent space", kind, _KINDS, f"(there are: {', '.join(_KINDS)})")
    if torch.device(device).type == "cpu":
        keep_freed_memory()
    return _KINDS[kind](place, spec, device)


def _taesd(place: str, spec: str, device: torch.device | str) -> GridSpace:
    from augalgebra.latent.adapters.taesd import open_taesd

    return open_taesd(Path(place), spec=spec, device=device)


def _diffusers(place: str, spec: str, device: torch.device | str) -> GridSpace:
    from augalgebra.latent.adapters.diffusers import open_diffusers

    return open_diffusers(place, moments=spec.startswith("diffusers-moments:"), spec=spec, device=device)


def _pythae(place: str, _spec: str, device: torch.device | str) -> LatentSpace:
    from augalgebra.latent.adapters.pythae import open_pythae

    return open_pythae(place, device=device)


_KINDS: dict[str, Callable[[str, str, torch.device | str], GridSpace | LatentSpace]] = {
    "taesd": _taesd,
    "diffusers": _diffusers,
    "diffusers-moments": _diffusers,
    "pythae": _pythae,
}
