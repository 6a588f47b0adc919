"""Parts of the systems of `objects` that learn from patches: layers of K-means, surrogate classes."""
