"""Facts of genome and body: chromosomes, callable sizes, organs, tables of rates."""
