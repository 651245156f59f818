"""Operators on grids in one safetensors file: their weights, a JSON header, nothing pickled, written atomically."""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from augalgebra.algebra.parsing import parse_word
from augalgebra.algebra.words import Word
from augalgebra.catalog import Catalog
from augalgebra.errors import AugalgebraError, RunError, StoreError
from augalgebra.latent.store import pack_tensors, unpack_tensors
from augalgebra.operators.grids.charts import GridChart
from augalgebra.operators.grids.families import FittedMember, KernelFamily
from augalgebra.operators.grids.maps import KernelMap, ResidualMap, Trunk
from augalgebra.operators.grids.moves import GridMove
from augalgebra.operators.grids.noise import ResidualNoise
from augalgebra.operators.grids.operator import GridMap, Move
from augalgebra.operators.grids.parameters import ParameterFamily
from augalgebra.operators.grids.registry import GridCodes, GridEntry, GridFamilyEntry, GridRegistry, MemberOf
from augalgebra.operators.grids.resampling import ResampledMove
from augalgebra.operators.store import read_provenance
from augalgebra.plain import to_plain
from augalgebra.storage.files import write_atomically
from augalgebra.storage.values import Fields, read_bytes

Layer = TypeVar("Layer", bound=nn.Module)

KIND = "augalgebra.grid_operators"
MOST_BYTES = 1 << 32
"""Largest file of operators that is read."""
_MOVES: dict[str, type[GridMove] | type[ResampledMove]] = {"permutation": GridMove, "resampling": ResampledMove}
_WIDEST, _DEEPEST = 4096, 64


def save_grid_registry(registry: GridRegistry, path: str | Path) -> None:
    """Write what `pack_grid_registry` makes; the file is replaced in one step.

    Raises:
        AugalgebraError: It cannot be written.
    """
    write_atomically(path, pack_grid_registry(registry))


def pack_grid_registry(registry: GridRegistry) -> bytes:
    """A registry as the content of a file; what several maps share is stored once."""
    tensors: dict[str, Tensor] = {}
    trunks: dict[int, int] = {}
    charts: dict[int, int] = {}
    shapes: list[dict[str, int]] = []
    curved: list[dict[str, int]] = []
    operators = []
    for number, entry in enumerate(registry.entries.values()):
        local = entry.map.local
        item: dict[str, Any] = {
            "word": str(entry.word),
            "move": _describe_move(entry.map.move),
            "local": "none" if local is None else "kernel",
            "provenance": entry.provenance.to_dict(),
        }
        if isinstance(local, ResidualMap):
            trunk = local.trunk
            if id(trunk) not in trunks:
                trunks[id(trunk)] = len(trunks)
                shapes.append({"width": trunk.width, "depth": trunk.depth})
                tensors |= {f"trunk.{trunks[id(trunk)]}.{key}": value for key, value in trunk.state_dict().items()}
            item |= {"local": "residual", "trunk": trunks[id(trunk)]}
        chart = entry.map.chart
        if chart is not None:
            if id(chart) not in charts:
                charts[id(chart)] = len(charts)
                curved.append({"width": chart.width, "depth": chart.depth})
                tensors |= {f"chart.{charts[id(chart)]}.{key}": value for key, value in chart.state_dict().items()}
            item |= {"local": f"charted {item['local']}", "chart": charts[id(chart)]}
        for key, value in _own(local):
            tensors[f"{number}.{key}"] = value
        if entry.map.noise is not None:
            tensors[f"noise.{number}"] = entry.map.noise.weight
        operators.append(item)
    families = []
    for number, known in enumerate(registry.families.values()):
        families.append(_describe_family(known.family) | {"provenance": known.provenance.to_dict()})
        tensors |= {f"family.{number}.{key}": value for key, value in _family_tensors(known.family).items()}
    header = {
        "kind": KIND,
        "channels": registry.channels,
        "stride": registry.stride,
        "encoder": registry.fingerprint,
        "trunks": shapes,
        "charts": curved,
        "operators": operators,
        "families": families,
    }
    return pack_tensors(tensors, header)


