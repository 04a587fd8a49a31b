"""The command line: one file a command; each parses, calls one flow and shows what it answers."""
