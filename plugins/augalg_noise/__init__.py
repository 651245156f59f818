"""Salt and pepper noise that is a function of the image and a seed, drawn per image unless it is given.

For a fixed seed the same pixels get the same values whatever was there before, so doing it twice changes
nothing more.
"""

from typing import TYPE_CHECKING

import augalgebra as aa

if TYPE_CHECKING:
    from torch import Tensor

CORNER = 7
# few enough for single precision to hold every one
SEED = aa.Param("seed", low=0, whole=True, draw=aa.integers(0, 10_000_000), doc="decides which pixels become what")


@aa.hookimpl
def augalg_register(register: aa.Register) -> None:
    """Register noise everywhere and noise in a corner."""

    @register(
        "sap_noise",
        inverse="none",
        idempotent=True,
        laws=[
            "sap_noise(0, s) = id",
            "sap_noise(a, s) * sap_noise(b, s) = sap_noise(b, s) * sap_noise(a, s)",
        ],
        params=[aa.Param("amount", low=0, high=1, doc="share of the pixels"), SEED],
    )
    def sap_noise(x: "Tensor", amount: "float | Tensor" = 0.2, seed: "int | Tensor" = 0) -> "Tensor":
        """Make a share of the pixels black or white, at random."""
        from augalg_noise import kernels

        return kernels.salt_and_pepper(x, amount, seed)

    @register(
        "tl_sap_noise",
        inverse="none",
        idempotent=True,
        laws=["tl_sap_noise(0, s) = id"],
        params=[aa.Param("amount", low=0, high=1, doc="share of the corner's pixels"), SEED],
    )
    def tl_sap_noise(x: "Tensor", amount: "float | Tensor" = 1.0, seed: "int | Tensor" = 0) -> "Tensor":
        """Make the pixels of the top left 7×7 corner black or white, at random."""
        from augalg_noise import kernels

        noisy = x.clone()
        noisy[..., :CORNER, :CORNER] = kernels.salt_and_pepper(x[..., :CORNER, :CORNER], amount, seed)
        return noisy
