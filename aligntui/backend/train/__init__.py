"""Training: the recipe of the bundled demo adapter."""
