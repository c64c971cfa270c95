"""Applying a trained network to images of any size."""
