"""The experiments of the slides, and the demonstration, on top of everything else."""
