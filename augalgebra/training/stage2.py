"""Stage 2: operators for the trained augmentations, on a frozen encoder."""

from collections.abc import Sequence

from augalgebra.algebra.words import Word
from augalgebra.latent.lavae import LAVAE
from augalgebra.operators import FitError, FitOptions, OperatorRegistry, Plan
from augalgebra.operators.structured import structured
from augalgebra.training.data import Split
from augalgebra.training.encoding import posterior_samples, view_moments
from augalgebra.training.views import Views

STRUCTURED = "structured"
"""The fit of operators that the equivariant stage 1 trained around: they are known, and need none."""

PUBLISHED = "published"
"""The fit by gradients on samples of the posterior, from originals only."""


def fit_operators(
    registry: OperatorRegistry,
    space: LAVAE,
    views: Views,
    split: Split,
    *,
    operators: Sequence[Word] | None = None,
    fit: str | None = None,
    options: FitOptions | None = None,
    replace_existing: bool = False,
) -> tuple[Plan, ...]:
    """Fit operators on the codes of some views, and keep them; others stay bit for bit as they are.

    Args:
        registry: The operators of the latent space.
        space: The latent space; nothing in it changes.
        views: The views to encode. For a finite group they are best closed, see `Views.closed`.
        split: The images.
        operators: Words of one letter; by default the generators of the views.
        fit: ``structured``, or the name of a fit; None lets the laws decide.
        options: Settings of fits.
        replace_existing: Whether operators that are there already may be replaced.

    Returns:
        What was done, with the reasons; nothing for ``structured``.

    Raises:
        FitError: There is no such fit, the laws do not allow it, or an operator is there already.
        MomentsError: The encodings do not span the latent space.
    """
    words = views.generators if operators is None else operators
    moments = view_moments(space, views, split)
    if fit == STRUCTURED:
        if views.group is None:
            shown = ", ".join(views.catalog.display(word) for word in views.generators)
            raise FitError(
                f"by the exact laws {shown} generate no small finite group; leave the fit open, or name another"
            )
        registry.hold(structured(views.group, space.dim), moments=moments, replace_existing=replace_existing)
        return ()
    options = options or FitOptions(seed=views.seed)
    samples = posterior_samples(space, views, split, options.seed) if fit == PUBLISHED else None
    return registry.fit(moments, words, fit, options, samples=samples, replace_existing=replace_existing)
