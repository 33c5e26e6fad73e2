"""One declaration per option and per key, the TOML files that set them, and where things lie on disk."""
