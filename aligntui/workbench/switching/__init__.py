"""Instruction switching: what is to be asked, the runs that ask it, and what they measure."""
