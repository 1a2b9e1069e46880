"""One conversation: what is asked, what is answered, and how both are shown."""
