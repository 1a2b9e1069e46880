"""HTTP over bounded sockets."""
