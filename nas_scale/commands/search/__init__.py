"""nas-scale search: options, preparation, work, result."""
