"""Modified copies of datasets: chains of modifiers, the engine that applies them, its manifest."""
