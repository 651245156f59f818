"""The folder of a run: its files, what they say, and the run as they hold it."""
