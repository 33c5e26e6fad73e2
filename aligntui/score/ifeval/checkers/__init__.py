"""The 25 instruction types of IFEval, by subject."""
