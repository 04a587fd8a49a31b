"""Trains one network from one or several seeds: jobs and scores as plain data, and the worker function between them.

Not here: trials, search spaces, and where jobs run.
"""
