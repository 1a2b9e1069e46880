"""KAITO's objects, and the way to a model."""
