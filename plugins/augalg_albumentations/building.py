"""From texts, dictionaries and files to transforms of albumentations that have every setting that was written.

Albumentations only warns of settings that it does not know, and leaves them out; here they are refused by name.
"""

import ast
import copy
import inspect
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

import augalgebra as aa
from augalgebra.errors import nearest
from augalgebra.storage import MOST_TEXT, read_bytes

# Without this, importing it asks a server whether there is a newer version.
os.environ.setdefault("NO_ALBUMENTATIONS_UPDATE", "1")
import albumentations
from albumentations.core import serialization

FORMATS = {".json": json.loads, ".yaml": yaml.safe_load, ".yml": yaml.safe_load}
"""How a serialized transform is read, by the end of the file's name."""
CLASS = "__class_fullname__"
SERIALIZED = "serialized"
"""What stands before a serialized form, as in ``serialized("sunny.json", seed=3)``."""
_LONGEST = 300
_MOST_TRANSFORMS = 1000
_MOST_VALUES = 1_000_000
_MOST_YAML = 1 << 18
"""Bytes of YAML, which is read a hundred times as slowly as JSON."""
_IGNORED = r"Argument\(s\) '"
"""How albumentations' warning of a setting that it leaves out begins."""


def find_class(short: str) -> type:
    """The class of a transform or composition.

    Raises:
        AugalgebraError: There is none of that name; the message suggests the nearest.
    """
    cls = getattr(albumentations, short, None)
    if not inspect.isclass(cls) or not issubclass(cls, albumentations.BasicTransform | albumentations.BaseCompose):
        near = nearest(short, dir(albumentations), most=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        raise aa.AugalgebraError(f"albumentations {albumentations.__version__} has no transform {short!r}{hint}")
    return cls


def construct(cls: Any, positional: Sequence[Any], settings: Mapping[str, Any], *, saved: bool = False) -> Any:
    """Make a transform or composition of all these settings, or refuse.

    Args:
        cls: The class.
        positional: Settings without a name.
        settings: Settings by name.
        saved: They were written by albumentations, which also writes what a class takes from its parents and has no
            setting for; that is passed over where it is what the transform has anyway.

    Raises:
        AugalgebraError: A setting is unknown, given twice, or not accepted; the message names it.
    """
    known = inspect.signature(cls).parameters
    unknown = {key: value for key, value in settings.items() if key not in known and key != "strict"}
    fitting = {key: value for key, value in settings.items() if key not in unknown and key != "strict"}
    made = _made(cls, positional, fitting)
    inherited = made.to_dict_private() if saved and unknown else {}
    for key, value in unknown.items():
        if key not in inherited or _text(inherited[key]) != _text(value):
            near = nearest(key, known, most=1)
            hint = f"did you mean {near[0]}?" if near else f"it has {', '.join(known)}"
            raise aa.AugalgebraError(f"albumentations.{cls.__name__} has no setting {key!r}; {hint}")
    return made


def load(source: object) -> Any:
    """A transform from an object, or from its serialized form as a dictionary, text or file.

    Raises:
        AugalgebraError: The source is none of these, or names what albumentations does not have.
    """
    if isinstance(source, albumentations.BasicTransform | albumentations.BaseCompose):
        return copy.deepcopy(source)
    return of_form(read(source))


def read(source: object) -> Mapping[str, Any]:
    """The serialized form of a transform as a dictionary, from a dictionary, text or file.

    Raises:
        AugalgebraError: The source is none of these, or cannot be read.
    """
    try:
        if isinstance(source, str) and source.lstrip().startswith("{"):
            source = json.loads(source)
        elif isinstance(source, str | Path) and Path(source).suffix in FORMATS:
            suffix = Path(source).suffix
            most = MOST_TEXT if suffix == ".json" else _MOST_YAML
            source = FORMATS[suffix](read_bytes(Path(source), most).decode("utf-8-sig")) or ()
    except OSError as error:
        raise aa.AugalgebraError(f"cannot read {source}: {error.strerror}") from None
    except Exception as error:  # JSON and YAML each have errors of their own
        raise aa.AugalgebraError(f"this is no serialized transform: {one_line(error)[:_LONGEST]}") from error
    _refuse_endless(source)
    if isinstance(source, Mapping):
        return source
    if isinstance(source, list | tuple | int | float):
        raise aa.AugalgebraError("this is no serialized transform: it holds no dictionary")
    raise aa.AugalgebraError(
        "a transform is given as an albumentations object, the dictionary or JSON text of one, or a path "
        f"ending in {', '.join(FORMATS)}, not {source!r}"
    )


def _refuse_endless(source: object) -> None:
    """Refuse what is written once in YAML and stands at a million places, or in itself, and what takes minutes."""
    waiting, values, transforms = [source], 0, 0
    while waiting:
        item = waiting.pop()
        parts = [*item.values()] if isinstance(item, Mapping) else item if isinstance(item, list | tuple) else ()
        values += len(parts)
        transforms += isinstance(item, Mapping) and CLASS in item
        if values > _MOST_VALUES:
            raise aa.AugalgebraError(f"this is no serialized transform: it holds more than {_MOST_VALUES} values")
        waiting.extend(parts)
    _refuse_many(transforms)


def _refuse_many(transforms: int) -> None:
    if transforms > _MOST_TRANSFORMS:
        raise aa.AugalgebraError(f"a pipeline of {transforms} transforms is not read; {_MOST_TRANSFORMS} are the most")


def of_form(form: Mapping[str, Any]) -> Any:
    """The transform of a serialized form.

    Raises:
        AugalgebraError: It is no such form, or names what albumentations does not have.
    """
    if not isinstance(form.get("transform"), Mapping):
        raise aa.AugalgebraError("this is no serialized transform: albumentations misses 'transform'")
    serialization.register_additional_transforms()
    try:
        return _of_node(form["transform"])
    except RecursionError:
        raise aa.AugalgebraError("this is no serialized transform: it is nested too deeply") from None


def class_of_node(node: object) -> Any:
    """The class that a part of a serialized form names.

    Raises:
        AugalgebraError: It names none.
    """
    name = node.get(CLASS) if isinstance(node, Mapping) else None
    if not isinstance(name, str):
        raise aa.AugalgebraError(f"this is no serialized transform: albumentations misses {CLASS!r}")
    short = serialization.shorten_class_name(name)
    return serialization.SERIALIZABLE_REGISTRY.get(short) or find_class(short)


def read_construction(text: str) -> tuple[Any, int | None]:
    """What a construction in Python makes, and the seed that it gives to the outermost transform.

    Only classes of albumentations are called, with plain values. The outermost transform is always applied, unless a
    probability is written. ``serialized("sunny.json", seed=3)`` is what a file or text makes.

    Raises:
        AugalgebraError: It cannot be read so, or a class, setting or value is refused.
    """
    try:
        tree = _call(ast.parse(text.strip(), mode="eval").body)
        _refuse_many(sum(isinstance(part, ast.Call) for part in ast.walk(tree)))
        seeds = [keyword.value for keyword in tree.keywords if keyword.arg == "seed"]
        tree.keywords = [keyword for keyword in tree.keywords if keyword.arg != "seed"]
        if tree.func.id == SERIALIZED:
            made = load(*map(ast.literal_eval, (*tree.args, *(keyword.value for keyword in tree.keywords))))
        else:
            made = _built(tree)
            if not any(keyword.arg == "p" for keyword in tree.keywords):
                made.p = 1.0
        return made, seed_of(*map(ast.literal_eval, seeds)) if seeds else None
    except aa.AugalgebraError:
        raise
    except Exception as error:  # syntax, values that are no literals, and what the transforms refuse
        raise aa.AugalgebraError(f"cannot read {text!r} as a pipeline: {one_line(error)}") from error


def seed_of(value: object) -> int | None:
    """A seed that was written, or None.

    Raises:
        AugalgebraError: It is none.
    """
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value >= 0):
        return value
    raise aa.AugalgebraError(f"seed must be a whole number, 0 or more, not {value!r}")


