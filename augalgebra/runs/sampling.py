"""Walking and drawing at random in a trained latent space."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal, get_args

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.algebra.words import IDENTITY, Word
from augalgebra.data.dataset import Dataset, Split
from augalgebra.errors import AugalgebraError, RunError, nearest
from augalgebra.latent.protocol import MAIN_HEAD, device_of_space
from augalgebra.runs.moves import operator_for
from augalgebra.runs.storage.code_density import CodeDensity
from augalgebra.runs.storage.stored_run import StoredRun
from augalgebra.seeds import generator_for
from augalgebra.training.encoding import BATCH

if TYPE_CHECKING:
    from sklearn.mixture import GaussianMixture

Kind = Literal["prior", "box", "gaussian", "mixture", "whitened", "flow"]
"""``prior``: the standard normal that the autoencoder was trained towards, wherever codes lie. ``box``: evenly from the
smallest box around the codes, as on the slides. ``gaussian``: the normal with their mean and covariance. ``mixture``: a
Gaussian mixture fitted to them. ``whitened``: that normal, but what falls out of the smallest box around the codes in
whitened coordinates is rejected. ``flow``: the density that was fitted to the run's codes, of a class and in a view."""

FLOW: Kind = "flow"
KINDS: tuple[Kind, ...] = tuple(kind for kind in get_args(Kind) if kind != FLOW)
"""Those that need nothing but codes."""

_JITTER = 1e-6  # of the mean variance, for coordinates that do not vary
COMPONENTS = 10
"""Most normals in a mixture."""
_CODES_EACH = 50
_WIDENING = 1e-3  # of the mean variance, for normals of a mixture that hold few codes
_ROUNDS = 1000
_ENCODED = 5000  # training images whose codes say where codes lie


def interpolate(
    run: StoredRun,
    images: Float[Tensor, "two channel height width"],
    words: Sequence[Word],
    *,
    steps: int = 7,
    powers: int = 0,
    head: str = MAIN_HEAD,
) -> Float[Tensor, "row step channel height width"]:
    """Draw the straight line from the code of one image to that of another, moved by words.

    Args:
        run: The run.
        images: The two images.
        words: One row for each.
        steps: Codes on the line, ends included.
        powers: With more than 1, rows for so many real powers of each word instead, from 0 to 1. Half of what is its
            own inverse exists, but where -1 is a single eigenvalue it is no half in the sense that two make a whole.
        head: The decoder to draw with.

    Raises:
        AugalgebraError: There are fewer than two steps or powers, or a word has no operator or no real powers.
    """
    if steps < 2 or powers == 1 or powers < 0:
        raise AugalgebraError(f"{steps} steps or {powers} powers lead nowhere; ask for at least 2")
    operators = [operator_for(run, word, head) for word in words]
    if powers:
        operators = [operator ** (number / (powers - 1)) for operator in operators for number in range(powers)]
    with torch.no_grad():
        start, end = run.space.encode(images.to(device_of_space(run.space)))
        along = torch.linspace(0, 1, steps, device=start.device)[:, None]
        codes = start + along * (end - start)
        return torch.stack([run.space.decode(operator.apply(codes), head) for operator in operators])


def sample(
    run: StoredRun,
    data: Dataset,
    words: Sequence[Word],
    *,
    number: int = 8,
    kinds: Sequence[Kind] = KINDS,
    label: int | None = None,
    view: Word = IDENTITY,
    head: str = MAIN_HEAD,
    seed: int = 0,
) -> dict[Kind, Float[Tensor, "row sample channel height width"]]:
    """Draw codes at random where those of the originals lie, and images from them, moved by words.

    Args:
        run: The run.
        data: Its data set; training images say where codes lie.
        words: One row for each.
        number: How many codes.
        kinds: Ways to draw codes, see `augalgebra.runs.sampling.Kind`.
        label: The class of the codes, which ``flow`` alone knows; None draws that as well.
        view: The view that the codes are of, which ``flow`` alone knows.
        head: The decoder to draw with.
        seed: Seed of the codes.

    Returns:
        Images for each kind.

    Raises:
        AugalgebraError: A word has no operator; or codes of a class or a view are asked for that are not known, or not
            of ``flow``; or it was not fitted.
    """
    if tuple(kinds) != (FLOW,) and (label is not None or view != IDENTITY):
        raise AugalgebraError(f"of the ways to draw codes {FLOW!r} alone knows classes and views; ask for no other")
    operators = [operator_for(run, word, head) for word in words]
    codes = encode_split(run, data.train) if set(kinds) - {FLOW} else torch.empty(0, run.space.dim)
    device = device_of_space(run.space)

    def draw(kind: Kind) -> Tensor:
        if kind != FLOW:
            return draw_codes(kind, codes, number, seed=seed)
        density = density_of(run)
        return density.draw(number, label=label, view=density.find_view(view, run.registry.catalog), seed=seed)

    with torch.no_grad():
        return {
            kind: torch.stack([run.space.decode(operator.apply(sampled.to(device)), head) for operator in operators])
            for kind in kinds
            for sampled in [draw(kind)]
        }


