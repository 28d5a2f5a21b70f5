"""Quality control of the input before any inference: what is doubtful, by how much, and what to do about it."""
