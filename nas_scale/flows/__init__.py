"""What the commands and the Python API call. Flows check input first, report through events and never draw."""
