"""Reads CSV files and says what it finds: the oracle of 086_independent_reader.pl, sharing no code with the extension. Files whose quotes are all in their
places are read by Python's csv module as well, and the two have to agree.

Arguments: a manifest, one file a line: path, delimiter (hexadecimal), quote (hexadecimal), number of columns, "lf" or "cr" (what ends the first record).
Prints, for each file, "file PATH STRICT LENIENT", where either is open if a quote is never closed (the file fails), else whole; then for each record
but the header that is not an empty line "DIALECT LINE KIND FIELDS": KIND is ok, count (another number of fields than the header has), nul, encoding (a field
that is no UTF-8), cr (a CR that ends nothing, outside quotes), quote (quotes out of place); FIELDS are hexadecimal, comma-separated.
"""
import csv
import io
import sys

csv.field_size_limit(sys.maxsize)


class Dialect:
    def __init__(self, delimiter, quote, columns, ends, lenient):
        self.delimiter, self.quote, self.columns, self.ends, self.lenient = delimiter, quote, columns, ends, lenient

    def line_end(self, text):
        """The line end that `text` begins with."""
        for end in ("\r\n", "\n") + (("\r",) if self.ends == "cr" else ()):
            if text.startswith(end):
                return end
        return ""

    def first_line(self, text):
        """The length of its first line, line end included."""
        for at in range(len(text)):
            end = self.line_end(text[at:])
            if end:
                return at + len(end)
        return len(text)

    def ends_field(self, text):
        return not text or text[0] == self.delimiter or bool(self.line_end(text))


class Record:
    def __init__(self, text, dialect, alone=False):
        """The first record of `text`. alone: `text` is a line, in which a field that its quotes do not end may stand as it is."""
        self.fields, self.broken, self.open, self.cr, self.lines = [], None, False, None, []
        rest = text
        while True:
            value, start = "", rest
            if start.startswith(dialect.quote):
                self.text_in = False  # is there a quote in this field that would end it, but for the text after it?
                value, rest = self.quoted(start[1:], dialect, text)
            if self.open and alone and self.text_in:
                self.open, value, rest = False, "", start
            if self.open:
                break
            outside = 0
            while not dialect.ends_field(rest[outside:]):
                if rest[outside] == "\r":
                    self.cr = True
                if rest[outside] == dialect.quote and not dialect.lenient:
                    self.broken = self.broken or len(text) - len(rest) + outside
                outside += 1
            self.fields.append(value + rest[:outside])
            rest = rest[outside:]
            if not rest.startswith(dialect.delimiter):
                break
            rest = rest[1:]
        self.size = len(text) - len(rest) + len(dialect.line_end(rest))

    def quoted(self, rest, dialect, text):
        """The value behind an opening quote, and what follows its closing one."""
        value, unescaped, quote, first = "", False, dialect.quote, True
        while rest:
            where = len(text) - len(rest)
            if rest.startswith(quote * 2) and not (unescaped and dialect.ends_field(rest[2:])):
                value, rest = value + quote, rest[2:]
            elif rest[0] == quote and dialect.ends_field(rest[1:]):
                return value, rest[1:]
            elif rest[0] == quote:
                self.broken = self.broken or where + 1
                if not dialect.lenient:
                    return value, rest[1:]
                unescaped = True
                self.text_in = self.text_in or first
                value, rest = value + quote, rest[1:]
            else:
                first = first and rest[0] not in (dialect.delimiter, "\r")
                end = dialect.line_end(rest)
                taken = len(end) or 1
                value, rest = value + rest[:taken], rest[taken:]
                if end:
                    self.lines.append(len(text) - len(rest))
        self.open = True
        return value, rest


def stands_whole(line, dialect):
    if dialect.line_end(line):
        return False  # it is empty
    record = Record(line, dialect)
    return record.size == len(line) and not record.open and len(record.fields) == dialect.columns and (dialect.lenient or not record.broken)


