"""What a network costs on a device: milliseconds and megabytes. Empty so far.

Not here: training and trials.
"""
