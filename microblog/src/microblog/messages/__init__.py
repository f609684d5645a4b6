"""Private conversations between two people."""
