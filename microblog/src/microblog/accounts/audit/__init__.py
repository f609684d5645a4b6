"""What happened to accounts, and who is told."""
