"""What operators on grids of codes are worth, in the units of pretrained autoencoders."""
