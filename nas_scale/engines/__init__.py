"""Runs jobs: in this process, in local worker processes, or on a Ray cluster.

Not here: trials, training, and any knowledge of what a job does; an engine knows only the function it runs.
"""
