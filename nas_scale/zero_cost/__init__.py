"""Scores of a network that need no training.

Nothing that knows trials.
"""
