"""Counterfactuals of some pictures beside what is true, where the data can draw that."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from augalgebra.causal.edits import Edit, World
from augalgebra.causal.model import EditedModel
from augalgebra.causal.truth import Truth
from augalgebra.data.drawn.pendulum import FACTORS, read_pendulum
from augalgebra.errors import AugalgebraError, DataError, ImageError
from augalgebra.latent.likelihoods import squared_error
from augalgebra.plain import PlainData

Images = Float[Tensor, "picture channel height width"]
Columns = Mapping[str, Float[Tensor, " picture"]]


@dataclass(frozen=True, eq=False)
class Counterfactuals(PlainData):
    """Pictures and what they would look like.

    Errors are squared differences of pixels, as `augalgebra.latent.likelihoods.squared_error` has them.

    Attributes:
        pictures: The pictures.
        reconstructions: They, encoded and decoded.
        drawn_pictures: The counterfactuals.
        truth: The true ones; None where they are not known.
        read: Concepts as the encoder reads them off the pictures, by name.
        predicted: Concepts as they would be.
        true: Their true values then; empty where they are not known.
        drawn: Concepts as they are read off what was drawn, by other means than the model; empty likewise.
        errors: Mean error of the ``counterfactual``, the ``floor`` (true ones encoded and decoded) and the
            ``identity`` (the pictures as they are), each against the truth; None where that is not known.
        picture_errors: Error of each counterfactual; empty where the truth is not known.
        missing: Why the truth is not known; empty where it is.
    """

    pictures: Images
    reconstructions: Images
    drawn_pictures: Images
    truth: Images | None
    read: Columns
    predicted: Columns
    true: Columns
    drawn: Columns
    errors: Mapping[str, float] | None
    picture_errors: tuple[float, ...]
    missing: str = ""
    in_json = "read", "predicted", "true", "drawn", "errors", "picture_errors", "missing"


@torch.no_grad()
def show_counterfactuals(
    world: EditedModel,
    pictures: Images,
    do: Mapping[str, float],
    truth: Truth | None = None,
    factors: Columns | None = None,
) -> Counterfactuals:
    """Draw what pictures would look like, and what is true where that is known.

    Args:
        world: The model, edited or not.
        pictures: The pictures, as the model takes them.
        do: Concepts that are set.
        truth: What is true of such pictures; None where that is not known.
        factors: Factors of the pictures; None reads them off.

    Raises:
        DataError: Factors are given, and one is missing, or not one for each picture.
        UnknownNameError: There is no such concept.
        ParameterError: A value is no number, or far beyond what was trained on.
    """
    model = world.model
    for concept in model.concepts if factors is not None else ():
        number = len((factors or {}).get(concept, ()))
        if number != len(pictures):
            raise DataError(f"{number} values of the factor {concept} for {len(pictures)} pictures; give one for each")
    state, noise = model.encode(pictures), model.abduct(pictures)
    follows = world.predict(noise, do)
    drawn = model.decode(follows)
    made, missing, errors, single = None, "what is true of such pictures is not known", None, ()
    true: Columns = {}
    read: Columns = {}
    if truth is not None:
        try:
            factors = read_factors(truth, pictures) if factors is None else factors
            asked_of = (*world.edits, *(Edit("do", name, number=value) for name, value in do.items()))
            acting = World.of(truth.graph, asked_of, idle_cuts=True)
            made, missing = truth.change(pictures, factors, acting).cpu(), ""
        except AugalgebraError as error:
            missing = str(error)
    if truth is not None and made is not None:
        true, read = truth.read(made), truth.read(drawn.cpu())
        asked = made.to(pictures)
        each = squared_error(drawn, asked)
        errors = {
            "counterfactual": float(each.mean()),
            "floor": float(squared_error(model.reconstruct(asked), asked).mean()),
            "identity": float(squared_error(pictures, asked).mean()),
        }
        single = tuple(each.tolist())
    names = model.concepts
    now, then = (dict(zip(names, item.values.cpu().double().unbind(1), strict=True)) for item in (state, follows))
    return Counterfactuals(
        pictures.cpu(), model.decode(state).cpu(), drawn.cpu(), made, now, then, true, read, errors, single, missing
    )


def read_factors(truth: Truth, pictures: Images) -> Columns:
    """The factors of pictures.

    Raises:
        ImageError: One cannot be read off a picture; the message names both.
    """
    if set(truth.graph.concepts) == set(FACTORS):
        return read_pendulum(pictures.cpu()).require(truth.graph.concepts)
    found = truth.read(pictures.cpu())
    for concept, values in found.items():
        if bool(values.isnan().any()):
            raise ImageError(f"{concept} cannot be read off picture {int(values.isnan().int().argmax())}")
    return found
