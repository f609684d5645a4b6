"""What concerns a person, and what of it is unread."""
