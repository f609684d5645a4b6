"""Pages for administrators: what became of every message, and accounts."""
