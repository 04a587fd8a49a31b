"""A run: its folder and study, the loop of trials in it, and the ranking that comes out."""
