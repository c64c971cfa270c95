"""The script convention: how a program is called, and what it leaves behind."""
