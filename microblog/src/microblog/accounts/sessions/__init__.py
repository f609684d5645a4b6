"""Where people are signed in, and what guards the door."""
