"""What figures mean: standard errors, ties, the Pareto front, agreement, the random baseline.

Nothing that trains or writes.
"""
