"""A β-VAE in one file, to be read from top to bottom (Higgins et al. 2017, equation 4 and table 1).

    dvc repro prepare@shapes                    # draws the shapes, once
    python examples/beta_vae.py                 # trains for 2,000 steps, writes traversals to beta_vae.png

The encoder gives each image x a normal distribution q(z|x) = N(μ, σ²) of codes, the decoder gives each code the
probability of every pixel to be white. The loss is what the code costs and what the picture loses, in nats an image:

    L = -E_q log p(x|z) + β KL(q(z|x) || N(0, I))            KL = 1/2 Σ (μ² + σ² - 1 - log σ²)

Both terms are sums, over pixels and over latents, and means over the batch. With β > 1 a latent has to pay for itself,
and the axes of the code line up with the factors of the images.
"""

import sys
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

IMAGES = Path("data/prepared/shapes/train/images.npy")  # uint8 (n, 1, 32, 32), black and white


def encoder(pixels, hidden=1200, latents=10):
    """Images in [0, 1] -> (n, 2 latents): means, then log variances."""
    return nn.Sequential(
        nn.Flatten(),
        *(nn.Linear(pixels, hidden), nn.ReLU(), nn.Linear(hidden, hidden), nn.ReLU()),
        nn.Linear(hidden, 2 * latents),
    )


def decoder(pixels, hidden=1200, latents=10):
    """(n, latents) -> (n, pixels): logits."""
    return nn.Sequential(
        *(nn.Linear(latents, hidden), nn.Tanh(), nn.Linear(hidden, hidden), nn.Tanh()),
        *(nn.Linear(hidden, hidden), nn.Tanh()),
        nn.Linear(hidden, pixels),
    )


def initialise(net):
    """Glorot uniform weights, no biases at the start (the paper does not say; TensorFlow's layers began so)."""
    for parameter in net.parameters():
        nn.init.xavier_uniform_(parameter) if parameter.dim() > 1 else nn.init.zeros_(parameter)


def train(encode, decode, batches, beta=4.0, lr=1e-2):
    """One update for every batch of (images in [0, 1], normal noise). Yields (NLL, KL), in nats an image."""
    adagrad = torch.optim.Adagrad([*encode.parameters(), *decode.parameters()], lr=lr)
    for x, noise in batches:
        mean, logvar = encode(x).chunk(2, dim=1)
        z = mean + torch.exp(0.5 * logvar) * noise  # a sample of q(z|x) that gradients pass through
        nll = F.binary_cross_entropy_with_logits(decode(z), x.flatten(1), reduction="sum") / len(x)
        kl = 0.5 * (mean.square() + logvar.exp() - 1 - logvar).sum() / len(x)
        adagrad.zero_grad()
        (nll + beta * kl).backward()
        adagrad.step()
        yield nll.item(), kl.item()


def main(steps=2000, batch_size=64, hidden=128, latents=10):
    if not IMAGES.is_file():
        sys.exit(f"no {IMAGES}: run `dvc repro prepare@shapes` first")
    torch.manual_seed(0)
    images = torch.from_numpy(np.load(IMAGES))
    side = images.shape[-1]
    encode, decode = encoder(side**2, hidden, latents), decoder(side**2, hidden, latents)
    initialise(encode), initialise(decode)
    rows = torch.randint(len(images), (steps, batch_size))
    batches = ((images[r].float() / 255, torch.randn(batch_size, latents)) for r in rows)
    for step, (nll, kl) in enumerate(train(encode, decode, batches)):
        if step % 200 == 0:
            print(f"step {step}: NLL {nll:.1f}, KL {kl:.1f} nats an image")

    from torchvision.utils import save_image

    with torch.no_grad():  # a row a latent: from -3 to 3, the others as they are
        codes = encode(images[len(images) // 2][None].float() / 255)[:, :latents].repeat(latents * 9, 1)
        for k in range(latents):
            codes[9 * k : 9 * k + 9, k] = torch.linspace(-3, 3, 9)
        save_image(decode(codes).sigmoid().view(-1, 1, side, side), "beta_vae.png", nrow=9)
    print("traversals, a row a latent: beta_vae.png")


if __name__ == "__main__":
    main()
