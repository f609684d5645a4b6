"""What people do with their accounts: rules and SQL, no HTTP.

Each function takes a session, and never commits.
"""
