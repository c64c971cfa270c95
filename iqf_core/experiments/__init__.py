"""Studies: the study file, its plan, running it, tracking and results."""
