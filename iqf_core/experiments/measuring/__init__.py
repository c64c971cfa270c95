"""Metrics of studies: what a study file says of them, and how finished runs get their values."""
