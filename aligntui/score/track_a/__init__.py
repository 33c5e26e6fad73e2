"""Track A: eight plain constraints, sixty prompts each, checked by rule."""
