"""Where an operator comes from, and whether that is still so."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, NamedTuple

from augalgebra.catalog import Catalog, laws_digest
from augalgebra.errors import AugalgebraError


@dataclass(frozen=True)
class Provenance:
    """Where an operator comes from, and how good it was when it was fitted.

    Attributes:
        word: The operator's word in full names, parameters included, as text.
        name: Full name of the augmentation.
        plugin: The plugin that registered it, and
        version: the plugin's version; empty if unknown.
        laws: Digest of the augmentation's laws.
        encoder: Fingerprint of the encoder.
        fit: Name of the fit.
        images: Number of images; 0 for an operator that was given, not fitted.
        residual: Squared error over the pairs of views that it was fitted on, as a fraction of the targets' variance;
            None if that was not measured.
        identity_residual: The same for doing nothing.
        rank: Numerical rank.
        condition: Largest over smallest singular value.
        details: What the fit reports beside that.
    """

    word: str
    name: str
    plugin: str
    version: str
    laws: str
    encoder: str
    fit: str
    images: int = 0
    residual: float | None = None
    identity_residual: float | None = None
    rank: int = 0
    condition: float = 0.0
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def r2(self) -> float | None:
        """Share of the targets' variance that is explained."""
        return None if self.residual is None else 1 - self.residual

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self) | {"details": dict(self.details)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> "Provenance":
        """Undo `to_dict`; unknown entries are left out."""
        known = {item.name for item in fields(cls)}
        return cls(**{key: value for key, value in data.items() if key in known})


class Origin(NamedTuple):
    """What the catalog says of an augmentation: where it comes from, and a digest of its laws."""

    plugin: str
    version: str
    laws: str


def origin(catalog: Catalog, name: str) -> Origin:
    """Where the augmentation of a full name comes from.

    Raises:
        UnknownNameError: It is not registered.
    """
    plugin = catalog.resolve(name).plugin
    versions = {info.name: info.version for info in catalog.plugins if info.status == "loaded"}
    return Origin(plugin, versions.get(plugin, ""), laws_digest(catalog, name, pictures=False))


def staleness(provenance: Provenance, catalog: Catalog, encoder: str) -> tuple[str, ...]:
    """Why an operator should not be trusted any more, one line for each reason; nothing if it should.

    Args:
        provenance: Where the operator came from when it was fitted.
        catalog: What is registered now.
        encoder: Fingerprint of the encoder now.
    """
    reasons = []
    if provenance.encoder != encoder:
        reasons.append(
            f"{provenance.word} was fitted on another encoder ({provenance.encoder[:12]}, now {encoder[:12]})"
        )
    try:
        now = origin(catalog, provenance.name)
    except AugalgebraError:
        return (*reasons, f"{provenance.name} (plugin {provenance.plugin}) is not registered any more")
    if now.plugin != provenance.plugin:
        reasons.append(f"{provenance.name} comes from plugin {now.plugin} now, not {provenance.plugin}")
    elif now.version != provenance.version:
        versions = f"{now.version or 'unknown'}, was {provenance.version or 'unknown'}"
        reasons.append(f"plugin {now.plugin} of {provenance.name} has another version now ({versions})")
    if now.laws != provenance.laws:
        reasons.append(f"the laws of {provenance.name} have changed")
    return tuple(reasons)
