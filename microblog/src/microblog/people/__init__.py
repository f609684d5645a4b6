"""Profiles, and who follows, mutes or blocks whom."""
