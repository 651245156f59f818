"""LAVAE: a variational autoencoder with several decoder heads."""

import copy
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn

from augalgebra.errors import AugalgebraError, ImageError, RunError, UnknownNameError, nearest
from augalgebra.isolation import isolate, seconds_allowed
from augalgebra.latent.likelihoods import Likelihood, find_likelihood
from augalgebra.latent.networks import Decoder, Encoder, fingerprint_of, make_module
from augalgebra.latent.protocol import MAIN_HEAD
from augalgebra.latent.store import pack_tensors, read_tensors, unpack_tensors
from augalgebra.storage.files import write_atomically
from augalgebra.storage.values import Fields

KIND = "augalgebra.lavae"
"""What the header of a stored model says it is."""

_MOST, _MOST_HEADS = 1 << 14, 1000  # of a side, a dimension or channels; of heads

HeadFactory: TypeAlias = Callable[[tuple[int, int, int], int], nn.Module]
"""From an image shape and a number of latent coordinates to a module from latents to the logits of pixels."""


@dataclass(frozen=True)
class HeadKind:
    """A decoder of another make than `augalgebra.latent.networks.Decoder`, such as a plugin offers.

    Attributes:
        name: The name it is found under again when a stored model is read.
        make: Makes one.
    """

    name: str
    make: HeadFactory


@dataclass(frozen=True)
class Architecture:
    """What determines the shapes of all weights, and what is made of what the decoder answers.

    Attributes:
        image_shape: Channels, height and width.
        dim: Latent coordinates.
        width: Channels after the first convolution; the published network has 64.
        likelihood: Name of the likelihood of pixels, see `augalgebra.latent.likelihoods`.
    """

    image_shape: tuple[int, int, int] = (1, 28, 28)
    dim: int = 16
    width: int = 32
    likelihood: str = "bernoulli"

    def __post_init__(self) -> None:
        find_likelihood(self.likelihood)
        if self.dim < 1 or self.width < 1 or min(self.image_shape) < 1 or self.image_shape[0] not in (1, 3):
            raise AugalgebraError(
                f"no network has {self.dim} latent coordinates, width {self.width} and images "
                f"{_size(self.image_shape)}; all must be at least 1, with 1 or 3 channels"
            )

    @property
    def network(self) -> tuple[tuple[int, int, int], int, int]:
        """What encoder and decoder are made of: image shape, dimension and width."""
        return self.image_shape, self.dim, self.width


