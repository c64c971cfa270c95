"""Tracking: where runs are kept, writing them with MLflow, reading them back."""
