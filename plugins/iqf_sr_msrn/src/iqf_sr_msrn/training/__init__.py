"""Training super-resolution networks."""
