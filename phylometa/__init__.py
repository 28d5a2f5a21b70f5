"""phylometa: clones, seeding routes and dissemination timing of metastatic cancer from multi-sample sequencing."""

__version__ = "0.1.0"
