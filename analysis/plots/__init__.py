"""One function per kind of chart: frame and ax in, ax out."""
