"""CycleGAN in one file, to be read from top to bottom (Zhu, Park, Isola, Efros 2017, sections 3 and 7).

    dvc repro prepare@streets                   # draws the scenes, once
    python examples/cyclegan.py                 # trains for 300 steps, writes translations to cyclegan.png

x is an image of one domain (a label map), y of the other (a photo); no pairs are needed. G: X -> Y and F: Y -> X
translate, and each must undo the other. D_Y scores how real a photo looks, D_X a label map, patch by patch:

    L_G,F = E (D_Y(G(x)) - 1)² + E (D_X(F(y)) - 1)² + λ E|F(G(x)) - x| + λ E|G(F(y)) - y|
    L_D   = 1/2 [E (D(real) - 1)² + E D(fake)²]     for each of the two
"""

import random
import sys
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torchvision.utils import save_image

SCENES = Path("data/prepared/streets/train")  # images.npy uint8 (n, 3, h, w), label_maps.npy uint8 (n, h, w)


norm = nn.InstanceNorm2d  # each image and channel by its own mean and variance


class Residual(nn.Module):
    """x + h(x). The borders are reflected, so that no zeros bleed in."""

    def __init__(self, c):
        super().__init__()
        pad = nn.ReflectionPad2d
        self.body = nn.Sequential(pad(1), nn.Conv2d(c, c, 3), norm(c), nn.ReLU(), pad(1), nn.Conv2d(c, c, 3), norm(c))

    def forward(self, x):
        return x + self.body(x)


def generator(w=64, blocks=6):
    """Images in [-1, 1] -> images of the other domain: two halvings, residual blocks, two doublings."""
    return nn.Sequential(
        *(nn.ReflectionPad2d(3), nn.Conv2d(3, w, 7), norm(w), nn.ReLU()),
        *(nn.Conv2d(w, 2 * w, 3, 2, 1), norm(2 * w), nn.ReLU()),
        *(nn.Conv2d(2 * w, 4 * w, 3, 2, 1), norm(4 * w), nn.ReLU()),
        *(Residual(4 * w) for _ in range(blocks)),
        *(nn.ConvTranspose2d(4 * w, 2 * w, 3, 2, 1, output_padding=1), norm(2 * w), nn.ReLU()),
        *(nn.ConvTranspose2d(2 * w, w, 3, 2, 1, output_padding=1), norm(w), nn.ReLU()),
        *(nn.ReflectionPad2d(3), nn.Conv2d(w, 3, 7), nn.Tanh()),
    )


def critic(w=64):
    """Images -> one score for each overlapping patch of 34 × 34 pixels. No norm in the first layer."""
    return nn.Sequential(
        *(nn.Conv2d(3, w, 4, 2, 1), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(w, 2 * w, 4, 2, 1), norm(2 * w), nn.LeakyReLU(0.2)),
        *(nn.Conv2d(2 * w, 4 * w, 4, 1, 1), norm(4 * w), nn.LeakyReLU(0.2)),
        nn.Conv2d(4 * w, 1, 4, 1, 1),
    )


def initialise(net):
    for parameter in net.parameters():
        nn.init.normal_(parameter, 0.0, 0.02) if parameter.dim() > 1 else nn.init.zeros_(parameter)
    return net


def exchange(pool, fake, size=50):
    """Critics see past fakes, too: half of the time a stored one, in whose place the new one is kept (section 4)."""
    if len(pool) < size:
        pool.append(fake)
    elif random.random() < 0.5:
        slot = random.randrange(size)
        fake, pool[slot] = pool[slot], fake
    return fake


def train(G, F, D_X, D_Y, pairs, lam=10.0, lr=2e-4):
    """One step for every (x, y), each one image (1, 3, h, w). Yields (loss of G and F, loss of D_X and D_Y)."""
    adam_g = torch.optim.Adam([*G.parameters(), *F.parameters()], lr, betas=(0.5, 0.999))
    adam_d = torch.optim.Adam([*D_X.parameters(), *D_Y.parameters()], lr, betas=(0.5, 0.999))
    pool_x, pool_y = [], []
    for x, y in pairs:
        fake_y, fake_x = G(x), F(y)
        adversarial = (D_Y(fake_y) - 1).square().mean() + (D_X(fake_x) - 1).square().mean()
        cycle = (F(fake_y) - x).abs().mean() + (G(fake_x) - y).abs().mean()
        loss_g = adversarial + lam * cycle
        adam_g.zero_grad()
        loss_g.backward()
        adam_g.step()

        loss_d = 0.0
        for D, real, fake, pool in ((D_X, x, fake_x, pool_x), (D_Y, y, fake_y, pool_y)):
            fake = exchange(pool, fake.detach())
            loss_d = loss_d + 0.5 * ((D(real) - 1).square().mean() + D(fake).square().mean())
        adam_d.zero_grad()
        loss_d.backward()
        adam_d.step()
        yield loss_g.item(), loss_d.item()


def main(steps=300):
    SCENES.is_dir() or sys.exit(f"no {SCENES}: run `dvc repro prepare@streets` first")
    torch.manual_seed(0), random.seed(0)
    photos, ids = (torch.from_numpy(np.load(SCENES / f"{name}.npy")) for name in ("images", "label_maps"))
    labels = torch.randint(256, (256, 3))[ids.long()].permute(0, 3, 1, 2)  # any palette does, if its colours differ
    x, y = labels / 127.5 - 1, photos / 127.5 - 1
    G, F, D_X, D_Y = (initialise(net) for net in (generator(16, 3), generator(16, 3), critic(16), critic(16)))
    pairs = ((x[i : i + 1], y[j : j + 1]) for i, j in torch.randint(len(x), (steps, 2)).tolist())
    for step, (loss_g, loss_d) in enumerate(train(G, F, D_X, D_Y, pairs)):
        if step % 50 == 0:
            print(f"step {step}: generators {loss_g:.2f}, critics {loss_d:.2f}")
    with torch.no_grad():
        rows = torch.cat([x[:8], G(x[:8]), y[:8], F(y[:8])])
    save_image(rows, "cyclegan.png", nrow=8, normalize=True, value_range=(-1, 1))  # labels, photos of them; and back


if __name__ == "__main__":
    main()
