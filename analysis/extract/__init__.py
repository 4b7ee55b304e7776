"""The extraction loop: encode once, prune many ways, generate, write shards, resume."""
