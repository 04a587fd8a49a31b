"""Scores networks without training them: by their cost, or by zero-cost proxies of untrained weights.

Not here: trials, and any training.
"""