class LAVAE(nn.Module):
    """A latent space for images, with one encoder and any number of decoder heads.

    It fulfils `augalgebra.latent.LatentSpace`. Heads share nothing but the latent space, so one can be added
    or trained while the rest stays as it is.

    Attributes:
        architecture: What determines the shapes of all weights, and the likelihood.
        dim: Number of latent coordinates.
        image_shape: Channels, height and width of the images.
        encoder: Images to mean and log variance.
        decoders: Head by name.
        head_kinds: For each head that a `HeadKind` made, the name of that.

    Examples:
        >>> space = LAVAE(Architecture(dim=8, width=4), seed=0)
        >>> space.decode(space.encode(torch.zeros(2, 1, 28, 28))).shape
        torch.Size([2, 1, 28, 28])
    """

    def __init__(
        self,
        architecture: Architecture | None = None,
        *,
        seed: int = 0,
        heads: tuple[str, ...] = (MAIN_HEAD,),
    ) -> None:
        super().__init__()
        self.architecture = architecture or Architecture()
        self.dim, self.image_shape = self.architecture.dim, self.architecture.image_shape
        generator = torch.Generator().manual_seed(seed)
        self.encoder = make_module(lambda: Encoder(*self.architecture.network), generator)
        self.decoders = nn.ModuleDict()
        self.head_kinds: dict[str, str] = {}
        for head in heads:
            self._new_head(head, generator)

    @property
    def heads(self) -> tuple[str, ...]:
        """Names of the decoder heads, in the order in which they were added."""
        return tuple(self.decoders)

    @property
    def likelihood(self) -> Likelihood:
        """How what the heads draw is compared with true pixels."""
        return find_likelihood(self.architecture.likelihood)

    def posterior(
        self, images: Float[Tensor, "batch channel height width"]
    ) -> tuple[Float[Tensor, "batch latent"], Float[Tensor, "batch latent"]]:
        """Mean and log variance of the posterior of each image.

        Raises:
            ImageError: The images are not of the shape this space was made for.
        """
        if tuple(images.shape[1:]) != self.image_shape:
            raise ImageError(
                f"this latent space was made for images {_size(self.image_shape)}, not {_size(tuple(images.shape[1:]))}"
            )
        mean, log_variance = self.encoder(images)
        return mean, log_variance

    def encode(self, images: Float[Tensor, "batch channel height width"]) -> Float[Tensor, "batch latent"]:
        """The posterior means."""
        return self.posterior(images)[0]

    def logits(
        self, latents: Float[Tensor, "batch latent"], head: str = MAIN_HEAD
    ) -> Float[Tensor, "batch channel height width"]:
        """Log odds of the pixels, for a loss that stays finite.

        Raises:
            AugalgebraError: There is no such head, or the latents have another dimension.
        """
        if latents.shape[-1] != self.dim:
            raise AugalgebraError(f"this latent space has {self.dim} coordinates, not {latents.shape[-1]}")
        logits: Tensor = self.decoder(head)(latents)
        return logits.float() if logits.dtype == torch.bfloat16 else logits

    def decode(
        self, latents: Float[Tensor, "batch latent"], head: str = MAIN_HEAD
    ) -> Float[Tensor, "batch channel height width"]:
        """Images in [0, 1] drawn by one head.

        Raises:
            AugalgebraError: There is no such head, or the latents have another dimension.
        """
        return self.logits(latents, head).sigmoid()

    def decoder(self, head: str) -> nn.Module:
        """The decoder of a head.

        Raises:
            AugalgebraError: There is no such head.
        """
        if head not in self.decoders:
            near = nearest(head, self.heads, 1)
            raise AugalgebraError(
                f"there is no head {head!r}; the heads are {', '.join(self.heads) or 'none'}"
                + (f". Did you mean {near[0]}?" if near else "")
            )
        return self.decoders[head]

    def add_head(
        self, name: str, *, seed: int = 0, init_from: str | None = None, kind: HeadKind | None = None
    ) -> nn.Module:
        """Add a decoder head and return it.

        Args:
            name: Its name: letters, digits, ``_`` and ``-``.
            seed: What its weights are drawn from.
            init_from: A head to copy instead.
            kind: A decoder of another make; by default the mirror image of the encoder.

        Raises:
            AugalgebraError: The name is taken or malformed, `init_from` does not exist or is given together with
                `kind`, or what `kind` makes is no decoder for this latent space.
        """
        if name in self.decoders:
            raise AugalgebraError(f"there is a head {name!r} already; choose another name")
        if init_from is None:
            return self._new_head(name, torch.Generator().manual_seed(seed), kind)
        if kind is not None:
            raise AugalgebraError(f"a head is copied from {init_from} or made by {kind.name}, not both")
        source = self.decoder(init_from)
        self._refuse_name(name)
        self.decoders[name] = copy.deepcopy(source)
        if init_from in self.head_kinds:
            self.head_kinds[name] = self.head_kinds[init_from]
        return self.decoders[name]

    def remove_head(self, name: str) -> None:
        """Forget a decoder head.

        Raises:
            AugalgebraError: There is no such head, or it is the one that stage 1 trained.
        """
        self.decoder(name)
        if name == MAIN_HEAD:
            raise AugalgebraError(f"the head {name!r} belongs to the encoder and stays")
        del self.decoders[name]
        self.head_kinds.pop(name, None)

    def _new_head(self, name: str, generator: torch.Generator, kind: HeadKind | None = None) -> nn.Module:
        self._refuse_name(name)
        decoder = self._own_decoder(generator) if kind is None else self._made(kind, generator)
        device = next(self.encoder.parameters()).device
        self.decoders[name] = decoder.to(device)
        if kind is not None:
            self.head_kinds[name] = kind.name
        return self.decoders[name]

    def _refuse_name(self, name: str) -> None:
        # No module can be called like an attribute of the dictionary, or with a dot: that separates names.
        if not re.fullmatch(r"[\w-]+", name) or hasattr(self.decoders, name):
            raise AugalgebraError(
                f"a head cannot be called {name!r}; use letters, digits, '_' and '-', as in 'shear_x-canny'"
            )

    def _own_decoder(self, generator: torch.Generator) -> nn.Module:
        return make_module(lambda: Decoder(*self.architecture.network), generator)

    def _made(self, kind: HeadKind, generator: torch.Generator) -> nn.Module:
        """What a factory makes, held to its promises."""
        seed = int(torch.randint(2**62, (), generator=generator))
        with torch.random.fork_rng(devices=[]):  # whoever wrote it may use torch's usual initialisation
            torch.manual_seed(seed)
            try:
                with isolate(kind.name, limit=seconds_allowed(), may_draw=True):
                    decoder = kind.make(self.image_shape, self.dim)
                drawn = _tried(decoder, self.dim) if isinstance(decoder, nn.Module) else None
            except Exception as error:  # whatever a plugin raises is reported under its name
                what = f"images {_size(self.image_shape)} and {self.dim} latent coordinates"
                raise AugalgebraError(f"the decoder {kind.name} failed for {what}: {error}") from error
        if not isinstance(decoder, nn.Module) or not list(decoder.parameters()):
            raise AugalgebraError(f"the decoder {kind.name} must make a torch module with parameters, not {decoder!r}")
        if not isinstance(drawn, Tensor) or tuple(drawn.shape) != (2, *self.image_shape):
            got = tuple(drawn.shape) if isinstance(drawn, Tensor) else type(drawn).__name__
            raise AugalgebraError(
                f"the decoder {kind.name} makes {got} of 2 latents where {(2, *self.image_shape)} are wanted"
            )
        return decoder

    def fingerprint(self) -> str:
        """SHA-256 of the encoder's weights, as hexadecimal digits; heads do not enter."""
        return fingerprint_of(self.encoder)

    def to_bytes(self) -> bytes:
        """Weights and architecture as the content of a safetensors file."""
        header = {"kind": KIND, "heads": list(self.heads), **asdict(self.architecture)}
        if self.head_kinds:
            header["head_kinds"] = self.head_kinds
        return pack_tensors(self.state_dict(), header)

    def save(self, path: Path) -> None:
        """Write weights and architecture as one safetensors file, atomically."""
        write_atomically(path, self.to_bytes())

    @classmethod
    def load(
        cls, path: Path, head_factory: Callable[[str], HeadFactory] | None = None, *, content: bytes | None = None
    ) -> "LAVAE":
        """Read what `save` wrote.

        Args:
            path: The file.
            head_factory: Finds the maker of heads that a `HeadKind` made, by its name; raises `UnknownNameError`.
            content: Its content, if it was read already.

        Raises:
            RunError: The file is missing, damaged or no LAVAE, or the maker of a head is not there.
        """
        tensors, header = read_tensors(path, KIND) if content is None else unpack_tensors(content, path, KIND)
        channels, height, breadth = header.wholes("image_shape", 3, 1, _MOST)
        architecture = _possible(header, (channels, height, breadth))
        heads = header.texts("heads", _MOST_HEADS)
        kinds = header.table("head_kinds") if "head_kinds" in header else header.within("head_kinds", {})
        _check_shapes(header, architecture, heads, kinds, tensors)
        changed = ""
        try:
            space = cls(architecture, heads=())
            generator = torch.Generator().manual_seed(0)
            for head in heads:
                kind = _found(path, head, kinds.text(head), head_factory or _no_plugins) if head in kinds else None
                space._new_head(head, generator, kind)
            names = ", ".join(sorted({kinds.text(head) for head in kinds.data}))
            changed = f", or get back the plugin of {names} as it was" if names else ""
            space.load_state_dict(tensors)
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise RunError(f"{path} does not hold the network its header describes; train it again{changed}") from error
        return space


