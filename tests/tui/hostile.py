"""Names that people, or attackers, put into events."""

HOSTILE = {
    "closing tag": "[/x]",
    "style": "[red]red",
    "action": "[@click=app.quit]quit[/]",
    "bracket": "[",
    "backslash": "\\[b]\\",
    "colour": "\x1b[31mred",
    "clear": "\x1b[2J\x1b[H",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "title": "\x1b]0;evil\x1b\\",
    "device": "\x1bP1$r\x1b\\",
    "c1": "\x9b31m\x9d52;c;ZXZpbA==\x9c",
    "nul": "a\x00b",
    "bell": "\x07\x08\x0b\x0c",
    "newline": "a\nb\r\nc",
    "separators": "a\u2028b\u2029c\u0085d",
    "right to left": "\u202eevil\u2066x\u2069",
    "mark": "a\u200f\u061cb",
    "zero width": "a\u200b\u2060\ufeffb",
    "tags": "a\U000e0041\U000e007f",
    "emoji": "👩🏽‍💻🏳️‍🌈🙂",
    "wide": "日本語" * 20,
    "combining": "e" + "\u0301" * 50,
    "long": "x" * 10_000,
    "long escape": "\x1b[31m" * 2_000,
    "blank": " \t ",
    "percent": "%s %(x)s {0} {x} $x",
    "any of": "a|b,c",
    "any": "*",
}
"""What it tries, and the name."""

SHORT = {kind: name for kind, name in HOSTILE.items() if len(name) < 100}
