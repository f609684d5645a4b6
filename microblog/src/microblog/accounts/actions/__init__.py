"""What people do with their accounts: rules and SQL, no HTTP.

Actions take a session and never commit.
"""
