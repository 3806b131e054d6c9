"""The mathematics of the memory: NumPy arrays in, new NumPy arrays out.

Nothing here reads a file, a clock, a setting or a random number, nothing logs, and no argument is
changed. "Equation" numbers are the paper's; see docs/decisions/0006-where-we-depart-from-the-paper.md.
"""
