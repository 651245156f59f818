"""Laws on images, and the consistency of operators in a latent space; every report is data."""
