"""Which assignments of a space's choices keep the limits: encoding, cost table, canonical form, draw, repair.

Nothing that has seen a trial.
"""
