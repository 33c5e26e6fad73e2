"""Training: the loss steps, the process of a run, and the bundled demo adapter."""
