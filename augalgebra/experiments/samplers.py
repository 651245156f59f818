"""Ways to draw codes at random where the codes of some images lie."""

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.errors import AugalgebraError, nearest
from augalgebra.training.seeds import generator_for

Kind = Literal["prior", "box", "gaussian", "mixture", "whitened"]
"""``prior``: the standard normal that the autoencoder was trained towards, wherever codes lie. ``box``: evenly from the
smallest box around the codes, as on the slides. ``gaussian``: the normal with their mean and covariance. ``mixture``: a
Gaussian mixture fitted to them. ``whitened``: that normal, but what falls out of the smallest box around the codes in
whitened coordinates is rejected."""

KINDS: tuple[Kind, ...] = get_args(Kind)

_JITTER = 1e-6  # of the mean variance, for coordinates that do not vary
_COMPONENTS, _CODES_EACH = 10, 50
_ROUNDS = 1000


def check_kind(name: str) -> Kind:
    """The kind of that name.

    Raises:
        AugalgebraError: There is none.
    """
    for kind in KINDS:
        if kind == name:
            return kind
    near = nearest(name, KINDS, 1)
    raise AugalgebraError(
        f"there is no way {name!r} to draw codes; there are {', '.join(KINDS)}"
        + (f". Did you mean {near[0]}?" if near else "")
    )


def draw_codes(
    kind: Kind, codes: Float[Tensor, "image latent"], number: int, *, seed: int = 0
) -> Float[Tensor, "sample latent"]:
    """Draw codes at random.

    Args:
        kind: The way.
        codes: Where codes of images lie.
        number: How many to draw.
        seed: Seed of the draw; kinds are drawn independently of each other.
    """
    return _SAMPLERS[kind](codes, number, generator_for(seed, f"samples {kind}"))


def _prior(codes: Tensor, number: int, generator: torch.Generator) -> Tensor:
    return torch.randn(number, codes.shape[1], generator=generator)


def _box(codes: Tensor, number: int, generator: torch.Generator) -> Tensor:
    low, high = codes.aminmax(dim=0)
    return low + torch.rand(number, codes.shape[1], generator=generator) * (high - low)


def _root(codes: Tensor) -> Tensor:
    """A root R of the covariance, RᵀR = covariance, along its principal axes: rows z = w R are whitened as w."""
    dim = codes.shape[1]
    spread = torch.cov(codes.T.double()).reshape(dim, dim)
    spread += _JITTER * spread.diagonal().mean() * torch.eye(dim, dtype=torch.float64)
    values, axes = torch.linalg.eigh(spread)
    root: Tensor = values.sqrt()[:, None] * axes.T
    return root


def _gaussian(codes: Tensor, number: int, generator: torch.Generator) -> Tensor:
    normal = torch.randn(number, codes.shape[1], generator=generator, dtype=torch.float64)
    return (codes.double().mean(0) + normal @ _root(codes)).float()


def _mixture(codes: Tensor, number: int, generator: torch.Generator) -> Tensor:
    from sklearn.mixture import GaussianMixture

    seed = int(torch.randint(2**31, (1,), generator=generator))
    components = max(1, min(_COMPONENTS, len(codes) // _CODES_EACH))
    jitter = float(codes.double().var(0).mean()) * 1e-3
    model = GaussianMixture(components, reg_covar=jitter, max_iter=300, tol=1e-2, random_state=seed)
    drawn, which = model.fit(codes.double().numpy()).sample(number)
    del which  # sorted by component, so that the first few would all be of one
    return torch.from_numpy(drawn).float()[torch.randperm(number, generator=generator)]


def _whitened(codes: Tensor, number: int, generator: torch.Generator) -> Tensor:
    root, centre = _root(codes), codes.double().mean(0)
    low, high = ((codes.double() - centre) @ torch.linalg.inv(root)).aminmax(dim=0)
    kept: list[Tensor] = []
    for _ in range(_ROUNDS):
        normal = torch.randn(number, codes.shape[1], generator=generator, dtype=torch.float64)
        kept.append(normal[((normal >= low) & (normal <= high)).all(1)])
        if sum(map(len, kept)) >= number:
            return (centre + torch.cat(kept)[:number] @ root).float()
    raise AugalgebraError(f"the box around {len(codes)} codes is too small to hit; take more images")


_SAMPLERS: Mapping[Kind, Callable[[Tensor, int, torch.Generator], Tensor]] = {
    "prior": _prior,
    "box": _box,
    "gaussian": _gaussian,
    "mixture": _mixture,
    "whitened": _whitened,
}
