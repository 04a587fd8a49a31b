"""Where jobs run: in this process, in local processes, on a Ray cluster. An engine knows only its function."""
