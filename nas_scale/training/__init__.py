"""Training a net as a proxy: what is asked (plain data), and the worker that answers."""
