"""The three papers as the report tells of them: which tables and data belong to which."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """`datasets`: what the names of the prepared data shown in this paper's section begin with, beside its tables'."""

    key: str
    title: str
    cite: str
    claim: str
    tables: tuple[str, ...]
    datasets: tuple[str, ...]


PAPERS = (
    Paper(
        key="dcgan",
        title="DCGAN",
        cite="Radford, Metz, Chintala: Unsupervised Representation Learning with Deep Convolutional "
        "Generative Adversarial Networks (ICLR 2016)",
        claim="A convolutional GAN built by four guidelines trains stably, and its discriminator, which "
        "never saw a label, gives features good enough to compete in classification.",
        tables=("objects", "digits"),
        datasets=("faces",),
    ),
    Paper(
        key="cyclegan",
        title="CycleGAN",
        cite="Zhu, Park, Isola, Efros: Unpaired Image-to-Image Translation using "
        "Cycle-Consistent Adversarial Networks (ICCV 2017)",
        claim="Two translators that must undo each other, each judged by a discriminator, learn to translate "
        "between two kinds of images without a single pair of examples.",
        tables=("streets",),
        datasets=("fruit",),
    ),
    Paper(
        key="beta_vae",
        title="β-VAE",
        cite="Higgins et al.: beta-VAE: Learning Basic Visual Concepts with a Constrained "
        "Variational Framework (ICLR 2017)",
        claim="Weighting the KL term of a VAE with β > 1 makes single latent units stand for single factors "
        "of the images, at the price of blurrier reconstructions.",
        tables=("shapes",),
        datasets=("heads", "chairs"),
    ),
)


def paper_of(dataset: str) -> str | None:
    """The key of the paper that a dataset belongs to, by what its name begins with ("objects_unlabelled" -> "objects");
    None if to none."""
    owners = (paper.key for paper in PAPERS if dataset.startswith((*paper.tables, *paper.datasets)))
    return next(owners, None)
