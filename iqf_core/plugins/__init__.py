"""Plugins: discovered from metadata, loaded one by one, resolved on use."""
