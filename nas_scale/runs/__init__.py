"""A run on disk: its folder, lock, specification, Optuna study and typed result.

Not here: the loop of trials, what the figures mean, and any output for people.
"""
