"""The kinds of component: their base classes, parameters, context and specification strings."""
