// Every reason why a file, a record or a value is not taken, once: DAP_REASON(name, code, stage, words, hint).
// `code` is what users see and query: it never changes, and names that are one matter to them share it. In `words` each
// {place} is filled in where the text is made; the words are a part of a sentence and never hold a field's value.
// `hint` is what to do, in full sentences, or empty where the words say it.
//
// To add a reason: a line here, at the end of its stage and beside its code's other lines; return or set Reason::name
// where it is found, with reason_text() where the words have places; write docs/errors.md anew, as the test Reason.Page
// says; and a test that meets it.
//
// Included by reason.h and reason.cpp with DAP_REASON defined: there is deliberately no include guard.

// A file as a whole: its bytes.
DAP_REASON(truncated_gzip, "truncated_gzip", file,
           "the gzip data are cut: they end after {size} bytes, before their end mark", "Have the file sent again.")
DAP_REASON(truncated_zstd, "truncated_zstd", file,
           "the zstd data are cut: they end after {size} bytes, before their end mark", "Have the file sent again.")
DAP_REASON(corrupt_gzip, "corrupt_gzip", file,
           "the gzip data are broken near compressed byte {offset}, or something else follows them",
           "Have the file sent again; gzip -t says whether it is whole.")
DAP_REASON(corrupt_zstd, "corrupt_zstd", file,
           "the zstd data are broken near compressed byte {offset}, or something else follows them",
           "Have the file sent again; zstd -t says whether it is whole.")
DAP_REASON(unsupported_zstd, "unsupported_zstd", file,
           "the zstd data need a dictionary or a window of more than {size} MB; compress them without --ultra, --long "
           "and -D",
           "")
DAP_REASON(changed_while_read, "changed_while_read", file, "the file changed while it was read: {how}",
           "Load it when nobody writes to it any more; let senders rename a finished file into place, or set option "
           "\"settle\".")
// What it is instead of CSV.
DAP_REASON(utf16, "utf16", file, "the file is UTF-16; convert it to UTF-8 first",
           "iconv -f UTF-16 -t UTF-8 converts it.")
DAP_REASON(utf32, "utf32", file, "the file is UTF-32; convert it to UTF-8 first",
           "iconv -f UTF-32 -t UTF-8 converts it.")
DAP_REASON(gzip, "gzip", file,
           "the file is gzip data where text is expected: it was compressed twice, or option \"compression\" says "
           "something else",
           "")
DAP_REASON(zstd, "zstd", file,
           "the file is zstd data where text is expected: it was compressed twice, or option \"compression\" says "
           "something else",
           "")
DAP_REASON(bzip2, "bzip2", file,
           "the file is compressed with bzip2; decompress it first, or compress it with gzip or zstd", "")
DAP_REASON(xz, "xz", file, "the file is compressed with xz; decompress it first, or compress it with gzip or zstd", "")
DAP_REASON(seven_zip, "7z", file, "the file is a 7z archive; unpack it first, or compress the file with gzip or zstd",
           "")
DAP_REASON(zip, "zip", file, "the file is a ZIP archive; unpack it first, or compress the file with gzip or zstd", "")
DAP_REASON(workbook, "xlsx", file,
           "the file is a workbook of Excel or a similar program (a ZIP archive, as .xlsx and .ods are); save its "
           "sheet as CSV",
           "")
DAP_REASON(ole, "xls", file,
           "the file is an old workbook of Excel or a similar program (OLE, as .xls is); save its sheet as CSV", "")
DAP_REASON(pdf, "pdf", file, "the file is a PDF document, not CSV", "Ask whoever sends it for the data as CSV.")
DAP_REASON(html, "html", file,
           "the file is an HTML page, not CSV: perhaps a login page or an error message that came in the file's place",
           "Look at it, and have the file fetched again.")
