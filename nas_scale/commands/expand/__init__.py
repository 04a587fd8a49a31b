"""nas-scale expand: options, work, result."""
