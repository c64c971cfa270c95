"""Results: tables, plots, rate curves."""
