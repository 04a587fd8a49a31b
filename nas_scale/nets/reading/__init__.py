"""Reads other libraries' networks into this project's notation, and proves that what was read is the same network."""
