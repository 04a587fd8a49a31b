"""A run on disk: its folder, lock, specification, Optuna study and result document.

Not here: the loop of trials, what the figures mean, and any output for people.
"""
