"""What an operator may ask about the outbox, and do with it."""
