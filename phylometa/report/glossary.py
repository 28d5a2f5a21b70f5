"""Words of the report, each with one meaning."""

GLOSSARY: tuple[tuple[str, str], ...] = (
    ("Cancer cell fraction (CCF)", "Share of the tumour cells of a sample that carry a mutation."),
    (
        "Cluster",
        "Mutations with the same cancer cell fractions in all samples; the edge of the clone tree they arose on.",
    ),
    ("Clone", "All cells that carry the mutations from the root of the clone tree to one node and none below it."),
    (
        "Clone proportion",
        "Share of a clone among the tumour cells of a sample; the proportions of a sample add up to 1.",
    ),
    ("Clone tree", "Who descends from whom. The mutations of a clone arose on the edge that leads to it."),
    ("Edge support", "Probability, over all clone trees that fit the reads, that a clone is the parent of another."),
    ("Site", "Anatomical place of a lesion. All samples of one lesion are one site."),
    ("Migration", "A clone that moved from one site to another."),
    ("Migration history", "A tree whose nodes are clones in sites; it says which clone came from where."),
    ("Monoclonal, polyclonal seeding", "A site was founded by exactly one clone; by more than one."),
    (
        "Monophyletic, polyphyletic origin",
        "The clones that left the primary lie on one line of descent; on separate branches.",
    ),
    ("Single-source, multi-source", "Every site has one source; some site has several."),
    ("Parallel single-source", "All migrations leave from the same site."),
    (
        "Cyclic pattern (reseeding)",
        "Sites exchanged clones in a circle. Reseeding of the primary is stated on its own.",
    ),
    ("Metastatic cascade", "A metastasis whose only source is another metastasis."),
    ("Cross-seeding", "A metastasis that received clones from another metastasis and from a further source."),
    ("Self-seeding", "Return of clones from a metastasis into the primary or its bed."),
    ("Waves", "Migrations into a site that must have happened at different times."),
    ("Early, late divergence", "The metastasis lacks mutations that all cells of the primary carry; it lacks none."),
    (
        "Supported, favoured, not determined",
        "Probability of at least 95 %; of 80 to 95 %; of less. Within two standard errors, and no more than the "
        "quality of the input and the number of mutations allow.",
    ),
)
"""(term, meaning), in the order in which a reader meets them."""
