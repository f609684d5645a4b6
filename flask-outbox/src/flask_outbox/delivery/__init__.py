"""From a row of the outbox to a mail server."""
