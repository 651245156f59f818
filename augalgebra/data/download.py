"""Fetching published files into the user's cache. The library prints nothing."""

import contextlib
import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from augalgebra.case_progress import CaseProgress, unseen
from augalgebra.errors import DataError

TIMEOUT = (4.0, 30.0)
"""Seconds to wait for a connection, and for the next bytes of one."""

_CONNECTIONS = 5  # how often a broken one is taken up again, as long as each brought something
_CHUNK = 1 << 16


def cache_folder() -> Path:
    """Where fetched files are kept: the user's cache, as is usual on this operating system."""
    import pooch  # a tenth of a second that only those who fetch have to wait

    return Path(pooch.os_cache("augalgebra"))


def fetch(
    file: str,
    urls: Sequence[str],
    folder: Path,
    verify: Callable[[Path], object],
    progress: CaseProgress = unseen,
) -> Path:
    """Fetch a file.

    The first address that gives the right file is used. A connection that breaks is taken up where it broke. What is
    not the right file is not kept.

    Args:
        file: Name of the file in the folder; one that is there is replaced.
        urls: HTTP addresses of it.
        folder: Where to keep it; it is made if need be.
        verify: Raises `DataError` if a file is not the right one.
        progress: Called while bytes come in, with how many there are and the name of the file.

    Raises:
        DataError: No address gives the right file, or it cannot be kept; the message says why, in a few words.
    """
    import pooch

    path = folder / file
    reasons: list[str] = []
    for url in urls:
        host = urlsplit(url).hostname
        try:
            with _quiet():
                path.unlink(missing_ok=True)  # or else pooch would leave it as it is
                pooch.retrieve(url, None, fname=file, path=folder, downloader=_Downloader(verify, progress))
        except DataError:
            reasons.append(f"{host} gave a damaged or another file")
        except OSError as error:
            response = getattr(error, "response", None)
            if isinstance(error, PermissionError) or error.strerror:
                raise DataError(f"{folder} cannot be written: {error.strerror or error}") from error
            reasons.append(f"no connection to {host}" if response is None else f"{host} says {response.status_code}")
        else:
            return path
    raise DataError("; ".join(dict.fromkeys(reasons)))


class _Downloader:
    """What pooch calls to fill a temporary file, which it only keeps if nothing is raised."""

    def __init__(self, verify: Callable[[Path], object], progress: CaseProgress) -> None:
        self._verify, self._progress = verify, progress

    def __call__(self, url: str, output_file: str, _: Any) -> None:
        import pooch

        name = url.rsplit("/", 1)[-1]
        with Path(output_file).open("wb") as file:
            for connection in range(1, _CONNECTIONS + 1):
                begun = file.tell()
                headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={begun}-"} if begun else {})
                bar = _Bar(name, begun, self._progress)
                try:
                    pooch.HTTPDownloader(progressbar=bar, chunk_size=_CHUNK, timeout=TIMEOUT, headers=headers)(
                        url, file, None
                    )
                    break
                except OSError:
                    if file.tell() == begun or connection == _CONNECTIONS:  # offline, refused, or hopeless
                        raise
        self._verify(Path(output_file))


class _Bar:
    """What pooch takes for a progress bar."""

    total = 0

    def __init__(self, name: str, begun: int, progress: CaseProgress) -> None:
        self._name, self._begun, self._progress, self._done = name, begun, progress, 0

    def update(self, size: int) -> None:
        self._done += size
        total = self._begun + self.total if self.total else 0
        done = self._begun + self._done
        self._progress(min(done, total) if total else done, total, self._name)

    def reset(self) -> None:
        self._done = 0

    def close(self) -> None:
        """There is nothing to tidy up."""


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keep pooch from writing to standard error."""
    import pooch

    logger = pooch.get_logger()
    level = logger.level
    logger.setLevel(logging.WARNING)
    try:
        yield
    finally:
        logger.setLevel(level)
