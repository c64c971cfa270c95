"""Image coders: each codes an image, decodes it again, and says how many bytes it took."""
