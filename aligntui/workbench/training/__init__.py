"""Training as a use case: what is trained on, whether it fits, what is submitted, and what the curves say."""
