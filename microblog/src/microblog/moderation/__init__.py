"""Reports, removed posts, and invitations."""
