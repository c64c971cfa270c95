"""The engine that applies metrics to datasets, and tables of what they measure."""
