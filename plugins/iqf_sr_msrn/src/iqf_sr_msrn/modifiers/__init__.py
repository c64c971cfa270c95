"""Upscalers as modifiers."""
