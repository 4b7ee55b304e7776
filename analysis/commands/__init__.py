"""One file per verb of the agile command."""
