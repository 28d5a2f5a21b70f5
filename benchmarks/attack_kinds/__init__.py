"""The attacks of `benchmarks/attacks.py`, a module for every part of the surroundings."""
