"""What proves who somebody is beside the password: passkeys, an app's codes, recovery codes."""
