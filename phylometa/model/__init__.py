"""What was measured of a patient and what is inferred: frozen records, arrays checked and read-only."""
