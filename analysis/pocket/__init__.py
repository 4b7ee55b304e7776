"""Training of the embedded small LLaVA: tower, language model, evaluation, card."""
