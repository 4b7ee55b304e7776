"""One file per figure or table, named as it is; listing this folder finds them all."""