def load_grid_registry(
    path: str | Path,
    space: GridCodes | None,
    catalog: Catalog,
    *,
    accept_stale: bool = False,
    content: bytes | None = None,
) -> GridRegistry:
    """Read what `save_grid_registry` wrote, if it still belongs to this latent space and these augmentations.

    Args:
        path: The file.
        space: The latent space; None takes the file's word for which it is, where codes alone are moved.
        catalog: Augmentations and their laws, as they are now.
        accept_stale: Take operators that were fitted on another encoder, or on augmentations that have changed since;
            they then say so wherever they are used.
        content: The file's content, if it was read already.

    Raises:
        StoreError: The file is missing or damaged, no file of operators, or of another latent space.
        StaleOperatorError: Encoder, laws or plugins have changed; the message names each.
    """
    path = Path(path)
    tensors, header = _read(path, content)
    channels, stride = header.whole("channels", 1, 1 << 14), header.whole("stride", 1, 1 << 10)
    if space is not None and (channels, stride) != (space.channels, space.stride):
        raise StoreError(
            f"{path} holds operators on codes of {channels} channels and stride {stride}, but this autoencoder has "
            f"{space.channels} and {space.stride}; they belong to another one"
        )
    fingerprint = header.text("encoder") if space is None else space.fingerprint()
    registry = GridRegistry(channels, stride, fingerprint, catalog)
    try:
        trunks = [
            _filled(
                Trunk(item.whole("width", 1, _WIDEST), item.whole("depth", 0, _DEEPEST)), tensors, f"trunk.{number}."
            )
            for number, item in enumerate(header.tables("trunks"))
        ]
        zeros = torch.zeros(channels)
        charts = [
            _filled(
                GridChart(zeros, zeros, item.whole("width", 1, _WIDEST), item.whole("depth", 0, _DEEPEST)),
                tensors,
                f"chart.{number}.",
            )
            for number, item in enumerate(header.tables("charts") if "charts" in header else [])
        ]
        for number, item in enumerate(header.tables("operators")):
            registry.add(_entry(item, number, tensors, trunks, charts, channels))
        for number, item in enumerate(header.tables("families") if "families" in header else []):
            registry.add(_family_entry(item, number, tensors, registry))
    except (KeyError, TypeError, ValueError, RuntimeError, IndexError, AugalgebraError) as error:
        raise StoreError(f"{path} does not hold the operators its header describes; fit them again") from error
    if not accept_stale:
        registry.require_fresh()
    return registry


def _read(path: Path, content: bytes | None) -> tuple[dict[str, Tensor], Fields]:
    try:
        return unpack_tensors(read_bytes(path, MOST_BYTES) if content is None else content, path, KIND)
    except FileNotFoundError as error:
        raise StoreError(f"{path} is missing; no operators have been fitted for this run yet") from error
    except OSError as error:
        raise StoreError(f"{path} is damaged ({error.strerror or error}); fit the operators again") from error
    except RunError as error:
        raise StoreError(f"{path} is no file of operators on grids, or damaged; fit the operators again") from error


def _describe_move(move: Move | None) -> dict[str, Any] | None:
    for kind, known in _MOVES.items():
        if isinstance(move, known):
            return {"kind": kind, "move": move.to_dict()}
    if move is not None:
        raise StoreError(f"a move of the kind {type(move).__name__} cannot be stored")
    return None


def _read_move(described: Fields) -> Move:
    return _MOVES[described.one_of("kind", tuple(_MOVES))].from_dict(dict(described.table("move").data))


def _own(local: nn.Module | None) -> Iterator[tuple[str, Tensor]]:
    """The tensors of a map that it does not share."""
    if local is not None:
        yield from ((key, value) for key, value in local.state_dict().items() if not key.startswith("trunk."))


