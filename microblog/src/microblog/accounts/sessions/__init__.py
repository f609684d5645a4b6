"""Where people are logged in, and what protects the log-in."""
