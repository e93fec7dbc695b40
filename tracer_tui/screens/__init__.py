"""The screens: the explorer, which owns all state, and the small ones that ask it for a value."""
