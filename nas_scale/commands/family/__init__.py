"""nas-scale family: options, work, result."""
