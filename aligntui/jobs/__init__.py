"""Training runs seen from outside: their folders, states, start, requests and queue. Nothing here loads a tensor library."""
