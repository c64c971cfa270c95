"""The losses that come with the plugin."""
