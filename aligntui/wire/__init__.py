"""Messages between processes: requests are imperatives, events are past-tense facts. Pure data."""