DAP_REASON(parquet, "parquet", file, "the file is a Parquet file; export it as CSV", "")
DAP_REASON(orc, "orc", file, "the file is an ORC file; export it as CSV", "")
DAP_REASON(avro, "avro", file, "the file is an Avro file; export it as CSV", "")
DAP_REASON(sqlite, "sqlite", file, "the file is an SQLite database; export its table as CSV", "")
// Its header.
DAP_REASON(missing_column, "missing_column", file, "the header lacks {columns}",
           "Option \"aliases\" renames, \"optional\" lists columns that may be missing.")
DAP_REASON(empty_column_name, "empty_column_name", file, "column {number} of the header has no name",
           "Correct the header, or say with option \"header\" that the file has none.")
DAP_REASON(long_column_name, "long_column_name", file,
           "the name of column {number} of the header is longer than {most} bytes",
           "Option \"quote\" or \"delimiter\" may not be the file's; else correct the header.")
DAP_REASON(duplicate_column, "duplicate_column", file, "the header names column {name} twice",
           "Names are compared ignoring case, after option \"aliases\". Correct the header, or rename one by an alias.")
DAP_REASON(reserved_column_name, "reserved_column_name", file, "the header's column {name} has a name that is reserved",
           "Option \"aliases\" renames it.")
DAP_REASON(new_column, "new_column", file, "the header's column {name} is not in the source",
           "Option \"on_new_column\" adds or ignores such columns, \"aliases\" renames them.")
DAP_REASON(header_too_wide, "too_many_columns", file, "the header has {count} columns, a table can have {most}",
           "Option \"delimiter\" may not be the file's; else split the file.")
DAP_REASON(table_too_wide, "too_many_columns", file,
           "with the header's new columns the table would have {count} columns, more than {most}",
           "Option \"on_new_column\" ignores new columns. Dropped columns count, too.")
DAP_REASON(header_field_count, "field_count", file, "it has {count} fields, more than any table can have columns",
           "Option \"delimiter\" may not be the file's; else split the file.")
DAP_REASON(header_too_long, "header_too_long", file, "the header is broken: it is longer than {most} bytes",
           "Option \"quote\" or \"delimiter\" may not be the file's.")
DAP_REASON(header_encoding, "invalid_encoding", file, "the name of column {number} is not valid in encoding {encoding}",
           "Give the file's encoding with option \"encoding\".")
// Its records, and the table that they go to.
DAP_REASON(unclosed_quote, "unterminated_quote", file, "the quote that opens in line {line} is never closed",
           "The file may have been cut: have it sent again. Else correct the quote there, or try option \"lenient\", "
           "\"quote\" or \"escape\".")
DAP_REASON(too_many_rejects, "too_many_rejects", file, "more than {most} records rejected; the first: {reason}",
           "Correct the file, or the source's options, or raise option \"max_rejects\".")
DAP_REASON(no_good_record, "no_good_record", file, "none of {count} records is good; the first: {reason}",
           "The source's options may not be the file's: dap.sniff_csv says what it looks like.")
DAP_REASON(too_high_share, "too_high_share", file,
           "{rejects} of {count} records rejected, more than {most} percent; the first: {reason}",
           "Correct the file, or the source's options, or raise option \"max_reject_percent\".")
DAP_REASON(refused_record, "refused_record", file, "{constraint} refused a record (SQLSTATE {sqlstate})",
           "Correct the file or the table's constraint, trigger or rule.")
DAP_REASON(left_out_record, "left_out_record", file,
           "a trigger or rule of the table left out {count} records without an error",
           "A source's table has to keep every record; let a clean model leave rows out.")
DAP_REASON(failed_before, "failed_before", file, "failed before",
           "Bytes that failed are read again under another definition, or by dap.retry_rejects.")
DAP_REASON(failed_before_as, "failed_before", file, "{reason}; the same bytes as {file}",
           "Bytes that failed are read again under another definition, or by dap.retry_rejects.")

