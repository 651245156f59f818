"""What albumentations' `ReplayCompose` records of a picture: the transforms that were applied, and how."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from torch import Tensor

import augalgebra as aa
from augalg_albumentations import RECORDED, adapter, building

import albumentations  # isort: skip  # after those, which keep it off the network

_OF_REPLAY = ("params", "applied", "id")
"""What a record adds to the serialized form of a transform."""
_MATRICES = ("Affine", "Rotate", "SafeRotate", "ShiftScaleRotate")
"""Classes that warp by the matrix among their parameters."""
_PADS = ("pad_left", "pad_top", "pad_right", "pad_bottom")
_FORGETTING = {
    "RandomOrder": "in which order its transforms were applied",
    "SomeOf": "how often each of its transforms was applied",
}


def is_record(form: Mapping[str, Any]) -> bool:
    """Whether a dictionary is a record, and no serialized form."""
    return isinstance(form, Mapping) and building.CLASS in form and "applied" in form


def applied_nodes(record: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The parts of a record that are single transforms that were applied, in the order of their application.

    Raises:
        AugalgebraError: It is damaged, or leaves open what was applied.
    """
    cls = building.class_of_node(record)
    if not isinstance(record.get("applied"), bool):
        raise aa.AugalgebraError(f"this record does not say whether {cls.__name__} was applied")
    if not record["applied"]:
        return
    if not issubclass(cls, albumentations.BaseCompose):
        if not isinstance(record.get("params"), Mapping):
            raise aa.AugalgebraError(f"this record does not say with which parameters {cls.__name__} was applied")
        yield record
        return
    if not isinstance(record.get("transforms"), list):
        raise aa.AugalgebraError(f"this record does not say what {cls.__name__} is made of")
    nodes = [node for part in record["transforms"] for node in applied_nodes(part)]
    if nodes and cls.__name__ in _FORGETTING and not (len(nodes) == 1 and cls.__name__ == "RandomOrder"):
        raise aa.AugalgebraError(f"a record does not say {_FORGETTING[cls.__name__]} ({cls.__name__})")
    yield from nodes


def plain(node: Mapping[str, Any]) -> Any:
    """The transform of a part of a record, without what was recorded.

    Raises:
        AugalgebraError: A setting is not known, or not accepted.
    """
    settings = {key: value for key, value in node.items() if key != building.CLASS and key not in _OF_REPLAY}
    return building.construct(building.class_of_node(node), (), settings, saved=True)


def step(node: Mapping[str, Any]) -> aa.PipelineStep:
    """The step that a part of a record is, and what may well undo it."""
    word = aa.word_of(RECORDED, json.dumps(node, default=_as_list))
    return aa.PipelineStep("", word, inverse=_inverse(node), size=size_of(node))


def augmentation() -> aa.Augmentation:
    """``albumentations.recorded(form)``: a transform as it was applied to one picture, whose size others must have."""

    def function(images: Tensor, form: str) -> Tensor:
        node = building.read(form)
        if not is_record(node) or not isinstance(node.get("params"), Mapping):
            raise ValueError("this is no record of a transform that was applied")
        transform, size = plain(node), size_of(node)
        if size is not None and tuple(images.shape[2:]) != size:
            raise ValueError("it was recorded for pictures of {}×{} pixels".format(*size))
        transform.params = {key: _as_array(value) for key, value in node["params"].items()}
        transform.replay_mode = transform.applied_in_replay = True
        return adapter.apply(transform, images)

    form = aa.Param("form", doc="JSON text of what was recorded")
    return aa.Augmentation(RECORDED, function, (form,), shape="changed", summary="Repeat what was recorded.")


def size_of(node: Mapping[str, Any]) -> tuple[int, int] | None:
    """Height and width of the picture that it was recorded for, where they matter."""
    shape = node["params"].get("shape")
    if issubclass(building.class_of_node(node), albumentations.ImageOnlyTransform) or shape is None:
        return None
    try:
        height, width = (int(side) for side in shape[:2])
    except (TypeError, ValueError):
        raise aa.AugalgebraError(f"this record has a shape that is none: {shape!r}") from None
    return height, width


def _inverse(node: Mapping[str, Any]) -> aa.Word | None:
    """A word that undoes a warp or a frame, as far as something can."""
    kind, params, size = building.class_of_node(node).__name__, node["params"], size_of(node)
    if size is None:
        return None
    height, width = size
    if kind in _MATRICES and "matrix" in params and not node.get("crop_border"):
        try:
            matrix = np.linalg.inv(np.asarray(params["matrix"], dtype=np.float64))
        except (np.linalg.LinAlgError, TypeError, ValueError):
            return None
        made = params.get("output_shape") or size
        back = {"matrix": matrix, "shape": list(made[:2]), "output_shape": [height, width]}
        settings = {key: node[key] for key in ("interpolation", "fill", "border_mode") if key in node}
        form = {building.CLASS: "Affine", "p": 1.0, **settings, "params": back, "applied": True}
        return aa.word_of(RECORDED, json.dumps(form, default=_as_list))
    if all(isinstance(params.get(side), int) for side in _PADS):
        left, top = params["pad_left"], params["pad_top"]
        return aa.word_of("albumentations.Crop", left, top, left + width, top + height, seed=0)
    return None


def _as_list(item: Any) -> Any:
    return item.tolist() if isinstance(item, np.ndarray | np.generic) else str(item)


def _as_array(value: Any) -> Any:
    """Tables of numbers as the arrays that they were."""
    if isinstance(value, list) and value and isinstance(value[0], list):
        return np.asarray(value)
    return tuple(value) if isinstance(value, list) else value
