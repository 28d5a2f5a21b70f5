"""What a read count says of a mutation: multiplicity, lost copies, power of detection."""
