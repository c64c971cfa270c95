"""Controlled degradations for IQF: JPEG, quantization, Gaussian blur and noise."""
