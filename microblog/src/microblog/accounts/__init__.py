"""People: who they are, how they prove it, and how they get back in."""
