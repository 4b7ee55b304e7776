"""One reader per source; each yields Samples."""
