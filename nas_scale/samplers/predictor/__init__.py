"""The predictor: regression on finished trials, and the network it promises most of."""
