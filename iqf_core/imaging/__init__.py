"""Images: what they carry, and reading and writing them, whole or in windows."""
