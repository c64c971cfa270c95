"""The commands under ``iqf sr``."""
