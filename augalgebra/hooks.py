"""Hook specifications: everything a plugin can contribute, each with an example.

A plugin is a module (or any object) whose functions are marked with `hookimpl` and named after a hook below. It is
found through the entry-point group ``augalgebra``, in a folder of plugins, or by being registered by hand.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

import pluggy

from augalgebra.algebra.laws import Law
from augalgebra.algebra.words import Word
from augalgebra.augmentation import Augmentation, Function, Shape
from augalgebra.parameters import Param
from augalgebra.plugin_commands import Defer

if TYPE_CHECKING:
    import typer
    from torch import Tensor, nn

PROJECT = "augalgebra"
"""The pluggy project name and the entry-point group."""

CONTRACT_VERSION = 1
"""Version of the contract between this library and plugins; it grows when a hook or keyword changes meaning.

A plugin may state which one it was written for: ``AUGALG_CONTRACT = 1`` at module level. Under a library that does not
know that contract yet, or no longer, it does not load, and says which of the two to update.
"""

OLDEST_CONTRACT = 1
"""The oldest contract that is still kept."""

CONTRACT_ATTRIBUTE = "AUGALG_CONTRACT"
"""Where a plugin states its contract."""

hookspec = pluggy.HookspecMarker(PROJECT)
hookimpl = pluggy.HookimplMarker(PROJECT)

Declared = TypeVar("Declared", bound=Function)


class Register(Protocol):
    """The callback a plugin receives: a decorator that admits one augmentation.

    Nothing that is left out is taken to be false: an augmentation without ``period`` is one whose period is unknown.
    """

    def __call__(
        self,
        name: str,
        *,
        inverse: str | None = None,
        inverse_kind: str = "exact",
        period: int | None = None,
        idempotent: bool | None = None,
        commutes_with: Sequence[str] = (),
        equals: str | None = None,
        additive: str | Sequence[str] | None = None,
        multiplicative: str | None = None,
        laws: Sequence[str | Law] = (),
        approximate: float | None = None,
        only_for: str | None = None,
        params: Sequence[Param] = (),
        shape: Shape = "kept",
        tolerance: float | None = None,
        probes: Sequence[str] = (),
    ) -> Callable[[Declared], Declared]:
        """Return the decorator.

        Args:
            name: ``namespace.name``; a bare name is put into the plugin's own namespace.
            inverse: Name of the inverse, ``"self"`` for an involution, a word (``"shear_x(-degrees)"``), or
                ``"none"`` if there is none because different images have one result.
            inverse_kind: ``exact`` (both sides), ``right`` (doing the inverse after this one restores the image),
                ``left`` (doing it before), or ``approximate``.
            period: The least n > 0 with a^n = id.
            idempotent: True if a * a = a; False if a * a differs from a on some image, which is checked as well.
            commutes_with: Augmentations it may be exchanged with.
            equals: A word it is equal to. Here, in `inverse` and in `commutes_with`, the name of one of its own
                parameters means that parameter: ``turn(degrees)``.
            additive: The parameter that adds up: f(a) * f(b) = f(a + b) and f(0) = id. Several at once for a vector.
            multiplicative: The parameter that multiplies: f(a) * f(b) = f(a * b) and f(1) = id.
            laws: Further equations in text, ``=`` exact or ``≈`` approximate, ``≠`` (or ``!=``) for two words that
                differ on some image, or `Law` objects. Names between brackets are variables. A law that does not hold
                for every picture ends with ``for square pictures``, ``for pictures with a dark border`` or ``for square
                pictures with a dark border``; a dark border is black but for a disc in the middle. Such laws are used
                after other augmentations only where ``NAME keeps a dark border`` (or ``NAME keeps squares``, for
                which ``shape`` kept or transposed is enough) is a law of each.
            approximate: Largest root-mean-square error of the laws declared by the keywords above, if they hold only
                up to interpolation; None if they are exact.
            only_for: The pictures that the laws declared by the keywords above hold for, such as ``"square pictures"``;
                None if they hold for every picture.
            params: Ranges and distributions of parameters; names, defaults and whole numbers are read off the
                signature.
            shape: What happens to height and width: ``kept``, ``transposed`` or ``changed``.
            tolerance: Largest absolute error on pixels at which exact laws still count as holding.
            probes: Names of probe images (see `augalg_probes`), for an augmentation of certain pictures that refuses
                all others by a `ValueError`. Laws that name it are checked on these alone, and no other law is.
        """


@dataclass(frozen=True)
class PipelineStep:
    """One step of a pipeline that a plugin has read.

    Attributes:
        name: What to call it.
        word: The augmentation that it is; the empty word where there is none.
        problem: Why it is no function of the image, such as a probability or parameters drawn at random; else "".
        moves: False if every pixel stays at its place, so that masks, boxes and points do not change; None leaves it
            to trying.
        inverse: A word that may well undo it. It is tried first, and not believed.
        size: Height and width of the pictures that it was applied to, if it is known; others do not count then.
    """

    name: str
    word: Word
    problem: str = ""
    moves: bool | None = None
    inverse: Word | None = None
    size: tuple[int, int] | None = None


class HookSpecs:
    """The hooks, as methods; a plugin implements the ones it needs."""

    @hookspec
    def augalg_register(self, register: Register) -> None:
        """Contribute augmentations.

        Examples:
            A whole plugin::

                import augalgebra as aa


                @aa.hookimpl
                def augalg_register(register):
                    @register("acme.negate", inverse="self", commutes_with=["flip_lr"])
                    def negate(x):  # [batch, channel, height, width] in [0, 1]
                        return 1 - x
        """

    @hookspec
    def augalg_laws(self) -> Iterable[str | Law]:
        """Contribute laws, also about augmentations of other plugins.

        A law that names something unknown is reported and left out; it harms nothing else. A law about augmentations
        of others decides nothing before it was checked on images, where a question first meets it.

        Examples:
            Tell how two plugins go together::

                @aa.hookimpl
                def augalg_laws():
                    return ["acme.negate * rotate_cw = rotate_cw * acme.negate"]
        """
        return ()

    @hookspec
    def augalg_resolve(self, name: str) -> Augmentation | None:
        """Answer a name in the plugin's own namespace that was not registered, or None.

        For plugins that wrap a whole library lazily: ``albumentations.Solarize`` is built when it is first used.
        The hook is asked for names that start with the plugin's name and a dot only.

        Examples:
            Give every power-of-two zoom a name::

                @aa.hookimpl
                def augalg_resolve(name):
                    if name == "acme.zoom_2":
                        return aa.Augmentation("acme.zoom_2", zoom_2, shape="changed")
        """

    @hookspec
    def augalg_target(self, target: str, name: str) -> Augmentation | None:
        """Build what ``augalg register`` is asked for, as one function of the image, or None if it is not known.

        For plugins that wrap a library. The hook is asked for ``plugin:target`` with what comes after the colon, and
        for files that are no Python files with their absolute path.

        Args:
            target: What was asked for, such as ``Solarize(threshold_range=(0.5, 0.5))``.
            name: Full name that the augmentation is to have.

        Examples:
            Let somebody register ``acme:zoom(2)`` under a name of their own::

                @aa.hookimpl
                def augalg_target(target, name):
                    if target == "zoom(2)":
                        return aa.Augmentation(name, zoom_2, shape="changed")
        """

    @hookspec
    def augalg_probes(self) -> "dict[str, Callable[[int, int, int], Tensor]]":
        """Contribute probe images that laws are checked on, by name.

        Each is a function from (channels, height, width) to a float batch ``[batch, channel, height, width]`` in
        [0, 1]. Good probes have no symmetry, otherwise they cannot tell laws apart. One that augmentations name as
        theirs, by ``probes``, is asked once, and may return images of a size and with channels of its own.

        Examples:
            Check on a ramp as well::

                @aa.hookimpl
                def augalg_probes():
                    def ramp(channels, height, width):
                        import torch

                        rows = torch.linspace(0, 1, height * width).reshape(1, 1, height, width)
                        return rows.repeat(1, channels, 1, 1)

                    return {"acme.ramp": ramp}
        """
        return {}

    @hookspec
    def augalg_commands(self, app: "typer.Typer", defer: Defer) -> None:
        """Contribute commands, which become ``augalg NAME …`` with the plugin's name in front.

        The hook is asked only when one of the plugin's commands is called (or listed), so that ``augalg --help`` never
        waits for it. A command that raises an error is reported in one line with the plugin's name. Commands find what
        the command line offers, such as tables, progress and the catalog, in ``ctx.obj``: see `CommandLine`.

        Args:
            app: An empty Typer application, for commands that are cheap to import.
            defer: Lists a command whose module is imported only when it is called. May be left out.

        Examples:
            ``augalg acme_waves brightness photo.png``, and ``augalg acme_waves fit`` from a module of its own::

                @aa.hookimpl
                def augalg_commands(app, defer):
                    defer("fit", "acme_waves.commands", summary="Fit waves to a picture.")

                    @app.command()
                    def brightness(picture: str):
                        "Print how bright a picture is on average."
                        from PIL import Image, ImageStat

                        print(ImageStat.Stat(Image.open(picture).convert("L")).mean[0] / 255)
        """

    @hookspec
    def augalg_heads(self) -> "Mapping[str, Callable[[tuple[int, int, int], int], nn.Module]]":
        """Contribute decoders for the heads of stage 3, by name.

        Each is a function from the image shape (channels, height, width) and the number of latent coordinates to a
        module that maps latents ``[batch, latent]`` to the logits of pixels ``[batch, channel, height, width]``. It is
        called under a seeded random state of its own, so that torch's usual initialisation is reproducible. A run
        remembers by name which decoder a head has, and needs the plugin to be loaded again.

        Examples:
            ``augalg transfer RUN canny --decoder acme.linear``::

                @aa.hookimpl
                def augalg_heads():
                    def linear(image_shape, dim):
                        import math

                        from torch import nn

                        return nn.Sequential(nn.Linear(dim, math.prod(image_shape)), nn.Unflatten(1, image_shape))

                    return {"acme.linear": linear}
        """
        return {}

    @hookspec
    def augalg_pipeline(self, source: str) -> Sequence[PipelineStep] | None:
        """Read somebody else's pipeline as steps, or answer None if `source` is not of a kind that this plugin knows.

        The source is whatever a user typed: a path, a text. What cannot be read although it is of a known kind is an
        `AugalgebraError`; a step that is no function of the image says so in its `problem`.

        Examples:
            Read ``acme:negate,negate``::

                @aa.hookimpl
                def augalg_pipeline(source):
                    if source.startswith("acme:"):
                        names = source.removeprefix("acme:").split(",")
                        return [aa.PipelineStep(name, aa.word_of(f"acme.{name}")) for name in names]
        """

    @hookspec
    def augalg_export(self, pipeline: object, file: str) -> str | None:
        """Write a reduced pipeline as somebody else's, or answer None if this plugin writes no files of this kind.

        The pipeline is an `augalgebra.pipelines.FusedPipeline`; the answer is the text of the file, which is written
        by the caller. A stage that cannot be expressed is an `AugalgebraError` that names it.

        Examples:
            Write the names of the stages to ``.txt``::

                @aa.hookimpl
                def augalg_export(pipeline, file):
                    if file.endswith(".txt"):
                        return " * ".join(pipeline.display(stage) for stage in pipeline.stages)
        """

    @hookspec
    def augalg_examples(self) -> Iterable[str]:
        """Words with fixed parameters that show what a plugin offers beyond the augmentations that it registers.

        For plugins that resolve names lazily: ``augalg matrix --examples NAME`` compares them with each other.

        Examples:
            Show two of the zooms::

                @aa.hookimpl
                def augalg_examples():
                    return ["acme.zoom_2", "acme.zoom_4"]
        """
        return ()
