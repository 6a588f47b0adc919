"""The trade-off: scores, rates and distortions over β and the number of latents."""
