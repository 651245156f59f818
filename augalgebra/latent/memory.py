"""Memory of networks that are trained, or encode and draw, on the processor."""

import contextlib
import ctypes
import sys

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # as glibc's malloc.h numbers its options
_KEPT, _LARGEST = 1 << 30, 32 << 20  # more than 32 MiB in one piece glibc returns at once, whatever it is told


def keep_freed_memory() -> None:
    """Let this process keep what it frees, up to 1 GiB, to use it again.

    A step frees large tensors and asks for as many again. By default glibc returns each to the system, which has to
    hand out its pages again, one by one: 44,000 in a step through the decoder of TAEF2 with two crops of 256×256, a
    fifth of its time. Elsewhere than with glibc this does nothing.
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):  # other C libraries have no such options
            options = ctypes.CDLL(None).mallopt
            options(_TRIM_THRESHOLD, _KEPT)
            options(_MMAP_THRESHOLD, _LARGEST)
