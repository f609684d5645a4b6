"""Tools for development: a mail catcher, its inbox, and previews of every email."""
