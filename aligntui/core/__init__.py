"""Values and rules. Standard library only; knows nothing of files, processes or screens."""