def _entry(
    item: Fields,
    number: int,
    tensors: Mapping[str, Tensor],
    trunks: list[Trunk],
    charts: list[GridChart],
    channels: int,
) -> GridEntry:
    move = None if item.data.get("move") is None else _read_move(item.table("move"))
    # what has a chart is called otherwise, so that programs that know none do not take it for a map of codes
    told = item.one_of("local", ("none", "kernel", "residual", "charted none", "charted kernel"))
    kind, is_charted = told.removeprefix("charted "), told.startswith("charted ")
    chart = charts[item.whole("chart", 0, len(charts) - 1)] if is_charted else None
    local: nn.Module | None = None
    if kind != "none":
        weight = tensors[f"{number}.{'kernel.' if kind == 'residual' else ''}weight"]
        if weight.dim() != 4 or weight.shape[:2] != (channels, channels) or weight.shape[2] % 2 == 0:
            raise ValueError(f"a kernel of shape {list(weight.shape)}")
        local = KernelMap(weight)
        if kind == "residual":
            zeros = torch.zeros(channels)
            local = ResidualMap(local, trunks[item.whole("trunk", 0, len(trunks) - 1)], zeros, zeros)
        _filled(local, tensors, f"{number}.", shared="trunk.")
    drawn = tensors.get(f"noise.{number}")
    if drawn is not None and (drawn.dim() != 4 or drawn.shape[:2] != (channels, channels)):
        raise ValueError(f"noise through a kernel of shape {list(drawn.shape)}")
    noise = None if drawn is None else ResidualNoise(drawn)
    return GridEntry(
        parse_word(item.text("word"), variables=True),
        GridMap(move, local, noise, chart),
        read_provenance(item.table("provenance")),
    )


def _described(family: MemberOf) -> KernelFamily:
    if not isinstance(family, KernelFamily):
        raise StoreError(f"a family of the kind {type(family).__name__} cannot be stored")
    return family


def _describe_family(family: MemberOf) -> dict[str, Any]:
    known = _described(family)
    return {
        "symbol": str(Word(((known.family.symbol, 1),))),
        "positions": list(known.family.positions),
        "logarithmic": known.family.logarithmic,
        "moves": known.kind,
        "exponents": [list(powers) for powers in known.exponents],
        "scales": list(known.scales),
        "members": [to_plain(member) for member in known.members],
    }


def _family_tensors(family: MemberOf) -> dict[str, Tensor]:
    known = _described(family)
    return {"kernels": torch.from_numpy(known.kernels.copy()), "biases": torch.from_numpy(known.biases.copy())}


def _family_entry(item: Fields, number: int, tensors: Mapping[str, Tensor], registry: GridRegistry) -> GridFamilyEntry:
    symbol, *others = parse_word(item.text("symbol")).symbols
    exponents = tuple(tuple(map(int, powers)) for powers in item.data["exponents"])
    scales = tuple(map(float, item.data["scales"]))
    kernels, biases = tensors[f"family.{number}.kernels"], tensors[f"family.{number}.biases"]
    shape = (len(exponents), registry.channels, registry.channels, kernels.shape[-1], kernels.shape[-1])
    sizes = {len(powers) for powers in exponents}
    if others or kernels.shape != shape or biases.shape != shape[:2] or shape[-1] % 2 == 0 or sizes != {len(scales)}:
        raise ValueError(f"a family with kernels of shape {list(kernels.shape)}")
    positions = tuple(int(place) for place in item.data["positions"])
    if not positions or not all(isinstance(symbol.args[place], Fraction) for place in positions):
        raise ValueError("a family without parameters")
    members = tuple(
        FittedMember(
            tuple(map(float, member["parameters"])),
            tuple(map(float, member["variables"])),
            float(member["residual"]),
            float(member["plain"]),
            int(member["positions"]),
        )
        for member in item.data["members"]
    )
    family = KernelFamily(
        registry.catalog,
        ParameterFamily(symbol, positions, bool(item.data["logarithmic"])),
        registry.stride,
        item.one_of("moves", ("still", "shifted", "resampled")),
        exponents,
        scales,
        kernels.double().numpy(),
        biases.double().numpy(),
        members,
    )
    return GridFamilyEntry(family, read_provenance(item.table("provenance")))


def _filled(layer: Layer, tensors: Mapping[str, Tensor], prefix: str, shared: str | None = None) -> Layer:
    """A module with its weights, as they were stored under a prefix."""
    found = {key.removeprefix(prefix): value for key, value in tensors.items() if key.startswith(prefix)}
    wanted = {key for key in layer.state_dict() if shared is None or not key.startswith(shared)}
    if found.keys() != wanted:
        raise ValueError(f"weights {sorted(found.keys() ^ wanted)}")
    layer.load_state_dict(found, strict=shared is None)
    return layer
