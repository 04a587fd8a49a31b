"""Builds networks as torch modules from their list of convolutions, and counts their costs with fvcore as a check.

Not here: training, data, and any channel or shape arithmetic, which is architecture.blocks' alone.
"""
