"""kubectl-kaito: chat with the models that KAITO serves."""

__version__ = "0.1.0"
