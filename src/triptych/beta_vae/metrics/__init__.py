"""Disentanglement metrics, and what a code costs."""
