"""The experiments of the slides on composable latent augmentation."""
