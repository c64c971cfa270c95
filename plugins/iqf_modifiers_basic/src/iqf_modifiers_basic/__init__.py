"""Controlled degradations for IQF: what sensors, atmospheres and coders do to images."""
