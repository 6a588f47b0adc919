"""The architectural guidelines as ablations, and the Fréchet distance that they are compared by."""
