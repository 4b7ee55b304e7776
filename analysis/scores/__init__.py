"""Scores of answers: records in, frames out."""
