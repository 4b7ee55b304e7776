"""One adapter per model family: visual tokens out, pruned generation in."""
