"""OpenAI-compatible servers: what they serve, questions asked of them, and work shared out among several."""
