"""Posts, and the timelines they are read in."""
