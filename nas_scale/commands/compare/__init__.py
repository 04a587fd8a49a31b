"""nas-scale compare: options, work, result."""
