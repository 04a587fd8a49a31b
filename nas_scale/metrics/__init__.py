"""What a network costs: counts, limits on them, and rewards.

Nothing that trains, and nothing that knows a space's choices.
"""
