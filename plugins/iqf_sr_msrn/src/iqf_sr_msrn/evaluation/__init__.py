"""Comparing upscalers with each other and with the truth."""
