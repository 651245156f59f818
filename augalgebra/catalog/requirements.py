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


_PROVIDERS = {"PIL": "pillow", "cv2": "opencv-python-headless", "sklearn": "scikit-learn", "yaml": "albumentations"}
"""Packages whose modules have another name."""


def missing_package(error: ModuleNotFoundError) -> str | None:
    """What to install so that a module of another package is found, such as ``torch>=2.4``.

    Args:
        error: Says which module was not found.

    Returns:
        A requirement of augalgebra; None if the module belongs to none, and something else is wrong.
    """
    from packaging.requirements import Requirement

    module = (error.name or "").partition(".")[0]
    package = _PROVIDERS.get(module, module.replace("_", "-"))
    try:
        needed = map(Requirement, importlib.metadata.requires("augalgebra") or [])
    except importlib.metadata.PackageNotFoundError:  # it runs from a folder of sources
        return None
    return next((f"{item.name}{item.specifier}" for item in needed if item.name == package), None)


def incomplete_plugins(infos: tuple[PluginInfo, ...]) -> dict[str, tuple[str, ...]]:
    """The loaded plugins whose distribution lacks something, with what that is."""
    loaded = [info for info in infos if info.status == "loaded" and info.distribution]
    missing = {name: missing_requirements(name) for name in sorted({info.distribution for info in loaded})}
    return {info.name: missing[info.distribution] for info in loaded if missing[info.distribution]}
