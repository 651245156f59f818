"""Augmentations: named, deterministic maps from (images, parameters) to images.

Drawing parameters is separate from applying them. A parameter with a distribution that is not given in a word is drawn
per image from ``(seed, augmentation, image)``, so that within one view a random augmentation is one fixed function:
``shear_x * shear_x^-1`` shears every image by its own angle and back.
"""

import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from augalgebra.algebra import expressions
from augalgebra.algebra.expressions import Expression, Value
from augalgebra.algebra.words import IDENTITY, Symbol
from augalgebra.errors import AugmentationError, ParameterError, PluginError, nearest
from augalgebra.image_batches import check_batch, image_numbers, is_finite, shape_text, size_text
from augalgebra.isolation import isolate
from augalgebra.parameters import REQUIRED, Param
from augalgebra.plain import count_of

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor

Shape = Literal["kept", "transposed", "changed"]
Function: TypeAlias = "Callable[..., Tensor]"


@dataclass(frozen=True)
class Augmentation:
    """A named map on batches of images, or a family of them.

    Attributes:
        name: Full name, ``distribution.name``.
        function: ``f(images, *parameters) -> images`` on float batches ``[batch, channel, height, width]`` in [0, 1].
            A parameter arrives as a plain number, or as a tensor ``[batch, 1, 1, 1]`` when it was drawn per image.
        params: Its parameters, in order.
        shape: What it does to height and width: ``kept``, ``transposed`` or ``changed``.
        tolerance: Largest absolute error on pixels at which two results still count as equal; None uses the
            tolerance of the data type.
        summary: One line for people.
        plugin: Name of the plugin it came from.
        probes: Names of the probe images that it is made for; empty if it is for every picture.
        declared: What it was registered with, as written: ``name`` and the keywords that were given.

    Raises:
        PluginError: The name is that of the identity, or something among the parameters is no `Param`.
    """

    name: str
    function: Function
    params: tuple[Param, ...] = ()
    shape: Shape = "kept"
    tolerance: float | None = None
    summary: str = ""
    plugin: str = ""
    probes: tuple[str, ...] = ()
    declared: Mapping[str, object] = field(default_factory=dict, compare=False)

    def __post_init__(self) -> None:
        if self.short_name == str(IDENTITY):
            raise PluginError(f"the name {IDENTITY} is reserved for the identity; call {self.name} something else")
        for param in self.params:
            if not isinstance(param, Param):
                raise PluginError(f"{self.name}: its params are aa.Param, such as aa.Param('degrees'), not {param!r}")

    @property
    def short_name(self) -> str:
        """The name without its namespace."""
        return self.name.rsplit(".", 1)[-1]

    @property
    def random(self) -> bool:
        """Whether the bare name stands for a draw per image."""
        return any(param.draw for param in self.params)

    @property
    def required(self) -> tuple[str, ...]:
        """Names of the parameters that have to be given in every word."""
        return tuple(param.name for param in self.params if param.default is REQUIRED and param.draw is None)

    @property
    def signature(self) -> str:
        """The short name with its parameters, e.g. ``shear_x(degrees ~ uniform(-50, -45))``."""
        parts = []
        for param in self.params:
            if param.draw:
                parts.append(f"{param.name} ~ {param.draw}")
            elif param.default is not REQUIRED:
                parts.append(f"{param.name}={expressions.value_text(expressions.value(param.default))}")
            else:
                parts.append(param.name)
        return f"{self.short_name}({', '.join(parts)})" if parts else self.short_name

    def variable(self, param: Param) -> Expression:
        """The symbolic constant that stands for the drawn value of `param`."""
        return expressions.variable(f"{self.name}.{param.name}")

    def bind(self, symbol: Symbol, *, universal: bool = False, tied: bool = False) -> Symbol:
        """The canonical symbol: full name, every parameter in its place, none by keyword.

        Args:
            symbol: The name with the arguments that were given.
            universal: The symbol stands in a law. A bare name then speaks of *all* parameters, so each becomes a
                variable.
            tied: The law also has the bare name. The names of parameters then mean those same parameters, and so do
                parameters that are left out: ``shear_x * shear_x(-degrees) = id``. In other laws names are just
                variables: ``shear_x(a) * transpose = transpose * shear_y(a)``.

        Raises:
            ParameterError: An argument is missing, unknown, given twice or out of range.
        """
        if not (self.params or symbol.args or symbol.kwargs):  # as most are
            return Symbol(self.name)
        given: dict[str, Value] = {}
        if len(symbol.args) > len(self.params):
            raise ParameterError(
                f"{self.short_name} takes {count_of(len(self.params), 'parameter')}, not {len(symbol.args)}"
            )
        for param, argument in zip(self.params, symbol.args, strict=False):
            given[param.name] = argument
        names = [param.name for param in self.params]
        for name, argument in symbol.kwargs:
            if name not in names:
                near = nearest(name, names)
                hint = f"; did you mean {near[0]}?" if near else f"; it takes {', '.join(names) or 'none'}"
                raise ParameterError(f"{self.short_name} has no parameter {name!r}{hint}")
            if name in given:
                raise ParameterError(f"{self.short_name}: {name} is given twice")
            given[name] = argument
        general = universal and (tied or not given)
        own = {param.name: self.variable(param) for param in self.params if (tied if universal else param.draw)}
        return Symbol(self.name, tuple(self._argument(param, given, own, general) for param in self.params))

    def _argument(self, param: Param, given: Mapping[str, Value], own: Mapping[str, Value], general: bool) -> Value:
        if param.name in given:
            # lets ``shear_x(-degrees)`` name the value that shear_x itself draws
            argument = expressions.substitute(given[param.name], own)
            param.check(self.short_name, argument)
            return argument
        if param.draw is not None or general:
            return self.variable(param)
        if param.default is REQUIRED:
            raise ParameterError(
                f"{self.short_name} needs {param.name}; write for example {self.short_name}({self._example()})"
            )
        return expressions.value(param.default)

    def _example(self) -> str:
        return ", ".join(expressions.value_text(expressions.value(_example(param))) for param in self.params)

    def draw(self, seed: int, ids: Sequence[int]) -> "dict[str, np.ndarray[Any, Any]]":
        """Draw the random parameters of the images `ids`.

        The value for an image depends on the seed, this augmentation and the image's number only, never on the batch
        it comes in.

        Args:
            seed: The seed of the view.
            ids: Numbers of the images in their data set.

        Returns:
            For each symbolic constant (``name.parameter``), an array with one value for each image.

        Raises:
            ImageError: Something among `ids` is no whole number from 0.
        """
        import hashlib  # which reasoning needs not, and takes a while

        import numpy as np

        numbers, places = np.unique(image_numbers(ids), return_inverse=True)
        runs = np.split(numbers, np.flatnonzero(np.diff(numbers) != 1) + 1)  # of numbers that follow each other
        drawn = {}
        for param in self.params:
            if param.draw is not None:
                key = f"{self.name}.{param.name}"
                digest = int.from_bytes(hashlib.sha256(key.encode()).digest()[:8], "little")
                values = []
                for run in runs:
                    steps = np.random.PCG64(np.random.SeedSequence([seed, digest]))
                    # the value of image n is the n-th, reached without drawing those before it
                    steps.advance(int(run[0]) if run.size else 0)
                    values.append(param.draw.draw(np.random.Generator(steps), run.size))
                drawn[key] = np.concatenate(values)[places]
        return drawn

    def apply(self, images: "Tensor", arguments: Sequence[object] = ()) -> "Tensor":
        """Apply the function at fixed parameters and hold it to its promises.

        Args:
            images: Float batch ``[batch, channel, height, width]``.
            arguments: One for each parameter: a plain value, or an array of one value for each image.

        Raises:
            ImageError: The batch is not of that form.
            AugmentationError: The function raised (an exit and an interrupt of its own included), changed the images
                or something of the process, or returned pixels that are not finite, or something of another kind,
                shape or device.
        """
        check_batch(images)
        prepared = [_per_image(images, argument) for argument in arguments]
        # numpy and OpenCV write into an image without a trace in its version
        version, first = None if images.is_inference() else images._version, images[:1].clone()
        try:
            with isolate():
                result = self.function(images, *prepared)
        except Exception as error:  # whatever a plugin raises is reported under its name
            raise AugmentationError(f"{self._blame} failed on images {size_text(images)}: {error}") from error
        if (version is not None and images._version != version) or not images[:1].equal(first):
            raise AugmentationError(f"{self._blame} changed the images it was given; work on x.clone()")
        self._check_result(images, result)
        return result

    @property
    def _blame(self) -> str:
        return f"{self.name} (plugin {self.plugin})" if self.plugin else self.name

    def _check_result(self, images: "Tensor", result: object) -> None:
        blame = self._blame
        if type(result) is not type(images):
            raise AugmentationError(f"{blame} returned {type(result).__name__}; it must return a batch like its input")
        wanted = tuple(images.shape)
        if self.shape == "transposed":
            wanted = (*wanted[:2], wanted[3], wanted[2])
        got = tuple(result.shape)
        if got[:2] != wanted[:2] or len(got) != 4 or (self.shape != "changed" and got != wanted):
            raise AugmentationError(
                f"{blame} returned shape {shape_text(got)} for {shape_text(images.shape)}, "
                f"but declares its shape {self.shape}"
            )
        if result.dtype != images.dtype:
            raise AugmentationError(f"{blame} returned {result.dtype} for {images.dtype}; it must keep the type")
        if result.device != images.device:
            raise AugmentationError(f"{blame} returned a batch on {result.device} for one on {images.device}")
        if not is_finite(result):
            raise AugmentationError(f"{blame} returned pixels that are NaN or infinite for images {size_text(images)}")


