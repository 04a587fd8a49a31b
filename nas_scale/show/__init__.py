"""Everything a person looks at: tables, progress and pictures, made from typed results.

Not here: computation of figures, and reading of files.
"""
