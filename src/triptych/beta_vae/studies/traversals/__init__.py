"""Traversals of faces, heads and chairs, judged by a net that reads the factors."""