def params_of(function: Function, declared: Mapping[str, Param]) -> tuple[Param, ...]:
    """Read a family's parameters off the function's signature, completed by what was declared.

    Raises:
        ParameterError: A declared parameter is not in the signature, the signature has ``*args``, or a default cannot
            stand in a word.
    """
    parameters = list(inspect.signature(function).parameters.values())[1:]
    names = [parameter.name for parameter in parameters]
    unknown = [name for name in declared if name not in names]
    if unknown:
        raise ParameterError(f"params names {unknown[0]!r}, which the function does not take ({', '.join(names)})")
    result = []
    for parameter in parameters:
        if parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            raise ParameterError("an augmentation's parameters are named one by one, not *args or **kwargs")
        default = REQUIRED if parameter.default is parameter.empty else parameter.default
        base = declared.get(parameter.name, Param(parameter.name))
        result.append(
            Param(
                parameter.name,
                base.default if base.default is not REQUIRED else default,
                base.low,
                base.high,
                base.draw,
                base.whole or parameter.annotation is int,
                base.doc,
            )
        )
    return tuple(result)


def _per_image(images: "Tensor", argument: object) -> object:
    import numpy as np

    if isinstance(argument, np.ndarray):
        if argument.dtype.kind == "f":
            return images.new_tensor(argument).reshape(-1, 1, 1, 1)
        # by way of float64, since float32 cannot hold every seed
        return images[:0].double().new_tensor(argument).long().reshape(-1, 1, 1, 1)
    return argument


def _example(param: Param) -> object:
    if param.draw is not None:
        return param.draw.values[0]
    if param.default is not REQUIRED:
        return param.default
    low = param.low if param.low is not None else 0
    high = param.high if param.high is not None else low + 2
    middle = low + (high - low) / 2 if math.isfinite(high - low) else 1
    return round(middle) if param.whole else round(middle, 3)