def one_line(error: Exception) -> str:
    """What an error says, in one line."""
    for cause in (error, error.__cause__):
        if isinstance(cause, ValidationError):
            return "; ".join(": ".join(map(str, (*item["loc"], item["msg"]))) for item in cause.errors())
    return " ".join(str(error).split()) or type(error).__name__


def _made(cls: Any, positional: Sequence[Any], settings: Mapping[str, Any]) -> Any:
    try:
        given = inspect.signature(cls).bind_partial(*positional, **settings)
        given.apply_defaults()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that another class would be faster, and the like
            if issubclass(cls, albumentations.BasicTransform):
                # where this stumbles, albumentations takes the defaults instead of what was written, and only warns
                cls.InitSchema(**given.arguments, strict=True)
            warnings.filterwarnings("error", message=_IGNORED)
            return cls(*positional, **settings)
    except Exception as error:  # every class checks its settings in its own way
        raise aa.AugalgebraError(f"albumentations.{cls.__name__}: {one_line(error)}") from error


def _text(value: object) -> str:
    """The same for what was written as a tuple and read as a list."""
    return json.dumps(value, sort_keys=True, default=str)


def _of_node(node: Any) -> Any:
    cls = class_of_node(node)
    settings = {key: value for key, value in node.items() if key != CLASS}
    if "transforms" in settings:
        if not isinstance(settings["transforms"], list):
            raise aa.AugalgebraError(f"this is no serialized transform: the transforms of {cls.__name__} are no list")
        settings["transforms"] = [_of_node(part) for part in settings["transforms"]]
    if not issubclass(cls, albumentations.Compose | albumentations.Sequential):
        settings.setdefault("p", 0.5)  # as albumentations reads it
    return construct(cls, (), settings, saved=True)


def _built(node: ast.expr) -> Any:
    if isinstance(node, ast.List | ast.Tuple):
        return [_built(item) for item in node.elts] if _has_calls(node) else ast.literal_eval(node)
    if not isinstance(node, ast.Call):
        return ast.literal_eval(node)
    call = _call(node)
    keywords = {str(keyword.arg): _built(keyword.value) for keyword in call.keywords}
    return construct(find_class(call.func.id), [_built(item) for item in call.args], keywords)


def _call(node: ast.expr) -> Any:
    """A node that is the call of a name."""
    if isinstance(node, ast.Name):
        return ast.Call(node, [], [])
    named = isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
    if named and all(keyword.arg is not None for keyword in getattr(node, "keywords", ())):
        return node
    raise aa.AugalgebraError(f"{ast.unparse(node)!r} is no transform; write for example Solarize(p=1)")


def _has_calls(node: ast.expr) -> bool:
    return any(isinstance(part, ast.Call) for part in ast.walk(node))
