"""Words that people use for the kind of a site, and what each is taken for."""

from __future__ import annotations

import re
from typing import Literal

__all__ = ["PLAIN_WORDS", "SITE_WORDS", "plain_word", "site_class_of"]

# As `model.patient.SiteClass`, which stands a floor higher.
SiteClass = Literal["primary", "lymph_node", "distant", "bed", "normal"]
# What a sheet is expected to say, without a note.
PLAIN_WORDS: dict[SiteClass, str] = {
    "primary": "primary",
    "distant": "metastasis",
    "lymph_node": "lymph_node",
    "bed": "recurrence",
    "normal": "normal",
}
_WORDS: dict[SiteClass, str] = {
    "primary": "primary, primary tumour, primary tumor, primary solid tumor, primary lesion, primaries, prim, pt, tp",
    "distant": "metastasis, metastases, metastatic, distant, met, mets, distant met, distant mets, distant metastasis, "
    "distant metastases, metastatic tumor, metastatic tumour, additional metastatic, visceral metastasis, secondary, "
    "distant relapse, distant recurrence, tm",
    "lymph_node": "lymph node, lymph nodes, lymphnode, ln, lns, node, nodes, nodal, nodal metastasis, nodal met, "
    "ln met, ln mets, ln metastasis, lymph node metastasis, lymph node metastases, lymph node met, sentinel node",
    "bed": "recurrence, recurrent, bed, local recurrence, local relapse, locoregional recurrence, relapse, "
    "surgical bed, tumour bed, tumor bed, recurrent tumor, recurrent tumour, recurrent solid tumor, tr",
    "normal": "normal, germline, control, blood, pbmc, matched normal, adjacent normal, solid tissue normal, "
    "blood derived normal, nt, nb",
}
SITE_WORDS: dict[str, SiteClass] = {word: kind for kind, words in _WORDS.items() for word in words.split(", ")}
# Words that need no note: the contract's, and those that mean nothing else.
_SAID = frozenset(("primary", "metastasis", "metastatic", "distant", "lymph node", "recurrence", "bed", "normal"))


def plain_word(text: str) -> str:
    """Write a word in lower case, its parts separated by one blank."""
    return re.sub(r"[\s_\-/.]+", " ", text.strip().lower()).strip()


def site_class_of(text: str) -> tuple[SiteClass, str] | None:
    """Find the class of a site, and the word it is taken for if that should be shown; None for an unknown word.

    Examples
    --------
    >>> site_class_of("Mets"), site_class_of("lymph_node"), site_class_of("lesion")
    (('distant', 'metastasis'), ('lymph_node', ''), None)
    """
    word = plain_word(text)
    found = SITE_WORDS.get(word)
    if found is None:
        return None
    shown = "" if word in _SAID else PLAIN_WORDS[found]
    if word in ("relapse", "recurrent", "recurrent tumor", "recurrent tumour", "recurrent solid tumor", "tr"):
        shown = "recurrence at the bed of the primary; write metastasis if it lies elsewhere"
    return found, shown