// Nothing is wrong with the file, but none of it is loaded.
DAP_REASON(empty_file, "empty_file", skip, "the file is empty",
           "It counts as loaded, without rows, and is new as soon as it has bytes.")
DAP_REASON(not_settled, "not_settled", skip, "changed too recently, left for the next run (option settle)",
           "Load it again when it has been at rest for as long as option \"settle\" says.")
DAP_REASON(already_loaded, "already_loaded", skip, "already loaded",
           "Option \"again\" of dap.ingest_csv loads the same bytes once more.")
DAP_REASON(already_loaded_as, "already_loaded", skip, "already loaded as {file}",
           "The bytes are those of another file. Option \"again\" of dap.ingest_csv loads them once more.")
DAP_REASON(archived, "already_loaded", skip, "already loaded as {file}, archived since", "")
DAP_REASON(unloaded, "unloaded", skip, "unloaded as {file}",
           "Option \"again\" of dap.ingest_csv loads it all the same.")
DAP_REASON(dismissed, "dismissed", skip, "dismissed", "Option \"again\" of dap.ingest_csv loads it all the same.")
DAP_REASON(dismissed_as, "dismissed", skip, "dismissed as {file}",
           "Option \"again\" of dap.ingest_csv loads it all the same.")

// A record of a file.
DAP_REASON(field_count, "field_count", ingest, "the record has {count} fields instead of {columns}",
           "Look for a delimiter that should be quoted, or a line end within a field that is not.")
DAP_REASON(invalid_utf8, "invalid_encoding", ingest, "the bytes are not valid UTF-8",
           "Give the file's encoding with option \"encoding\".")
DAP_REASON(invalid_encoding, "invalid_encoding", ingest, "the bytes are not valid {encoding}",
           "Give the file's encoding with option \"encoding\".")
DAP_REASON(untranslatable_character, "untranslatable_character", ingest,
           "a character has no equivalent in the database's encoding {encoding}", "Use a database with encoding UTF8.")
DAP_REASON(nul_byte, "nul_byte", ingest, "the record holds a NUL byte",
           "No text of PostgreSQL holds one: have the file written without.")
DAP_REASON(quote_in_field, "quote_in_field", ingest, "a quote stands inside an unquoted field",
           "Option \"lenient\" takes it as data; option \"quote\" may not be the file's.")
DAP_REASON(text_after_quote, "text_after_quote", ingest, "text follows a closing quote",
           "Option \"lenient\" takes the quote as data; option \"escape\" may not be the file's.")
DAP_REASON(unterminated_quote, "unterminated_quote", ingest,
           "a quote opens a field and is not closed where the record ends", "Correct the record.")
DAP_REASON(bare_cr, "bare_cr", ingest,
           "a carriage return stands outside quotes, in a file whose lines do not end with it",
           "Have fields that hold one quoted, or the file's lines ended alike.")
DAP_REASON(field_too_long, "field_too_long", ingest, "a field is longer than dap.max_field_bytes ({most} bytes)",
           "A quote may not be closed where it should be; else raise the setting.")
DAP_REASON(converted_field_too_long, "field_too_long", ingest,
           "in the database's encoding a field is longer than dap.max_field_bytes ({most} bytes)",
           "Raise the setting, or use a database with the file's encoding.")
DAP_REASON(record_too_long, "record_too_long", ingest, "the record is longer than dap.max_record_bytes ({most} bytes)",
           "A quote may not be closed where it should be; else raise the setting.")
DAP_REASON(converted_record_too_long, "record_too_long", ingest,
           "in the database's encoding the record is longer than dap.max_record_bytes ({most} bytes)",
           "Raise the setting, or use a database with the file's encoding.")
DAP_REASON(
    row_too_big, "row_too_big", ingest, "no page can hold the row",
    "It has too many columns with values: give option \"null\" the text that stands for none, or split the file.")

// A value of a column of a clean model.
DAP_REASON(required, "required", clean, "a value is required",
           "Correct the value, or say in the column's rule that it is not required; a column of the key always is.")
