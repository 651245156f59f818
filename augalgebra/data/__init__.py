"""Data sets: embedded, downloaded, from a folder or an archive; every file from outside is checked."""
