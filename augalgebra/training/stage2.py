"""Stage 2: operators for the trained augmentations, on a frozen encoder."""

from collections.abc import Callable, Mapping, Sequence

from augalgebra.algebra.words import Word
from augalgebra.latent.lavae import LAVAE
from augalgebra.operators import FitError, FitOptions, OperatorRegistry, Plan
from augalgebra.operators.arrays import Array
from augalgebra.operators.moments import ViewMoments
from augalgebra.operators.structured import structured
from augalgebra.training.data import Split
from augalgebra.training.encoding import posterior_samples, view_moments
from augalgebra.training.progress import Progress, silent
from augalgebra.training.through_decoder import turned
from augalgebra.training.views import Views

JointSource = Callable[[], Mapping[Word, Array]]
"""Answers the operators that stage 1 has learned along so far."""

STRUCTURED = "structured"
"""The fit of operators that the equivariant stage 1 trained around: they are known, and need none."""

JOINT = "joint"
"""The fit of operators that the equivariant stage 1 learned along, where no finite group gives them."""

PUBLISHED = "published"
"""The fit by gradients on samples of the posterior, from originals only."""

READOUT = "representation+readout"
DECODER = "representation+decoder"
"""The same, with coordinates and readout turned until the decoder draws moved codes as well as can be."""


def fit_operators(
    registry: OperatorRegistry,
    space: LAVAE,
    views: Views,
    split: Split,
    *,
    operators: Sequence[Word] | None = None,
    joint: Mapping[Word, Array] | None = None,
    fit: str | None = None,
    options: FitOptions | None = None,
    replace_existing: bool = False,
    through_decoder: bool = False,
    progress: Progress = silent,
) -> tuple[Plan, ...]:
    """Fit operators on the codes of some views, and keep them; others stay bit for bit as they are.

    Args:
        registry: The operators of the latent space.
        space: The latent space; nothing in it changes.
        views: The views to encode. For a finite group they are best closed, see `Views.closed`.
        split: The images.
        operators: Words of one letter; by default the generators of the views.
        joint: Operators that stage 1 learned along; they are kept as they are.
        fit: Name of a fit; None lets the laws decide. ``structured`` keeps the matrices that the equivariant stage 1
            trained around for those generators that make a finite group, and fits the others by the laws;
            ``representation+decoder`` goes on from a representation with a readout, see `turned`.
        options: Settings of fits.
        replace_existing: Whether operators that are there already may be replaced.
        through_decoder: Go on in this way with a representation and readout that the laws choose, too.
        progress: Called after each step of that.

    Returns:
        How operators were fitted, with the reasons; those that were known already are not among them.

    Raises:
        FitError: There is no such fit, the laws do not allow it, or an operator is there already.
        MomentsError: The encodings do not span the latent space.
    """
    joint = joint or {}
    words = [word for word in (views.generators if operators is None else operators) if word not in joint]
    moments = view_moments(space, views, split)
    registry.hold(joint, fit=JOINT, moments=moments, replace_existing=replace_existing)
    if fit == STRUCTURED:
        if views.group is None:
            shown = ", ".join(views.catalog.display(word) for word in views.generators)
            raise FitError(
                f"by the exact laws {shown} generate no small finite group; leave the fit open, or name another"
            )
        registry.hold(structured(views.group, space.dim), moments=moments, replace_existing=replace_existing)
        words, fit = [word for word in words if word not in views.group.generators], None
    options = options or FitOptions(seed=views.seed)
    if fit == DECODER:
        fit, through_decoder = READOUT, True
    samples = posterior_samples(space, views, split, options.seed) if fit == PUBLISHED else None
    plans = registry.fit(moments, words, fit, options, samples=samples, replace_existing=replace_existing)
    for plan in plans:
        if through_decoder and plan.fit == READOUT:
            _turn(registry, space, plan, views, moments, split, options.seed, progress)
    return plans


def _turn(
    registry: OperatorRegistry,
    space: LAVAE,
    plan: Plan,
    views: Views,
    moments: ViewMoments,
    split: Split,
    seed: int,
    progress: Progress,
) -> None:
    closed = Views.closed(views.catalog, plan.operators, seed=views.seed)
    last = registry.entries[plan.operators[0]].readout
    if closed.group is None or last is None:  # too many elements to see each image under all of them
        return
    group = closed.group
    found = turned(space, closed, group, registry.elements(group), last.map, split, seed=seed, progress=progress)
    maps = dict(zip(group.generators, found.generators, strict=True))
    registry.revise(maps, found.readout, moments, fit=DECODER, details={"steps": found.steps})
