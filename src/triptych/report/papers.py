"""The three papers as the report tells of them: which tables, figures and data belong to which."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Paper:
    """`groups`: folders of outputs/ and `datasets`: prepared data shown in this paper's section."""

    key: str
    title: str
    cite: str
    claim: str
    tables: tuple[str, ...]
    groups: tuple[str, ...]
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
        groups=("dcgan", "faces", "arithmetic", "interpolation", "pathologies", "guidelines"),
        datasets=("objects", "unlabelled", "digits", "faces"),
    ),
    Paper(
        key="cyclegan",
        title="CycleGAN",
        cite="Zhu, Park, Isola, Efros: Unpaired Image-to-Image Translation using "
        "Cycle-Consistent Adversarial Networks (ICCV 2017)",
        claim="Two translators that must undo each other, each judged by a discriminator, learn to translate "
        "between two kinds of images without a single pair of examples.",
        tables=("streets",),
        groups=("cyclegan", "failure_case", "fruit"),
        datasets=("streets", "fruit"),
    ),
    Paper(
        key="beta_vae",
        title="β-VAE",
        cite="Higgins et al.: beta-VAE: Learning Basic Visual Concepts with a Constrained "
        "Variational Framework (ICLR 2017)",
        claim="Weighting the KL term of a VAE with β > 1 makes single latent units stand for single factors "
        "of the images, at the price of blurrier reconstructions.",
        tables=("shapes",),
        groups=("beta_vae", "traversals", "beta_sweep"),
        datasets=("shapes", "heads", "chairs"),
    ),
)


def paper_of(name: str, kind: str) -> str | None:
    """The key of the paper that a folder of outputs/ (`kind` "groups") or a dataset ("datasets") belongs to:
    by its name or by the longest known name it begins with ("objects_unlabelled" -> "objects"); None if none
    does."""
    owners = {known: paper.key for paper in PAPERS for known in (*getattr(paper, kind), *paper.tables)}
    fits = [known for known in owners if name.startswith(known)]
    return owners[max(fits, key=len)] if fits else None
