"""Coordinates of codes for each class, in which what an image shows besides its class and view is one normal for all.

With φ_c the chart of class c, h the view of a code, g an augmentation and π exact operators,
L(z; h, g, c → c') = φ_c'⁻¹(φ_c(z π(h)⁻¹)) π(h) π(g). Moves and changes of class commute, changes follow one another
as classes do, and where the class is not changed what is left is z π(g), whatever φ is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from augalgebra.errors import AugalgebraError
from augalgebra.latent import CodeFlow, CodeFlowShape, learn_density
from augalgebra.operators import Operator
from augalgebra.seeds import derived_seed

STEPS = 3000
_STOPPING = 10  # one in so many images says when to stop


@dataclass(frozen=True, eq=False)
class ClassCharts:
    """Charts of the classes of one latent space.

    Attributes:
        flow: φ, told the class.
        classes: The classes.
    """

    flow: CodeFlow
    classes: tuple[int, ...]

    @classmethod
    def fit(
        cls,
        codes: Float[Tensor, "view image latent"],
        labels: Int64[Tensor, " image"],
        views: Sequence[Operator],
        *,
        steps: int = STEPS,
        seed: int = 0,
    ) -> "ClassCharts":
        """Learn the density of codes of each class, upright: every view moved back to the original.

        Args:
            codes: Codes of images in all views.
            labels: Their classes.
            views: The operator of each view.
            steps: Steps of 512 codes each.
            seed: Seed of weights and order.

        Raises:
            AugalgebraError: There is one class only.
        """
        known = tuple(torch.unique(labels).tolist())
        if len(known) < 2:
            raise AugalgebraError("charts of classes need images of at least two")
        upright = torch.stack([(~operator).apply(part) for operator, part in zip(views, codes.cpu(), strict=True)])
        flow = CodeFlow(CodeFlowShape(codes.shape[-1], len(known)), seed=derived_seed(seed, "class charts"))
        charts = cls(flow, known)
        told = charts.told(labels.cpu())
        stopping = torch.arange(len(labels)) % _STOPPING == 0
        parts = [
            part
            for chosen in (~stopping, stopping)
            for part in (upright[:, chosen].flatten(0, 1), told[chosen].repeat(len(views), 1))
        ]
        learn_density(flow, *parts, steps=steps, seed=seed)
        return charts

    def told(self, labels: Int64[Tensor, " image"]) -> Float[Tensor, "image class"]:
        """The condition of each class."""
        return (labels[:, None] == torch.tensor(self.classes)).float()

    @torch.no_grad()
    def change(
        self,
        codes: Float[Tensor, "image latent"],
        before: Int64[Tensor, " image"],
        after: Int64[Tensor, " image"],
        view: Operator | None = None,
    ) -> Float[Tensor, "image latent"]:
        """Codes as they would be if their images showed other classes; all else that they show stays.

        Args:
            codes: The codes.
            before: The classes that they show.
            after: Those that they shall show.
            view: The operator of the view that they are of, if they are of no originals.
        """
        upright = codes.cpu() if view is None else (~view).apply(codes.cpu())
        normal, _ = self.flow(upright, self.told(before.cpu()))
        changed = self.flow.inverse(normal, self.told(after.cpu()))
        # what keeps its class keeps its code, which the way through the charts gives back but for rounding
        changed = torch.where((before == after).cpu()[:, None], upright, changed)
        return (changed if view is None else view.apply(changed)).to(codes.device)
