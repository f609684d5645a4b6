"""Pages for those who run the site: the fate of every mail, and accounts."""
