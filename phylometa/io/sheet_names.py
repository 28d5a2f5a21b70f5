"""What the name of a sample or file says: patient, site, type of site."""

from __future__ import annotations

import re
from pathlib import Path

from phylometa.reference.organs import find_organ
from phylometa.reference.site_words import SITE_WORDS

__all__ = ["NOISE", "TCGA_CODES", "cell_sample_of_file", "is_word_of_cells", "lesion_of", "name_parts", "organ_of"]
__all__ += ["sample_of_file", "type_of"]

# Words of file names that say nothing of the sample.
_NOISE = """
vcf dp input clustered best ucn ssm bcf gz bgz maf tsv csv txt tab seg segs segments segment somatic snv snvs mnv mnvs
indel indels sv mutect mutect2 strelka strelka2 varscan varscan2 muse vardict lofreq sniper somaticsniper
freebayes octopus caveman pindel sage purple ascat battenberg facets sequenza cnvkit titan hatchet abc calls
call called variants variant filtered pass passed final hg19 hg38 grch37 grch38 b37 annotated vep snpeff
funcotated merged consensus cnv cna cns cn copynumber copy number purity ploidy purityploidy counts reads tumor
tumour normal vs sorted dedup bam wes wgs exome panel pcgr subclones raw norm split mutations data table sample
"""
NOISE = frozenset(_NOISE.split())
# Words of the names of files of single cells, and the name that Cell Ranger gives all of its own.
_CELL_WORDS = {"sc", "scdna", "scwgs", "dlp", "cell", "cells", "singlecell"}
_CELL_WORDS |= {"segcopy", "hmmcopy", "chisel", "signals", "ginkgo", "medicc2"}
_CELL_RANGER = re.compile(r"node(_unmerged)?_cnv_calls(\.bed)?", re.IGNORECASE)
# Words of a sample's name to what it says of the site's type.
TYPE_WORDS = {
    **{word: kind for word, kind in SITE_WORDS.items() if len(word) > 2},
    **dict.fromkeys(("pri", "prim", "pt"), "primary"),
    **dict.fromkeys(("ln", "lns"), "lymph_node"),
    **dict.fromkeys(("rec", "rel", "relapse"), "bed"),
}
# The same for names that say no more (P1, M2), if nothing else tells.
LETTERS = {"p": "primary", "m": "distant"}
# Codes of TCGA's sample types, the first two digits of a barcode's fourth part.
TCGA_CODES = {
    "01": "primary",
    "05": "primary",
    "02": "bed",
    "06": "distant",
    "07": "distant",
    "10": "normal",
    "11": "normal",
}


def name_parts(name: str) -> list[str]:
    """Split a name at dots, dashes, underscores and blanks."""
    return [part for part in re.split(r"[._\-\s]+", name) if part]


def sample_of_file(path: Path) -> str:
    """A file's name without the words that every such file has."""
    kept = [part for part in name_parts(path.name) if part.lower() not in NOISE]
    return "_".join(kept) or path.name.split(".")[0]


def is_word_of_cells(part: str) -> bool:
    """Return whether a part of a name says that single cells are meant (its numbers are samples), and no more."""
    return re.sub(r"\d+$", "", part.lower()) in _CELL_WORDS or part.lower() in _CELL_WORDS


def cell_sample_of_file(path: Path) -> str:
    """Name the sample of a table of single cells: by the file, or by its folder if callers give all files one name."""
    name = _CELL_RANGER.sub("", path.name)
    if all(part.lower() in NOISE or is_word_of_cells(part) for part in name_parts(name)):
        return f"{sample_of_file(Path(path.absolute().parent.name))}_sc"
    return sample_of_file(Path(name))


def type_of(word: str, *, letters: bool = False) -> str | None:
    """Class of site that a part of a name says; numbers at its end are regions."""
    stem = re.sub(r"\d+[a-z]?$", "", word.lower())
    return TYPE_WORDS.get(stem) or (LETTERS.get(stem) if letters else None)


def organ_of(part: str) -> str:
    """Find the organ that a part of a name refers to; its numbers are regions, not vertebrae."""
    word = re.sub(r"\d+$", "", part.lower())
    return word if len(word) > 2 and find_organ(word) else ""


def lesion_of(parts: list[str]) -> str:
    """Name of a lesion out of the parts of a sample's name: of two numbers at the end the second is the region."""
    if len(parts) > 2 and parts[-1].isdigit() and parts[-2].isdigit():
        parts = parts[:-1]
    return "" if all(part.isdigit() for part in parts) else "_".join(parts)
