"""Reads CSV files with Python's csv module and says what it finds: the oracle of 086_independent_reader.pl, sharing no code with the extension.

Arguments: a manifest, one file a line: path, delimiter (hexadecimal), quote (hexadecimal), number of columns, "lf" or "cr" (what ends the first record).
Prints, for each file, "file PATH STATUS", then for each record that is not an empty line "LINE KIND FIELDS": KIND is ok, count (another number of
fields than the header has), nul or encoding (a field that is no UTF-8); FIELDS are hexadecimal, comma-separated. STATUS is open where a quote is never closed.
"""
import csv
import io
import sys

csv.field_size_limit(sys.maxsize)
SENTINEL = "\x01the end\x02"


def lines_of(text, ends):
    """What csv.reader calls a line: where LF ends records a CR is data or a part of CRLF; else any of CR, LF, CRLF ends a line."""
    if ends == "cr":
        yield from io.StringIO(text, newline="")
        return
    start = 0
    while start < len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end + 1
        yield text[start:end]
        start = end


def kind_of(fields, columns):
    # The first fault of a record decides, and a field's bytes come before the record's end, where the fields are counted.
    for field in fields:
        raw = field.encode("latin-1")
        nul = raw.find(b"\0")
        try:
            raw.decode("utf-8")
            bad = -1
        except UnicodeDecodeError as error:
            bad = error.start
        if nul >= 0 and (bad < 0 or nul < bad):
            return "nul"
        if bad >= 0:
            return "encoding"
    return "ok" if len(fields) == columns else "count"


def read(path, delimiter, quote, columns, ends):
    with open(path, "rb") as file:
        content = file.read()
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    text = content.decode("latin-1")  # a byte is a character: csv sees every byte and alters none
    # One more record, which an open quote would swallow.
    text += ("" if text.endswith(("\n", "\r")) or not text else "\n") + SENTINEL
    reader = csv.reader(lines_of(text, ends), delimiter=delimiter, quotechar=quote, doublequote=True, strict=False)
    records, before = [], 0
    for fields in reader:
        records.append((before + 1, fields))
        before = reader.line_num
    if records[-1][1] != [SENTINEL]:
        print("file", path, "open")
        return
    print("file", path, "whole")
    header = False
    for line, fields in records[:-1]:
        if not fields and (columns > 1 or not header):
            continue  # an empty line
        fields = fields or [""]
        if not header:
            header = True
            continue
        print(line, kind_of(fields, columns), ",".join(field.encode("latin-1").hex() for field in fields))


for entry in open(sys.argv[1], encoding="ascii"):
    name, a_delimiter, a_quote, count, first_end = entry.split()
    read(name, chr(int(a_delimiter, 16)), chr(int(a_quote, 16)), int(count), first_end)
