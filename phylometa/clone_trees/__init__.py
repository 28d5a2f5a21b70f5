"""How clones descend from each other: the posterior over clone trees of given clusters."""
