"""What engines spell differently, one file an engine; `base` is what all others are taken for."""
