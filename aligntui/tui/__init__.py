"""The console's screens. Textual lives here and nowhere else."""

import os

# While something streams, Textual gathers repaints into frames; at its 60 a second a typed character waits up to 17 ms for
# its frame, twice that when two frames are needed. What streams is drawn 20 times a second whatever this is set to.
os.environ.setdefault("TEXTUAL_FPS", "240")

# A shell that exports its size would freeze the screen at it: they stand above the terminal's own answer, also after a resize.
for _name in ("COLUMNS", "LINES"):
    os.environ.pop(_name, None)
