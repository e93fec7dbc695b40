"""Reading: any source to columns of users, events and times. Rows stay in their files.

options     what a person may say about a source
sources     what a person named, to files
unpack      a file's first bytes, to what it is; what is packed, to plain lines in the spool
            (spool, decompress, databases, split, survey, textkind, records)
formats     files as rows, for each format
shapes      the exports of vendors, as data; fields: which field is which; times: how times read
part        one file, how it is understood, and the SQL that picks events from it
picked      the users, events and times of all rows, as long as they are texts
parts       files of a source one after another: opened, understood, picked
codes       texts to numbers; arrow: numbers from DuckDB, piece by piece
identity    ids that are one user
sorting     columns sorted by user and time; order: in order, without duplicates
rejects     the rows that are not events, and why; report: all that was found
prepared    the columns of a large log, kept for the next time
store       the rows behind a log: properties, values of a field, conditions
raw         all of it in the order it happens
"""
