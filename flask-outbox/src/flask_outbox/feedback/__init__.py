"""What comes back about mail: bounces, complaints, and the events of providers."""
