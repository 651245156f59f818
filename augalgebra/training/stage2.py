"""Stage 2: operators for the trained augmentations, on a frozen encoder."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.data.dataset import Split
from augalgebra.errors import FitError, nearest
from augalgebra.latent.lavae import LAVAE
from augalgebra.latent.protocol import device_of_space
from augalgebra.operators import FITS, FiniteGroup, FitOptions, OperatorRegistry, Plan
from augalgebra.operators.fits.charts import Chart, Flow, FlowShape
from augalgebra.operators.fits.choice import choose
from augalgebra.operators.fits.conjugation import ConjugatedMoves
from augalgebra.operators.fits.moments import ViewMoments
from augalgebra.operators.groups.arrays import Array
from augalgebra.operators.groups.representation import build_representation
from augalgebra.training.encoding import encoded_views, posterior_samples, view_moments
from augalgebra.training.loop import TrainingError
from augalgebra.training.progress import Progress, silent
from augalgebra.training.through_decoder import learn_moves, refine_coordinates
from augalgebra.training.views import MAX_VIEWS, Views

JointSource = Callable[[], Mapping[Word, Array]]
"""Answers the operators that stage 1 has learned along so far."""

STRUCTURED = "structured"
"""The fit of operators that the equivariant stage 1 trained around: they are known, and need none."""

JOINT = "joint"
"""The fit of operators that the equivariant stage 1 learned along, where no finite group gives them."""

PUBLISHED = "published"
"""The fit by gradients on samples of the posterior, from originals only."""

REPRESENTATION, READOUT = "representation", "representation+readout"
DECODER = "representation+decoder"
"""The same, with coordinates and readout turned until the decoder draws moved codes as well as can be."""

FLOW = "flow"
"""Operators that are linear in the coordinates of a flow, which learns on codes and then through the decoder."""

FLOW_STEPS, FLOW_RATE = 16_000, 1.5e-3
FLOW_IMAGES = 20_000
"""Images whose codes a flow begins with; more of them teach it nothing."""

NAMES: tuple[str, ...] = (*FITS, DECODER, STRUCTURED)
"""The names of all fits of stage 2."""


def check_fit(name: str | None) -> None:
    """See that there is a fit of that name; None leaves it to the laws.

    Raises:
        FitError: There is none.
    """
    if name is not None and name not in NAMES:
        near = nearest(name, NAMES, 1)
        raise FitError(
            f"there is no fit {name!r}; the fits are {', '.join(NAMES)}"
            + (f". Did you mean {near[0]}?" if near else "")
        )


def check_laws(fit: str | None, views: Views, dim: int) -> None:
    """See that laws allow a fit of the generators of views; nothing is encoded or trained for it.

    Args:
        fit: Its name.
        views: The views.
        dim: Number of latent coordinates.

    Raises:
        FitError: They do not, or there are too few coordinates.
    """
    if fit == FLOW:
        FlowShape(dim)
    if fit == STRUCTURED:
        _group_of(views)
    elif fit is not None:
        choose(views.catalog, views.generators, READOUT if fit == DECODER else fit)


def _group_of(views: Views) -> FiniteGroup:
    if views.group is None:
        shown = ", ".join(views.catalog.display(word) for word in views.generators)
        raise FitError(f"by the exact laws {shown} generate no small finite group; leave the fit open, or name another")
    return views.group


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
            ``representation+decoder`` goes on from a representation with a readout, see `turned`; ``flow`` learns on
            codes, then through the decoder.
        options: Settings of fits.
        replace_existing: Whether operators that are there already may be replaced.
        through_decoder: Go on in this way with a representation and readout that the laws choose, too.
        progress: Called after each step of that.

    Returns:
        How operators were fitted, with the reasons; those that were known already are not among them.

    Raises:
        FitError: There is no such fit, the laws do not allow it, or an operator is there already.
        KeyboardInterrupt: Somebody stopped it while operators were turned.
        MomentsError: The encodings do not span the latent space.
    """
    check_fit(fit)
    joint = joint or {}
    words = [word for word in (views.generators if operators is None else operators) if word not in joint]
    moments = view_moments(space, views, split)
    registry.set_matrices(joint, fit=JOINT, moments=moments, replace_existing=replace_existing)
    if fit == STRUCTURED:
        group = _group_of(views)
        registry.set_matrices(
            build_representation(group, space.dim), moments=moments, replace_existing=replace_existing
        )
        words, fit = [word for word in words if word not in group.generators], None
    options = options or FitOptions(seed=views.seed)
    asked = fit == DECODER
    if asked:
        fit, through_decoder = READOUT, True
    samples = None
    if fit == PUBLISHED:
        samples = posterior_samples(space, views, split, options.seed)
    elif fit == FLOW:
        samples = torch.cat(list(encoded_views(space, views, split.sample(FLOW_IMAGES))), dim=1)
    plans = registry.fit(moments, words, fit, options, samples=samples, replace_existing=replace_existing)
    for plan in plans:
        if samples is not None and plan.fit == FLOW:
            _draw_flow(registry, space, plan, views, samples, split, options.seed, progress)
        if through_decoder and plan.fit == READOUT:
            done = _turn(registry, space, plan, views, moments, split, options.seed, progress)
            if asked and not done:
                raise FitError(f"{DECODER} did not come out (more than {MAX_VIEWS} elements, or no finite loss)")
    return plans


def _draw_flow(
    registry: OperatorRegistry,
    space: LAVAE,
    plan: Plan,
    views: Views,
    samples: Tensor,
    split: Split,
    seed: int,
    progress: Progress,
) -> None:
    """Teach the flow of a plan through the decoder too; if that cannot be done, or diverges, it stays as it is."""
    closed = Views.closed(views.catalog, plan.operators, seed=views.seed)
    chart, group = registry.entries[plan.operators[0]].chart, closed.group
    if chart is None or group is None or set(group.generators) != set(plan.operators):
        return  # too many elements to see each image under all of them
    matrices = np.stack([element.matrix for element in registry.elements(group)])
    flow = Flow.from_arrays(chart.flow.shape, chart.flow.to_arrays())
    moving = ConjugatedMoves(flow, matrices).to(device_of_space(space))
    try:
        steps = learn_moves(
            space, closed, group, moving, split, rate=FLOW_RATE, seed=seed, steps=FLOW_STEPS, progress=progress
        )
    except TrainingError:
        return
    details = {"steps through the decoder": steps}
    registry.replace_chart(plan.operators, Chart(chart.name, flow.cpu()), views.words, samples, details)


def _turn(
    registry: OperatorRegistry,
    space: LAVAE,
    plan: Plan,
    views: Views,
    moments: ViewMoments,
    split: Split,
    seed: int,
    progress: Progress,
) -> bool:
    """Turn the operators of a plan; if that cannot be done, or diverges, they stay as they are."""
    closed = Views.closed(views.catalog, plan.operators, seed=views.seed)
    last, group = registry.entries[plan.operators[0]].readout, closed.group
    if last is None or group is None or set(group.generators) != set(plan.operators):
        return False  # too many elements to see each image under all of them
    try:
        found = refine_coordinates(
            space, closed, group, registry.elements(group), last.map, split, seed=seed, progress=progress
        )
    except TrainingError:
        return False
    maps = dict(zip(group.generators, found.generators, strict=True))
    registry.replace(maps, found.readout, moments, fit=DECODER, details={"steps": found.steps})
    return True
