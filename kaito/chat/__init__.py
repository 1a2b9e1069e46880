"""The conversation: what is asked, how it is shown."""
