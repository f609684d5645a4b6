"""What every page shares: forms, errors, security headers, rate limits, languages, health."""
