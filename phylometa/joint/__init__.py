"""Everything at once: clusters, clone tree and presence drawn from one posterior."""
