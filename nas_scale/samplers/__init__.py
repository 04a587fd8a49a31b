"""Optuna samplers, one algorithm a file, each proposing assignments inside the limits.

No training, and nothing that knows a run's folder.
"""
