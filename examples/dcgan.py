"""A DCGAN in one file, to be read from top to bottom (Radford, Metz, Chintala 2015, sections 3 and 4).

    dvc repro prepare@objects_unlabelled        # draws the images, once
    python examples/dcgan.py                    # trains for 500 steps, writes samples to dcgan.png

Two nets play a game. The generator G turns a code z into an image. The discriminator D says how real an image looks:
its logit is s(x), and D(x) = sigmoid(s(x)). Both descend a cross-entropy:

    L_D = -E log D(x) - E log(1 - D(G(z)))          L_G = -E log D(G(z))

At the optimum D = 1/2 everywhere, so that L_D = 2 log 2 = 1.39 and L_G = log 2 = 0.69.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

IMAGES = Path("data/prepared/objects_unlabelled/train/images.npy")  # uint8 (n, 3, 32, 32)


def generator(z_dim=100, width=64):
    """(n, z_dim) -> images (n, 3, 32, 32) in [-1, 1]. No pooling: each transposed convolution doubles the side."""

    def up(inputs, outputs):
        conv = nn.ConvTranspose2d(inputs, outputs, 5, stride=2, padding=2, output_padding=1, bias=False)
        return conv, nn.BatchNorm2d(outputs), nn.ReLU()

    return nn.Sequential(
        nn.Linear(z_dim, 4 * width * 16, bias=False),
        nn.BatchNorm1d(4 * width * 16),
        nn.ReLU(),
        nn.Unflatten(1, (4 * width, 4, 4)),
        *up(4 * width, 2 * width),
        *up(2 * width, width),
        nn.ConvTranspose2d(width, 3, 5, stride=2, padding=2, output_padding=1, bias=False),  # no norm on the output
        nn.Tanh(),
    )


def discriminator(width=64):
    """Images (n, 3, 32, 32) -> logits (n, 1). No pooling: each convolution halves the side."""

    def down(inputs, outputs):
        return nn.Conv2d(inputs, outputs, 5, stride=2, padding=2, bias=False)

    return nn.Sequential(
        down(3, width),  # no norm on the input
        nn.LeakyReLU(0.2),
        *(down(width, 2 * width), nn.BatchNorm2d(2 * width), nn.LeakyReLU(0.2)),
        *(down(2 * width, 4 * width), nn.BatchNorm2d(4 * width), nn.LeakyReLU(0.2)),
        nn.Flatten(),
        nn.Linear(4 * width * 16, 1, bias=False),
    )


def initialise(net):
    """Weights N(0, 0.02²), gains of the norms N(1, 0.02²) (section 4)."""
    for name, parameter in net.named_parameters():
        if parameter.dim() > 1:
            nn.init.normal_(parameter, 0.0, 0.02)
        elif name.endswith("weight"):
            nn.init.normal_(parameter, 1.0, 0.02)


def train(G, D, batches, z_dim=100, lr=2e-4):
    """One update of each net for every batch of images in [-1, 1]. Yields (L_G, L_D)."""
    adam = {"lr": lr, "betas": (0.5, 0.999), "weight_decay": 1e-5}
    adam_g, adam_d = torch.optim.Adam(G.parameters(), **adam), torch.optim.Adam(D.parameters(), **adam)
    for real in batches:
        fake = G(torch.empty(len(real), z_dim).uniform_(-1, 1))
        loss_g = F.softplus(-D(fake)).mean()  # softplus(-s) = -log sigmoid(s)
        adam_g.zero_grad()
        loss_g.backward()
        adam_g.step()

        # Real and fake images go through D one after the other: each batch is normalised by its own statistics.
        loss_d = F.softplus(-D(real)).mean() + F.softplus(D(fake.detach())).mean()
        adam_d.zero_grad()
        loss_d.backward()
        adam_d.step()
        yield loss_g.item(), loss_d.item()


def main(steps=500, batch_size=64):
    if not IMAGES.is_file():
        sys.exit(f"no {IMAGES}: run `dvc repro prepare@objects_unlabelled` first")
    torch.manual_seed(0)
    images = torch.from_numpy(np.load(IMAGES)).float() / 127.5 - 1
    G, D = generator(), discriminator()
    initialise(G), initialise(D)
    batches = (images[torch.randint(len(images), (batch_size,))] for _ in range(steps))
    for step, (loss_g, loss_d) in enumerate(train(G, D, batches)):
        if step % 50 == 0:
            print(f"step {step}: L_G {loss_g:.2f}, L_D {loss_d:.2f}")

    from torchvision.utils import save_image

    with torch.no_grad():
        save_image(G(torch.empty(64, 100).uniform_(-1, 1)), "dcgan.png", normalize=True, value_range=(-1, 1))
    print("samples: dcgan.png")


if __name__ == "__main__":
    main()
