"""How a network grows: coefficients, candidates of a real cost, the solver, the design of a grid, and the fit.

No trials and no training.
"""
