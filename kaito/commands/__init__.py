"""The verbs, one module each, and kubectl's own flags."""
