"""The console's screens. Textual lives here and nowhere else."""
