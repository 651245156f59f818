"""The experiments of the slides by name."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from augalg_slides.reproduction import items_causal, items_flows, items_parts, items_runs, items_trained
from augalg_slides.reproduction.comparisons import COMPARISONS
from augalg_slides.reproduction.context import ExperimentContext, Outcome
from augalgebra.errors import UnknownNameError


@dataclass(frozen=True)
class Experiment:
    """One experiment.

    Attributes:
        name: Its name.
        title: Its heading.
        slides: Which slides make the claims.
        about: What is done, in a few sentences.
        make: Makes it.
        share: How much of the whole time it takes, about, in any unit.
        once: Whether it is made once over all seeds, not for each.
    """

    name: str
    title: str
    slides: str
    about: str
    make: Callable[[ExperimentContext], Outcome]
    share: float = 1.0
    once: bool = False


_LISTED = (
    Experiment(
        "composition",
        "Composition and inverses",
        "6-8",
        "Three stages: views are encoded, moved by operators that were fitted on single augmentations, and "
        "decoded. The gap ratio is the loss beyond the images' entropy, over that of the directly encoded view; "
        "beside it stands what it would be if nothing were moved. The published recipe in all stages, operators by "
        "the laws on the same encoder, and the equivariant training stand side by side.",
        items_runs.composition,
        share=60,
    ),
    Experiment(
        "recursion",
        "Recursion",
        "8-9",
        "DEC(ENC(·) L), again and again: by the encoder alone as on the slides, with refined encoding, and "
        "without leaving the latent space. A frozen classifier says what an image still shows, with the word "
        "undone on its pixels; a class is stable where nine in ten keep the class they had after one application, "
        "and drifts where fewer than half do.",
        items_runs.recursion,
        share=60,
    ),
    Experiment(
        "sampling",
        "Interpolation and sampling",
        "10",
        "Codes are drawn from the prior, from the smallest box around the codes of training images, from a normal "
        "and a mixture fitted to them, and from that normal within the box in whitened coordinates. Images are "
        "judged against test images: coverage is the share of them with a drawn image nearby, density how many of "
        "them a drawn image is near to. Training images and their reconstructions are the ceiling. A line "
        "between two codes is moved by every word.",
        items_runs.sampling,
        share=20,
    ),
    Experiment(
        "fractions",
        "Fractions of augmentations",
        "14",
        "Half a flip by a power of its operator, and rotations by angles that were never seen through a one-"
        "parameter family fitted on others. Where an augmentation does the same to pixels, the drawn image is "
        "measured against it.",
        items_runs.fractions,
        share=20,
    ),
    Experiment(
        "geometry",
        "Geometry of the latent space",
        "12, 22",
        "Encoded views beside codes moved by operators, in two dimensions directly and in projections of more. "
        "Spread is the total variance. Views are told apart by linear and nearest-neighbour probes, cross-"
        "validated over images.",
        items_runs.geometry,
        share=60,
    ),
    Experiment(
        "transfer",
        "Transfer between pairs",
        "11, 13, 21",
        "Stage 1 on every pair, a new head for every pair. A total is the loss of the original, both "
        "augmentations and their composition together; on the diagonal stands the native pair, drawn by the head "
        "of stage 1. The slides' figures are of MNIST.",
        items_trained.transfer,
        share=150,
        once=True,
    ),
    Experiment(
        "advise",
        "Which pair to start from",
        "12-13",
        "Initial pairs are ranked by the relations that they share with the target, by their operators, and by a "
        "short run of each, without a look at the sweep; no weights are fitted. The ranking is then compared with "
        "the sweep.",
        items_trained.advise,
        share=15,
        once=True,
    ),
    *(
        Experiment(name, kind.title, kind.slides, kind.about, items_trained.comparison(name), kind.share)
        for name, kind in COMPARISONS.items()
    ),
    Experiment(
        "synthetic",
        "Synthetic images of known factors",
        "17",
        "Latent spaces from glyphs half of which are mirrored, without any pairs; from upright glyphs in "
        "augmentation pairs; and from real images in pairs. Linear probes say what codes know of the factors, "
        "least-squares operators how far flips act linearly on them.",
        items_trained.synthetic,
        share=30,
    ),
    Experiment(
        "density",
        "Densities of codes, given class and view",
        "10, 17",
        "A flow is fitted to the codes of training images in all views, told class and view. Its draws are judged "
        "like those of the other ways, and by frozen classifiers of class and view; the log density of held-out codes "
        "stands beside that of normals and of mixtures, of all codes together and for each class and view.",
        items_flows.density,
        share=30,
    ),
    Experiment(
        "flow",
        "Operators conjugated by a flow",
        "17",
        "Operators φ⁻¹(φ(z) π(g)) with π an exact representation and φ an invertible network, on an encoder trained as "
        "published; linear fits on the same encoder stand beside it. Relations hold by construction.",
        items_flows.flow,
        share=30,
    ),
    Experiment(
        "partition",
        "A latent space in named parts",
        "17, 22",
        "Where operators are an exact representation of a group, codes fall into parts: what no augmentation changes, "
        "and what each changes. Probes say which parts know of views; parts of two images are swapped and judged by "
        "frozen classifiers. On glyphs, blocks from laws, from labels of some images and from nothing are held against "
        "the known factors.",
        items_parts.partition,
        share=30,
    ),
    Experiment(
        "causal",
        "Causal models of pendulums",
        "3-4, 17",
        "Autoencoders with a causal model in the latent space learn the graph of a light, a pendulum and its shadow, "
        "knowing only what has no causes. Counterfactuals, and pictures of worlds whose graph was edited, are held "
        "against the true ones, which can be drawn.",
        items_causal.causal,
        share=60,
    ),
    Experiment(
        "causal-digits",
        "Counterfactuals of digits",
        "3",
        "A causal model of digits whose thickness, slant and intensity were set, thickness causing intensity, beside "
        "published figures of the same measures.",
        items_causal.digits,
        share=40,
    ),
)
EXPERIMENTS: Mapping[str, Experiment] = {item.name: item for item in _LISTED}
"""All experiments, in the order of the report."""


def choose_experiments(
    names: Sequence[str] | None, known: Mapping[str, Experiment] = EXPERIMENTS
) -> tuple[Experiment, ...]:
    """Experiments by name, in the order of the report; all of them if None.

    Raises:
        UnknownNameError: There is none of that name; the message names the nearest.
    """
    for name in names or ():
        if name not in known:
            raise UnknownNameError("experiment", name, known, f"({', '.join(known)})")
    return tuple(item for item in known.values() if names is None or item.name in names)
