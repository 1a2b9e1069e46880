"""The OpenAI-compatible client, and what a model's server says."""
