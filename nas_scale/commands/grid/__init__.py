"""nas-scale grid: options, work, result."""
