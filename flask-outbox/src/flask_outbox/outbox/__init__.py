"""The table of messages and the door to it."""
