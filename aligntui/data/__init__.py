"""What lies on disk besides the database: instruction library, adapter folders, layouts of preference data."""
