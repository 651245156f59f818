"""How likely codes of images of a class in a view are, and codes drawn accordingly."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.errors import AugalgebraError, nearest
from augalgebra.latent.code_flow import CodeFlow
from augalgebra.plain import PlainData
from augalgebra.seeds import generator_for

_ROWS = 8192
"""Codes that are looked at at once."""


def told(
    numbers: Int64[Tensor, " code"] | None, views: Int64[Tensor, " code"], classes: int, known: int
) -> Float[Tensor, "code condition"] | None:
    """The condition of each code: one number for each class and one for each view, 1 where it is the one.

    Args:
        numbers: The number of the class of each, counted from 0; None if classes are not told.
        views: The number of the view of each.
        classes: How many classes there are.
        known: How many views there are.

    Returns:
        The conditions; None where neither classes nor views are told apart.
    """
    parts = [] if numbers is None or not classes else [torch.nn.functional.one_hot(numbers, classes)]
    parts += [torch.nn.functional.one_hot(views, known)] if known > 1 else []
    return torch.cat(parts, dim=1).float() if parts else None


@dataclass(frozen=True, eq=False)
class CodeDensity(PlainData):
    """A density p(z | class, view) of the codes of one run, or p(z | view) where it was not told classes.

    Codes and what comes back are float32, on the processor.

    Attributes:
        flow: The flow.
        classes: The classes as labels; empty if it knows none.
        names: Their names.
        shares: The share of each class among the images that it was fitted on.
        views: The views, the original first.
        encoder: Fingerprint of the encoder.
        images: Images whose codes it was fitted on, those that said when to stop included.
        steps: Steps after which it was best.
        held_out: Test images that `nats` are of.
        nats: Mean log density of the codes of all views of test images, in nats per coordinate, by model: the higher
            the better. ``normal`` and ``mixture`` are told nothing, ``normals`` and ``mixtures`` are one for each
            condition.
    """

    flow: CodeFlow
    classes: tuple[int, ...]
    names: tuple[str, ...]
    shares: tuple[float, ...]
    views: tuple[Word, ...]
    encoder: str
    images: int
    steps: int
    held_out: int = 0
    nats: Mapping[str, float] = field(default_factory=dict)
    in_json = "names as classes", "shares", "view_names as views", "images", "steps", "held_out", "nats"

    @property
    def view_names(self) -> tuple[str, ...]:
        """The views as text, with full names."""
        return tuple(map(str, self.views))

    @torch.no_grad()
    def draw(
        self, number: int, *, label: int | None = None, view: int = 0, seed: int = 0
    ) -> Float[Tensor, "sample latent"]:
        """Draw codes.

        Args:
            number: How many.
            label: Their class; None draws that as well, as often as it occurs.
            view: The number of their view.
            seed: Seed of the draw.

        Raises:
            AugalgebraError: It does not know the class.
        """
        generator = generator_for(seed, "samples flow")
        normal = torch.randn(number, self.flow.shape.dim, generator=generator)
        numbers = None
        if label is not None:
            numbers = torch.full((number,), self.number_of(label))
        elif self.classes:
            numbers = torch.multinomial(torch.tensor(self.shares), number, replacement=True, generator=generator)
        return self.flow.inverse(normal, self._told(numbers, torch.full((number,), view)))

    @torch.no_grad()
    def log_density(
        self,
        codes: Float[Tensor, "batch latent"],
        labels: Int64[Tensor, " batch"] | None = None,
        views: Int64[Tensor, " batch"] | int = 0,
    ) -> Float[Tensor, " batch"]:
        """The logarithm of the density of codes, in nats.

        Args:
            codes: The codes.
            labels: The class of each; None sums over classes, each as likely as it occurs.
            views: The number of the view of each, or of all.

        Raises:
            AugalgebraError: It does not know a class or a view.
        """
        if isinstance(views, int):
            views = torch.full((len(codes),), views)
        if len(views) and not 0 <= int(views.min()) <= int(views.max()) < len(self.views):
            raise AugalgebraError(f"views are numbers from 0 to {len(self.views) - 1}")
        if labels is not None and not self.classes:
            raise AugalgebraError(f"there are no labels to be told; {self._known()}")
        if labels is not None:
            return self._chunked(codes, self._numbers(labels), views)
        if not self.classes:
            return self._chunked(codes, None, views)
        every = [self._chunked(codes, torch.full((len(codes),), number), views) for number in range(len(self.classes))]
        return torch.logsumexp(torch.stack(every) + torch.tensor(self.shares).log()[:, None], dim=0)

    def number_of(self, label: int) -> int:
        """The number of a class by its label.

        Raises:
            AugalgebraError: It does not know the class.
        """
        if label not in self.classes:
            raise AugalgebraError(f"there is no class {label}; {self._known()}")
        return self.classes.index(label)

    def find_class(self, name: str) -> int:
        """The label of a class by its name.

        Raises:
            AugalgebraError: It knows no classes, or none of that name; the message names those it knows.
        """
        if name in self.names:
            return self.classes[self.names.index(name)]
        near = nearest(name, self.names, 1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise AugalgebraError(f"there is no class {name!r}; {self._known()}{hint}")

    def find_view(self, word: Word, catalog: Catalog) -> int:
        """The number of a view by a word that the exact laws prove equal to it.

        Raises:
            AugalgebraError: It knows none; the message names those it knows.
        """
        system = catalog.system(*self.views, word).exact
        forms = [system.normal_form(view) for view in self.views]
        form = system.normal_form(word)
        if form not in forms:
            known = ", ".join(map(catalog.display, self.views))
            raise AugalgebraError(
                f"the density knows no view {catalog.display(word)}; it knows {known}. Move its codes there with --word"
            )
        return forms.index(form)

    def _known(self) -> str:
        if not self.classes:
            return "this density was fitted without classes, of data that have none or with --no-classes"
        return f"there are {', '.join(self.names)}"

    def _numbers(self, labels: Tensor) -> Tensor:
        same = labels[:, None] == torch.tensor(self.classes)
        for label in labels[~same.any(1)].tolist():
            self.number_of(label)  # says that there is none
        return same.int().argmax(1)

    def _told(self, numbers: Tensor | None, views: Tensor) -> Tensor | None:
        return told(numbers, views, len(self.classes), len(self.views))

    def _chunked(self, codes: Tensor, numbers: Tensor | None, views: Tensor) -> Tensor:
        parts = [slice(start, start + _ROWS) for start in range(0, len(codes), _ROWS)]
        found = [
            self.flow.log_density(codes[part], self._told(None if numbers is None else numbers[part], views[part]))
            for part in parts
        ]
        return torch.cat(found)
