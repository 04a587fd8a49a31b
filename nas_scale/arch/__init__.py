"""What a net is and what it costs; plain values, no torch."""
