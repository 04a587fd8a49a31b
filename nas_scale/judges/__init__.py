"""Judges of nets that cost little or no training, and how well any judge agrees with another. What is here decides
nothing: flows do."""
