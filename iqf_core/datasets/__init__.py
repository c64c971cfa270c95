"""Datasets: folders of images, what is known about them, and their annotations."""
