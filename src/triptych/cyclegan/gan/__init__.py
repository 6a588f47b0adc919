"""CycleGAN itself: generators, critics, losses, image pool, training."""
