"""How a word fares in a latent space that is still being trained: its floor and its gap ratio, now and then."""

import time
from dataclasses import dataclass, replace

from augalgebra.algebra.words import Word, product
from augalgebra.consistency.batches import UnreducedOperators
from augalgebra.consistency.composition import measure_composition
from augalgebra.data.dataset import Dataset
from augalgebra.errors import AugalgebraError
from augalgebra.latent.lavae import LAVAE
from augalgebra.latent.protocol import device_of_space
from augalgebra.operators import OperatorRegistry
from augalgebra.training.progress import ProbeScore, Progress, Report
from augalgebra.training.stage2 import JointSource, fit_operators
from augalgebra.training.views import Views

FITTED, MEASURED = 1000, 200
"""Training images that operators are fitted on, and test images that the word is measured on."""
_LEAST_SECONDS, _LEAST_SHARE = 10.0, 30.0  # seconds between two probes, and how many times a probe's own time


@dataclass
class Probe:
    """Passes reports of training on, now and then with floor and gap ratio of one word.

    Operators are fitted on a few training images each time, by what takes a moment: without readout, and without
    turning them through the decoder. Nothing that is trained depends on it, nor does any random draw.

    Attributes:
        progress: Where reports go.
        space: What is being trained.
        views: The views that operators are fitted on.
        data: Images to fit and to measure on.
        joint: Answers the operators that are learned along.
        fit: Name of the fit; None lets the laws decide.
    """

    progress: Progress
    space: LAVAE
    views: Views
    data: Dataset
    joint: JointSource
    fit: str | None = None
    _latest: ProbeScore | None = None
    _due: float = 0.0

    def __call__(self, report: Report, /) -> None:
        """Pass a report on."""
        begun = time.monotonic()
        if begun >= self._due:
            self._latest = self.measure() if self._due else None  # not of weights that have seen nothing yet
            ended = time.monotonic()
            self._due = ended + max(_LEAST_SECONDS, _LEAST_SHARE * (ended - begun))
        self.progress(replace(report, probed=self._latest))

    @property
    def word(self) -> Word:
        """The product of all augmentations in their order."""
        return product(self.views.generators)

    def measure(self) -> ProbeScore | None:
        """Floor and gap ratio of the word; None while the codes do not suffice to fit operators."""
        catalog = self.views.catalog
        registry = OperatorRegistry.of(self.space, catalog)
        few = self.data.train.sample(FITTED)
        try:
            fit_operators(registry, self.space, self.views, few, joint=self.joint(), fit=self.fit)
            images, ids = self.data.test.sample(MEASURED).batch(slice(None))
            device = device_of_space(self.space)
            report = measure_composition(
                self.space,
                UnreducedOperators(registry),
                catalog,
                images.to(device),
                self.views.generators,
                words=[self.word],
                views=[Word()],
                ids=ids,
                seed=self.views.seed,
            )
        except AugalgebraError:
            return None
        (score,) = report.words
        return ProbeScore(catalog.display(self.word), score.floor, score.entropy, score.gap_ratio, score.identity_ratio)
