"""Kinds of samples: what each says about clones and places, and the words that people use for it."""

from __future__ import annotations

from typing import Literal, get_args

from phylometa.reference.site_words import plain_word

__all__ = ["CIRCULATING", "GROWN", "KIND_NAMES", "PRESENCE_ONLY", "SAMPLE_KINDS", "SampleKind", "sample_kind_of"]

SampleKind = Literal["tissue", "ctdna", "ctc", "ascites", "pdx", "organoid", "cell"]
KIND_NAMES: dict[str, str] = {
    "tissue": "tissue",
    "ctdna": "circulating tumour DNA",
    "ctc": "circulating tumour cells",
    "ascites": "ascites or effusion",
    "pdx": "xenograft",
    "organoid": "organoid",
    "cell": "single cells",
}
SAMPLE_KINDS: tuple[SampleKind, ...] = get_args(SampleKind)
CIRCULATING: tuple[SampleKind, ...] = ("ctdna", "ctc", "ascites")
"""A mixture from all sites: names no place."""
GROWN: tuple[SampleKind, ...] = ("pdx", "organoid")
"""Grown from a few cells of a site."""
PRESENCE_ONLY: tuple[SampleKind, ...] = (*GROWN, "cell")
"""Shows clones of a site in other proportions than the site has them."""
_WORDS: dict[SampleKind, str] = {
    "tissue": "tissue, tumour, tumor, biopsy, resection, bulk, solid, solid tumour, solid tumor",
    "ctdna": "ctdna, cfdna, ct dna, cf dna, plasma, plasma dna, liquid biopsy, circulating tumour dna, "
    "circulating tumor dna, cell free dna, cell free tumour dna, cell free tumor dna, blood plasma, csf, "
    "cerebrospinal fluid",
    "ctc": "ctc, ctcs, ctc pool, ctc cluster, circulating tumour cell, circulating tumor cell, "
    "circulating tumour cells, circulating tumor cells",
    "ascites": "ascites, ascitic fluid, malignant ascites, effusion, pleural effusion, pleural fluid, "
    "malignant effusion, peritoneal fluid, peritoneal washing",
    "pdx": "pdx, pdxs, xenograft, xenografts, patient derived xenograft, mouse xenograft",
    "cell": "cell, cells, single cell, single cells, scdna, scdnaseq, sc dna",
    "organoid": "organoid, organoids, pdo, pdos, patient derived organoid, tumour organoid, tumor organoid, spheroid",
}
_KIND_OF: dict[str, SampleKind] = {word: kind for kind, words in _WORDS.items() for word in words.split(", ")}


def sample_kind_of(text: str) -> SampleKind | None:
    """Find the kind of a sample by the word that people use for it; None for an unknown word.

    Examples
    --------
    >>> sample_kind_of("cfDNA"), sample_kind_of("Xenograft"), sample_kind_of("liver")
    ('ctdna', 'pdx', None)
    """
    return _KIND_OF.get(plain_word(text))
