"""The SMTP client: a connection to a mail server, and what the server's answers mean."""
