"""nas-scale certify: options, networks, work, result."""
