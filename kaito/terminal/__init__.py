"""The process's streams, and the person at them."""
