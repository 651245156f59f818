"""Whether operators in a latent space keep the laws: words measured against the floor of direct views."""
