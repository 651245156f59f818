"""The command line of augalgebra: one file per family of commands, one place that renders."""
