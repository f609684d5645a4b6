"""One connection to a mail server: what is said over it, and what its answers mean."""
