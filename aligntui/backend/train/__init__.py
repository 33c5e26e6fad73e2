"""Training: for now the recipe of the bundled demo adapter."""
