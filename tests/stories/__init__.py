"""Stories that a facilities manager can read: times, what happens, what must follow."""
