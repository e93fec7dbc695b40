"""The terminal face of tracer-tui: a command line and a screen over `core`."""
