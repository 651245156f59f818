"""Latent spaces to be compared: all of one size, trained for one budget by one optimiser, each only once."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar, cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalg_slides.baselines.classifiers import Classifiers
from augalg_slides.baselines.conditional import (
    ConditionalMoves,
    ConditionalObjective,
    Conditions,
    Sources,
    classes_of,
)
from augalg_slides.baselines.cvae import CVAE
from augalgebra.catalog import Catalog
from augalgebra.data import Dataset, Split
from augalgebra.errors import AugalgebraError
from augalgebra.latent import LAVAE, Architecture, choose_likelihood
from augalgebra.operators import FitOptions, OperatorRegistry, build_representation
from augalgebra.seeds import derived_seed
from augalgebra.training import (
    EquivariantObjective,
    FaithfulObjective,
    Limit,
    Loop,
    Movers,
    Objective,
    Progress,
    Views,
    device_of,
    fit_operators,
    silent,
)

LEARNING_RATE, VIEWS_IN_A_STEP = 8e-3, 32
"""Of all networks: AdamW with a cosine schedule, and as many drawn images in a step."""

WARMUP = 0.1
"""Over which fraction of its training the divergence of every network reaches its weight. Without it some conditional
ones never use their codes: on the digits one of five drew a single blur for all images."""

_Made = TypeVar("_Made")


@dataclass(frozen=True)
class BaselineConfig:
    """What all networks of a comparison share.

    Attributes:
        augmentations: Two augmentations.
        dim: Latent coordinates.
        width: Channels after the first convolution.
        images: How many test images are measured.
        judging: Steps that the judges are trained for, if not as many as the size of the data suggests.
        fitting: Steps that operators which are no matrices are fitted for.
        device: ``auto``, ``cpu``, ``cuda``, ….
    """

    augmentations: tuple[str, str] = ("flip_lr", "flip_ud")
    dim: int = 16
    width: int = 32
    images: int = 1000
    judging: int | None = None
    fitting: int = 2000
    device: str = "auto"

    def __post_init__(self) -> None:
        if len(self.augmentations) != 2:
            raise AugalgebraError(
                f"a comparison takes two augmentations, such as flip_lr and flip_ud, not {len(self.augmentations)}"
            )
        if self.images < 1:
            raise AugalgebraError("a comparison needs at least one test image")


QUICK = BaselineConfig(width=8, images=200, judging=150, fitting=400)
"""So small that all comparisons together take about a minute on the digits."""


@dataclass(eq=False)
class BaselineNetworks:
    """What several comparisons are made with.

    Attributes:
        dataset: Images with classes.
        catalog: Augmentations and their laws.
        budget: How long each network is trained.
        seed: Seed of everything that is random.
        size: What all networks share.
        progress: Called after each step of training.
    """

    dataset: Dataset
    catalog: Catalog
    budget: Limit
    seed: int = 0
    size: BaselineConfig = field(default_factory=BaselineConfig)
    progress: Progress = silent
    _kept: dict[str, object] = field(default_factory=dict, repr=False)

    @property
    def device(self) -> torch.device:
        """Where everything is computed."""
        return device_of(self.size.device)

    @property
    def views(self) -> Views:
        """The original, both augmentations, and their product."""
        return self._once("views", lambda: Views.published(self.catalog, self.size.augmentations, seed=self.seed))

    @property
    def closed(self) -> Views:
        """The views that operators are fitted on, and that the equivariant networks learn from."""
        return self._once("closed", lambda: Views.closed(self.catalog, self.size.augmentations, seed=self.seed))

    @property
    def names(self) -> tuple[str, ...]:
        """What the views are called."""
        return tuple(map(self.catalog.display, self.views.words))

    @property
    def test(self) -> Split:
        """The test images that are measured."""
        return self.dataset.test.sample(self.size.images)

    @property
    def shown(self) -> Float[Tensor, "view image channel height width"]:
        """The test images in all views."""

        def make() -> Tensor:
            images, ids = self.test.batch(slice(None))
            return self.views.make(images, ids).to(self.device)

        return self._once("shown", make)

    @property
    def classifiers(self) -> Classifiers:
        """Frozen classifiers of class and view."""
        return self._once(
            "judges",
            lambda: Classifiers.train(
                self.dataset.train, self.views, seed=self.seed, steps=self.size.judging, device=self.device
            ),
        )

    def lavae(self, dim: int | None = None) -> LAVAE:
        """A latent space trained as published: every view by itself."""
        size = self.size.dim if dim is None else dim
        name = "LAVAE" if size == self.size.dim else f"LAVAE in {size} dimensions"

        def train() -> LAVAE:
            space = LAVAE(self._architecture(size), seed=self._seed("LAVAE")).to(self.device)
            objective = FaithfulObjective(space, self.views, self.dataset.train, kl_warmup=WARMUP)
            self._descend(name, space, objective, objective.samples, VIEWS_IN_A_STEP)
            return space

        return self._once(name, train)

    def equivariant(self) -> tuple[LAVAE, OperatorRegistry]:
        """A latent space that also learned to draw moved codes, with its operators."""
        name = "equivariant LAVAE"

        def train() -> tuple[LAVAE, OperatorRegistry]:
            space = LAVAE(self._architecture(), seed=self._seed("LAVAE")).to(self.device)
            movers = self.movers()
            objective = EquivariantObjective(space, self.closed, self.dataset.train, movers, kl_warmup=WARMUP)
            self._descend(
                name, nn.ModuleDict({"space": space, "movers": movers}), objective, objective.samples, self.whole_images
            )
            registry = OperatorRegistry.of(space, self.catalog)
            fit_operators(registry, space, self.closed, self.dataset.train, joint=movers.learned())
            return space, registry

        return self._once(name, train)

    def cvae(
        self,
        name: str,
        *,
        classes: bool = False,
        views: int = 0,
        sources: Sources = "own",
        targets: int | None = None,
        copies: int = 1,
    ) -> tuple[CVAE, Conditions]:
        """A conditional latent space, with what it is told.

        Args:
            name: What it is called; each name is trained once.
            classes: Whether it is told the class.
            views: How many views it is told apart.
            sources: What is encoded.
            targets: How many of the views it learns to draw.
            copies: How often the condition is repeated.
        """

        def train() -> tuple[CVAE, Conditions]:
            labels = classes_of(self.dataset.train) if classes else ()
            conditions = Conditions(labels, views, copies)
            space = self._conditional(conditions)
            objective = ConditionalObjective(
                space,
                self.views,
                self.dataset.train,
                conditions,
                sources=sources,
                targets=targets,
                kl_warmup=WARMUP,
            )
            self._descend(name, space, objective, objective.samples, VIEWS_IN_A_STEP)
            return space, conditions

        return self._once(name, train)

    def moving_cvae(self) -> tuple[CVAE, Conditions, Movers]:
        """A latent space conditioned on the class that also learned to draw moved codes."""
        name = "class and operators"

        def train() -> tuple[CVAE, Conditions, Movers]:
            conditions, movers = Conditions(classes_of(self.dataset.train)), self.movers()
            space = self._conditional(conditions)
            objective = ConditionalMoves(space, self.closed, self.dataset.train, conditions, movers, kl_warmup=WARMUP)
            self._descend(
                name, nn.ModuleDict({"space": space, "movers": movers}), objective, objective.samples, self.whole_images
            )
            return space, conditions, movers

        return self._once(name, train)

    def operators(self, space: LAVAE, fit: str | None = None, options: FitOptions | None = None) -> OperatorRegistry:
        """Operators fitted on the codes of a LAVAE, by what the laws allow or as named."""
        registry = OperatorRegistry.of(space, self.catalog)
        options = options or FitOptions(seed=self.seed)
        fit_operators(registry, space, self.closed, self.dataset.train, fit=fit, options=options)
        return registry

    def movers(self) -> Movers:
        """Fixed matrices for those augmentations that make a finite group; the others are learned along."""
        group = self.closed.group
        fixed = {} if group is None else build_representation(group, self.size.dim).generators
        return Movers(self.closed.generators, self.size.dim, fixed).to(self.device)

    @property
    def whole_images(self) -> int:
        """Images in a step where each is seen in all its views."""
        return max(1, VIEWS_IN_A_STEP // len(self.closed))

    def _architecture(self, dim: int | None = None) -> Architecture:
        images = self.dataset.train.images
        dim = self.size.dim if dim is None else dim
        return Architecture(self.dataset.image_shape, dim, self.size.width, choose_likelihood(images))

    def _conditional(self, conditions: Conditions) -> CVAE:
        return CVAE(self._architecture(), conditions.size, seed=self._seed("CVAE")).to(self.device)

    def _descend(self, name: str, learned: nn.Module, objective: Objective, samples: int, batch: int) -> None:
        loop = Loop(
            name,
            learned,
            torch.optim.AdamW(learned.parameters(), lr=LEARNING_RATE, weight_decay=0.0, fused=True),
            objective,
            samples=samples,
            batch_size=batch,
            limit=self.budget,
            seed=self.seed,
            schedule="cosine",
            device=self.device,
        )
        if loop.run(self.progress).interrupted:
            raise KeyboardInterrupt
        learned.eval().requires_grad_(requires_grad=False)

    def _seed(self, purpose: str) -> int:
        return derived_seed(self.seed, f"{purpose} weights")

    def _once(self, name: str, make: Callable[[], _Made]) -> _Made:
        if name not in self._kept:
            with torch.enable_grad():  # whoever measures has switched it off
                self._kept[name] = make()
        return cast("_Made", self._kept[name])
