"""Speed of chair_eval: ``python -m chair_eval.bench`` writes ``data/bench/chair.csv``."""
