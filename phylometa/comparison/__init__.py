"""A metastasis beside the primary: shared and private mutations, and the divergence test."""
