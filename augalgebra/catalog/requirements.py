"""What a distribution needs and does not find: a plugin that imports it only when it is applied loads all the same."""

import importlib.metadata

from augalgebra.catalog.plugin import PluginInfo


def missing_requirements(distribution: str) -> tuple[str, ...]:
    """The requirements of an installed distribution that are not installed, or in another version.

    Args:
        distribution: Its name; one that is not installed needs nothing.

    Examples:
        >>> missing_requirements("augalgebra")
        ()
    """
    from packaging.requirements import InvalidRequirement, Requirement  # takes as long as all plugins together

    try:
        texts = importlib.metadata.requires(distribution) or []
    except importlib.metadata.PackageNotFoundError:
        return ()
    missing = []
    for text in texts:
        try:
            needed = Requirement(text)
        except InvalidRequirement:  # its author's concern, and pip's
            continue
        if needed.marker is not None and not needed.marker.evaluate({"extra": ""}):
            continue
        try:
            there = importlib.metadata.version(needed.name)
        except importlib.metadata.PackageNotFoundError:
            missing.append(f"{needed.name}{needed.specifier} is not installed")
            continue
        if not needed.specifier.contains(there, prereleases=True):
            missing.append(f"{needed.name}{needed.specifier} is needed, and {there} installed")
    return tuple(missing)


def incomplete_plugins(infos: tuple[PluginInfo, ...]) -> dict[str, tuple[str, ...]]:
    """The loaded plugins whose distribution lacks something, with what that is."""
    loaded = [info for info in infos if info.status == "loaded" and info.distribution]
    missing = {name: missing_requirements(name) for name in sorted({info.distribution for info in loaded})}
    return {info.name: missing[info.distribution] for info in loaded if missing[info.distribution]}
