"""Convolutions as values to torch modules."""
