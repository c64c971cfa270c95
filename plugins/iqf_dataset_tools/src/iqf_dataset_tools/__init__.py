"""Sanity and statistics of datasets for IQF: check, fix, stats and view."""
