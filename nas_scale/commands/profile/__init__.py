"""nas-scale profile: options, work."""
