"""What happened to accounts, and the notices about it."""
