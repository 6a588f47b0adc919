"""Parts of the rivals: training one way alone or with pairs, coupled networks, U-Net."""
