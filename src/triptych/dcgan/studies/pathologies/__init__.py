"""What goes wrong when GANs are trained, shown where it can be measured: vanishing gradients, mode collapse, cycles."""
