"""The command line of augalgebra: one file per family of commands, one place that renders."""

import gc

# What is imported and asked for at the start is all still needed; to look through it for garbage takes a tenth of the
# time of a short answer. Here, since it has to come before all other imports.
gc.set_threshold(50_000)
