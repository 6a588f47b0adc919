"""What each latent does to the picture, and what it encodes."""
