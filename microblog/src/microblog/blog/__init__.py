"""Posts, profiles, and who follows whom."""
