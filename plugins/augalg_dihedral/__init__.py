"""The eight symmetries of the square: exact permutations of pixels."""

import augalgebra as aa


@aa.hookimpl
def augalg_register(register: aa.Register) -> None:
    """Register the flips, quarter turns and transposes."""

    @register("flip_lr", inverse="self", commutes_with=["flip_ud"])
    def flip_lr(x):
        """Mirror left and right."""
        return x.flip(-1)

    @register("flip_ud", inverse="self")
    def flip_ud(x):
        """Mirror top and bottom."""
        return x.flip(-2)

    @register("rotate_cw", period=4, inverse="rotate_ccw", shape="transposed")
    def rotate_cw(x):
        """Turn by 90° clockwise."""
        return x.rot90(-1, (-2, -1))

    @register("rotate_ccw", period=4, equals="rotate_cw^3", shape="transposed")
    def rotate_ccw(x):
        """Turn by 90° counter-clockwise."""
        return x.rot90(1, (-2, -1))

    @register("rotate_180", inverse="self", equals="rotate_cw^2", laws=["rotate_180 = flip_lr * flip_ud"])
    def rotate_180(x):
        """Turn by 180°."""
        return x.flip((-2, -1))

    @register("transpose", inverse="self", equals="rotate_cw * flip_lr", shape="transposed")
    def transpose(x):
        """Mirror at the main diagonal."""
        return x.transpose(-2, -1)

    @register("anti_transpose", inverse="self", equals="rotate_cw * flip_ud", shape="transposed")
    def anti_transpose(x):
        """Mirror at the other diagonal."""
        return x.transpose(-2, -1).flip((-2, -1))