@torch.no_grad()
def encode_split(run: StoredRun, split: Split, most: int = _ENCODED) -> Float[Tensor, "image latent"]:
    """The codes of images that stand for those of a split, on the processor."""
    device, split = device_of_space(run.space), split.sample(most)
    parts = [split.batch(slice(start, start + BATCH))[0] for start in range(0, len(split), BATCH)]
    return torch.cat([run.space.encode(part.to(device)).cpu() for part in parts])


def density_of(run: StoredRun) -> CodeDensity:
    """The density of the codes of a run.

    Raises:
        RunError: None was fitted.
    """
    if run.density is None:
        raise RunError(f"{run.folder} has no density of its codes; 'augalg density {run.folder} --fit' fits one")
    return run.density


def check_kind(name: str) -> Kind:
    """The kind of that name.

    Raises:
        AugalgebraError: There is none.
    """
    known: tuple[Kind, ...] = get_args(Kind)
    for kind in known:
        if kind == name:
            return kind
    near = nearest(name, known, 1)
    raise AugalgebraError(
        f"there is no way {name!r} to draw codes; there are {', '.join(known)}"
        + (f". Did you mean {near[0]}?" if near else "")
    )


def draw_codes(
    kind: Kind, codes: Float[Tensor, "image latent"], number: int, *, seed: int = 0
) -> Float[Tensor, "sample latent"]:
    """Draw codes at random.

    Args:
        kind: The way, one of `KINDS`.
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


def root_covariance(codes: Float[Tensor, "image latent"]) -> Float[Tensor, "latent latent"]:
    """A root R of the covariance, RᵀR = covariance, along its principal axes: rows z = w R are whitened as w.

    Args:
        codes: The codes, two at least. A millionth of their mean variance is added to the variance.
    """
    dim = codes.shape[1]
    spread = torch.cov(codes.T.double()).reshape(dim, dim)
    spread += _JITTER * spread.diagonal().mean() * torch.eye(dim, dtype=torch.float64)
    values, axes = torch.linalg.eigh(spread)
    root: Tensor = values.sqrt()[:, None] * axes.T
    return root


def _gaussian(codes: Tensor, number: int, generator: torch.Generator) -> Tensor:
    normal = torch.randn(number, codes.shape[1], generator=generator, dtype=torch.float64)
    return (codes.double().mean(0) + normal @ root_covariance(codes)).float()


def _mixture(codes: Tensor, number: int, generator: torch.Generator) -> Tensor:
    seed = int(torch.randint(2**31, (1,), generator=generator))
    drawn, which = fit_mixture(codes, seed=seed).sample(number)
    del which  # sorted by component, so that the first few would all be of one
    return torch.from_numpy(drawn).float()[torch.randperm(number, generator=generator)]


def fit_mixture(codes: Float[Tensor, "image latent"], most: int = COMPONENTS, *, seed: int = 0) -> "GaussianMixture":
    """A mixture of normals, of at most so many and one for every fifty codes.

    A thousandth of the mean variance is added to the variance of each.

    Args:
        codes: The codes.
        most: Largest number of normals.
        seed: Seed of the start.
    """
    from sklearn.mixture import GaussianMixture

    components = max(1, min(most, len(codes) // _CODES_EACH))
    added = float(codes.double().var(0).mean()) * _WIDENING
    model = GaussianMixture(components, reg_covar=added, max_iter=300, tol=1e-2, random_state=seed)
    return model.fit(codes.double().numpy())


def _whitened(codes: Tensor, number: int, generator: torch.Generator) -> Tensor:
    root, centre = root_covariance(codes), codes.double().mean(0)
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
