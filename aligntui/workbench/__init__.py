"""Use cases and state folds without a screen: whatever the console can do, the command line can do through here."""
