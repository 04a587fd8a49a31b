"""The loop: propose, train, record; pruning and deadlines.

Nothing that knows a run's folder, and nothing that draws.
"""
