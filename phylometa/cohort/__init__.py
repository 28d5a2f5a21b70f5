"""Many patients: running them, their sites, and their statistics."""
