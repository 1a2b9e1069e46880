"""What tests need beside the stand-in cluster: a network of one's own, names in it, and distance."""
