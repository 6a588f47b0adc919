"""The code space: walks, sums, turns, and the reader of attributes that judges them."""
