"""Files as rows: for each format, the SQL that reads all of it and the way to a few rows at once.

base        what they have in common
json_lines  one JSON object a line
delimited   CSV and its relatives
parquet     Parquet
web_log     the access logs of web servers
"""
