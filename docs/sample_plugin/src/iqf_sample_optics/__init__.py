"""A sample plugin for IQF: vignetting, and how much of an image is saturated."""
