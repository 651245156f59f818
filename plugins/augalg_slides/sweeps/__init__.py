"""Transfer between many pairs of augmentations, as cells that are computed one by one."""
