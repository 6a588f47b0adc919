"""Where CycleGAN fails: textures change, shapes do not."""
