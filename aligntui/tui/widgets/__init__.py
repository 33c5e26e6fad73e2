"""Parts of screens; each draws a piece of state."""
