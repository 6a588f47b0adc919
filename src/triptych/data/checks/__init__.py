"""What each drawn dataset must show, fixed before systems are compared on it: one module a dataset, by its name.

NEEDS                          the arrays of a split without which nothing can be measured
measure(dataset, seed)         the numbers
LIMITS                         the standard: metric -> (lowest, highest) value that meets it
"""
