"""nas-scale latency: device tables built, learned from a file, listed, shown and checked."""
