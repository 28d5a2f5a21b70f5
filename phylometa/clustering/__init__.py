"""Which mutations travel together: clusters by exact marginal likelihood."""
