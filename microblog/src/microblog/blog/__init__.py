"""What people write, and whom they follow."""
