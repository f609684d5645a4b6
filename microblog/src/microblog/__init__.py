"""Microblog: a small social site that anyone can run, whose e-mail arrives."""
