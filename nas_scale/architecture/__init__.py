"""What a network is: its stages, their notation, search spaces, and the YAML files that hold networks and spaces.

Not here: torch, and anything that counts costs, trains or searches.
"""
