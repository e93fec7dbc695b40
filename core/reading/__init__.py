"""Reading: any source to columns of users, events and times.

sources   what a person named, to files; a file's first bytes, to what it is
fields    which field is the user, the event, the time
times     text and numbers, to microseconds
parts     one source into the store, row by row as it is
rejects   the rows that are not events, and why
raw       all of it in order, ending in columns
"""
