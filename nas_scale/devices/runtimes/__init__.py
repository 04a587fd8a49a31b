"""The ways of running a network: as torch runs it, compiled, or exported to onnxruntime.

None of them knows how often a net is timed, or beside which others.
"""
