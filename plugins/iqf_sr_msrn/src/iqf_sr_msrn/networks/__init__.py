"""The networks that come with the plugin, and their checkpoints."""
