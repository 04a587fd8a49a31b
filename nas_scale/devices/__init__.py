"""What a network takes on a device: milliseconds measured, and predicted from measurements.

Nothing that trains, and nothing that knows a command or a space's choices.
"""
