"""The embedded small LLaVA and its world: drawn scenes, captions, questions, training, card."""