DAP_REASON(invalid_number, "invalid_number", clean,
           "the text is not a number written as digits, a decimal point and an exponent",
           "Correct the value, or map it in the column's rule (\"map\").")
DAP_REASON(
    number_not_in_style, "invalid_number", clean,
    "the text is not a number written as the column's rule says, or could be two",
    "Correct the value, or the rule: \"decimal\", \"thousands\", \"affix\", \"negative\" and \"percent\" say how "
    "numbers are written.")
DAP_REASON(unexpected_exponent, "invalid_number", clean,
           "the number has an exponent, which is taken only where the column's rule says \"exponent\": true", "")
DAP_REASON(out_of_range, "out_of_range", clean, "the number is outside the range of the column's type",
           "Correct the value, or give the column a wider type.")
DAP_REASON(would_be_rounded, "would_be_rounded", clean, "the column's type could hold the number only rounded",
           "Correct the value, or give the column a type with more decimals.")
DAP_REASON(time_would_be_rounded, "would_be_rounded", clean,
           "the text has more than six decimals of a second, and those beyond are not all zero",
           "Have times sent with six decimals, or keep the column as text.")
DAP_REASON(before_min, "before_min", clean, "the value is below the column's minimum",
           "Correct the value, or \"min\" in the column's rule.")
DAP_REASON(date_before_min, "before_min", clean, "the date lies before the column's minimum",
           "Correct the value, or \"min\" in the column's rule; types of time have a minimum by themselves.")
DAP_REASON(after_max, "after_max", clean, "the value is above the column's maximum",
           "Correct the value, or \"max\" in the column's rule.")
DAP_REASON(date_after_max, "after_max", clean, "the date lies after the column's maximum",
           "Correct the value, or \"max\" in the column's rule; types of time have a maximum by themselves.")
DAP_REASON(invalid_boolean, "invalid_boolean", clean,
           "the text is none of true, false, yes, no, on, off, 1, 0 or a beginning of them",
           "Correct the value, or map it in the column's rule (\"map\").")
DAP_REASON(invalid_uuid, "invalid_uuid", clean, "the text is not a UUID", "Correct the value.")
DAP_REASON(invalid_date, "invalid_date", clean, "the text is not a date written YYYY-MM-DD",
           "Correct the value, or give the column's rule its format (\"format\").")
DAP_REASON(date_not_in_format, "invalid_date", clean, "the text is not a date in the column's format",
           "Correct the value, or \"format\" in the column's rule, which may be a list.")
DAP_REASON(no_such_day, "invalid_date", clean, "the calendar has no such day", "Correct the value.")
DAP_REASON(invalid_timestamp, "invalid_timestamp", clean, "the text is not a timestamp written YYYY-MM-DD HH:MI:SS",
           "Correct the value, or give the column's rule its format (\"format\").")
DAP_REASON(timestamp_not_in_format, "invalid_timestamp", clean, "the text is not a timestamp in the column's format",
           "Correct the value, or \"format\" in the column's rule, which may be a list.")
DAP_REASON(no_such_time, "invalid_timestamp", clean, "there is no such day, time of day or offset",
           "Correct the value.")
DAP_REASON(unexpected_time, "unexpected_time", clean, "the text has a time of day where the column takes a date",
           "Correct the value, or give the column type timestamp.")
DAP_REASON(unexpected_offset, "unexpected_offset", clean,
           "the text has an offset from UTC, and the column has no zone whose local time it could become",
           "Give the column type timestamptz, or its rule a \"zone\".")
DAP_REASON(missing_zone, "missing_zone", clean, "the text has no offset from UTC, and the column has no zone",
           "Give the column's rule a \"zone\".")
DAP_REASON(nonexistent_local_time, "nonexistent_local_time", clean, "clocks in the column's zone skip this local time",
           "Correct the value; \"zone\" in the column's rule may be another one than the sender's.")
