"""The mathematics of the memory: NumPy arrays in, new NumPy arrays out.

Nothing here reads a file, a clock, a setting or a random number, nothing logs, and no argument is
changed. "Equation" numbers are those of docs/how-it-works.md, which follow the paper.
"""
