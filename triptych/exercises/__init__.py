"""The engine of the exercises: the command, the sandbox, what a check finds."""
