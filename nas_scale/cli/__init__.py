"""The command line: one file a command, with a signature made from its declared options, one call and one view.

Not here: computation, and sentences about results.
"""