def as_it_stands(line, dialect):
    """The record that a line is whose quotes do not end, if fields are taken as they stand: None if it is none of the right width."""
    if not dialect.lenient or dialect.line_end(line) or not Record(line, dialect).open:
        return None
    record = Record(line, dialect, alone=True)
    return None if record.open or record.size != len(line) or len(record.fields) != dialect.columns else record


def resumes(text, record, dialect):
    """Where a record that has quotes out of place, or if lenient a wrong width, ends since a line behind it stands whole; None: nowhere."""
    # One whose last quote is never closed has a field more than it has ended
    wrong_width = len(record.fields) >= dialect.columns if record.open else len(record.fields) != dialect.columns
    if not record.broken and not (dialect.lenient and wrong_width):
        return None
    for number, at in enumerate(record.lines):
        line = text[at : at + dialect.first_line(text[at:])] if at < len(text) else "\n"
        if stands_whole(line, dialect) or (number == 0 and as_it_stands(text[:at], dialect) and as_it_stands(line, dialect)):
            return at
    return None


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


def records_of(text, dialect):
    """(line, kind, fields) of each; None if a quote is never closed."""
    found, line, header = [], 1, False
    while text:
        record = Record(text, dialect)
        size = resumes(text, record, dialect) if header else None
        kind, stands = "quote", None
        if header and (size is not None or record.open and dialect.lenient and record.broken):
            line_size = dialect.first_line(text)
            stands = as_it_stands(text, dialect) if size is None and line_size == len(text) else as_it_stands(text[:size], dialect) if size == line_size else None
        if stands and not stands.cr and kind_of(stands.fields, dialect.columns) == "ok":
            kind, record, size = "ok", stands, len(text) if size is None else size
        elif size is None:
            size = record.size
            if record.open and not (dialect.lenient and record.broken):
                return None
            if not record.open and (dialect.lenient or not record.broken):
                kind = "cr" if record.cr else kind_of(record.fields, dialect.columns)
                if header and kind == "ok" and record.lines and as_it_stands(text[: record.lines[0]], dialect):
                    kind = "quote"  # it may have swallowed others
        empty = bool(dialect.line_end(text)) and (dialect.columns > 1 or not header)
        if not empty and header:
            found.append((line, kind, record.fields))
        header = header or not empty
        at = 0
        while at < size:
            at += dialect.first_line(text[at:])
            line += 1
        text = text[size:]
    return found


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


def records_of_csv(text, dialect):
    reader = csv.reader(lines_of(text, dialect.ends), delimiter=dialect.delimiter, quotechar=dialect.quote, doublequote=True, strict=False)
    found, before, header = [], 0, False
    for fields in reader:
        line, before = before + 1, reader.line_num
        if not fields and (dialect.columns > 1 or not header):
            continue  # an empty line
        if header:
            found.append((line, kind_of(fields or [""], dialect.columns), fields or [""]))
        header = True
    return found


def read(path, delimiter, quote, columns, ends):
    with open(path, "rb") as file:
        content = file.read()
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
    text = content.decode("latin-1")  # a byte is a character: csv sees every byte and alters none
    strict, lenient = (records_of(text, Dialect(delimiter, quote, columns, ends, lenient)) for lenient in (False, True))
    if strict is not None and all(kind not in ("quote", "cr") for _, kind, _ in strict):
        known = records_of_csv(text, Dialect(delimiter, quote, columns, ends, False))
        assert strict == known and (lenient == known or any(len(fields) != columns for _, _, fields in known)), path
    print("file", path, *("open" if found is None else "whole" for found in (strict, lenient)))
    for name, found in (("strict", strict), ("lenient", lenient)):
        for line, kind, fields in found or []:
            print(name, line, kind, ",".join(field.encode("latin-1").hex() for field in fields))


for entry in open(sys.argv[1], encoding="ascii"):
    name, a_delimiter, a_quote, count, first_end = entry.split()
    read(name, chr(int(a_delimiter, 16)), chr(int(a_quote, 16)), int(count), first_end)
