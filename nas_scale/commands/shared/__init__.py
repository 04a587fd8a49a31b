"""What several commands share: run settings, training options, the lookup of networks, data defaults."""
