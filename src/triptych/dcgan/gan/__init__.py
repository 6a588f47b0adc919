"""The adversarial pair: networks, training, and the discriminator's features."""
