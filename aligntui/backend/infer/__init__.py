"""The engine process: loading, mixed LoRA rows, decoding, log-probabilities."""
