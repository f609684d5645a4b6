"""What an operator asks of the outbox."""
