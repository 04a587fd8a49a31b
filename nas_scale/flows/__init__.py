"""What the commands and the Python API call: search, grid, expand, family, profile. They report through events and never draw."""
