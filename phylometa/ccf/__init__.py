"""How prevalent a mutation is, and how pure a sample."""
