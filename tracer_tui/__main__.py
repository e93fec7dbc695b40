"""`python -m tracer_tui` is `tracer-tui`."""

from tracer_tui.cli import main

if __name__ == "__main__":
    main()
