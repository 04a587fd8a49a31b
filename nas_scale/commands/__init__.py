"""What the command line and the Python API call, a package or a module a command.

Nothing that draws.
"""
