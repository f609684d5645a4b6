"""Real mail servers from Debian, started by the tests as processes of their own on loopback."""
