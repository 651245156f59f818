"""What is freed stays with the process."""

import platform
import subprocess
import sys

import pytest

COUNT = """
import ctypes, resource, sys, torch
from augalgebra.latent.memory import keep_freed_memory
ctypes.CDLL(None).mallopt(-3, 1 << 17)  # what is larger goes back when it is freed
if sys.argv[1] == "keep":
    keep_freed_memory()
for step in range(6):
    if step == 3:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    held = [torch.ones(1 << 22) for _ in range(8)]  # 16 MiB each
    del held
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")
def test_large_tensors_are_not_handed_back_and_forth() -> None:
    returned, kept = (
        int(subprocess.run([sys.executable, "-c", COUNT, way], capture_output=True, check=True, text=True).stdout)
        for way in ("return", "keep")
    )
    assert kept < returned / 2  # of 24 tensors, in pages of whatever size
