"""Search over posts, people and tags."""
