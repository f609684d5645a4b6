"""A message as a value, and as the bytes that travel."""