def _possible(header: Fields, image_shape: tuple[int, int, int]) -> Architecture:
    try:
        # Bernoulli was the only likelihood before files named it
        likelihood = header.text("likelihood") if "likelihood" in header else "bernoulli"
        return Architecture(image_shape, header.whole("dim", 1, _MOST), header.whole("width", 1, _MOST), likelihood)
    except RunError:
        raise
    except AugalgebraError as error:
        raise header.failed(f"{header.where}: {error}") from error


def _check_shapes(
    header: Fields, architecture: Architecture, heads: Sequence[str], kinds: Fields, tensors: Mapping[str, Tensor]
) -> None:
    """See that a file holds the tensors its header describes, before memory is taken for so many of them."""
    with torch.device("meta"):
        modules: dict[str, nn.Module] = {"encoder.": Encoder(*architecture.network)}
        own = Decoder(*architecture.network)
    modules |= {f"decoders.{head}.": own for head in heads if head not in kinds}
    named = ((prefix, module.state_dict()) for prefix, module in modules.items())
    wanted = {prefix + name: (t.shape, t.dtype) for prefix, state in named for name, t in state.items()}
    others = tuple(f"decoders.{head}." for head in heads if head in kinds)
    found = {name: (t.shape, t.dtype) for name, t in tensors.items() if not name.startswith(others)}
    empty = [prefix for prefix in others if not any(name.startswith(prefix) for name in tensors)]
    if len(set(heads)) < len(heads) or empty or wanted != found:
        name = next(iter([*sorted(wanted.items() ^ found.items(), key=str), *empty, *heads]), "")
        place = name if isinstance(name, str) else name[0]
        path = header.where.removesuffix(": header")
        raise header.failed(f"{path} does not hold the network its header describes (see {place})")


def _tried(decoder: nn.Module, dim: int) -> object:
    """What a decoder makes of two latents."""
    decoder.eval()  # for good: drawing twice gives one picture, whatever layers it has
    with torch.no_grad():
        return decoder(torch.zeros(2, dim))


def _no_plugins(name: str) -> HeadFactory:
    raise UnknownNameError("decoder", name, ())


def _found(path: Path, head: str, name: str, head_factory: Callable[[str], HeadFactory]) -> HeadKind:
    """The maker of a stored head."""
    try:
        return HeadKind(name, head_factory(name))
    except UnknownNameError as error:
        raise RunError(
            f"the head {head!r} of {path} was made by the decoder {name!r} of a plugin that is not here: {error}; "
            "install or enable that plugin"
        ) from error


def _size(shape: tuple[int, ...]) -> str:
    return "×".join(str(side) for side in shape)
