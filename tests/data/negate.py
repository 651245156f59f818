"""A plugin that is as it should be, for tests to register, to break and to mend."""

import augalgebra as aa


@aa.hookimpl
def augalg_register(register):
    @register("negate", inverse="self", commutes_with=["flip_lr"])
    def negate(x):
        """Black becomes white."""
        return 1 - x
