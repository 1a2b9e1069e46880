"""An HTTP/1.1 client whose every wait is bounded."""
