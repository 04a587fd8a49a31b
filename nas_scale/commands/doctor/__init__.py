"""nas-scale doctor: what this machine, its packages and its folders are like, for a report of trouble."""
