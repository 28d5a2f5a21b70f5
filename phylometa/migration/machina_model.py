"""MACHINA's plain model: one site per vertex, every observed site of an inner clone a pendant leaf."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from phylometa.migration.arborescences import bits
from phylometa.migration.comigration import Edge
from phylometa.migration.least_cost import Question

__all__ = ["PendantTree"]


@dataclass(frozen=True, slots=True)
class PendantTree:
    """A clone tree whose observed sites are pendant leaves, as MACHINA's parsimonious migration history (PMH) has it.

    A leaf clone that is observed in one site is a leaf itself.

    Parameters
    ----------
    question : Question
        Vertices 0..K-1 are the clones, those beyond are pendant leaves; one site per vertex.
    clone_of : tuple of int
        Clone of every vertex.

    Notes
    -----
    El-Kebir et al. 2018, doi:10.1038/s41588-018-0106-z.
    """

    question: Question
    clone_of: tuple[int, ...]

    @classmethod
    def from_question(cls, question: Question) -> PendantTree:
        """Hang a leaf on every clone for each of its observed sites."""
        n_clones = len(question.parents)
        parents = list(question.parents)
        observed = [0] * n_clones
        children = [list(each) for each in question.children]
        clone_of = list(range(n_clones))
        for v in range(n_clones):
            sites = bits(question.observed[v])
            if len(sites) == 1 and not question.children[v] and v != question.root:
                observed[v] = question.observed[v]
                continue
            for site in sites:
                children[v].append(len(parents))
                parents.append(v)
                observed.append(1 << site)
                clone_of.append(v)
        children += [[] for _ in range(len(parents) - n_clones)]
        expanded = Question(
            tuple(parents),
            (*question.order, *range(n_clones, len(parents))),
            tuple(tuple(each) for each in children),
            tuple(observed),
            question.n_sites,
            question.primary,
            single_site=True,
        )
        return cls(expanded, tuple(clone_of))

    def contract(self, edges: Sequence[Edge]) -> tuple[Edge, ...]:
        """Return the history on (clone, site) nodes: a pendant leaf in its vertex's own site is the vertex's node."""
        contracted = ((self.clone_of[u], s, self.clone_of[v], t) for u, s, v, t in edges)
        return tuple(edge for edge in contracted if edge[:2] != edge[2:])
