"""The command line: one file a group, imported when its command is called."""
