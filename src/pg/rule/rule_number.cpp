// How a column's numbers are written: the characters and texts of a definition, held against each other so that no
// text of digits and declared marks is two numbers.
#include <cstring>

#include "pg/rule/rule.h"

namespace dap {

namespace {

constexpr pg_wchar minus_sign = 0x2212;
constexpr pg_wchar no_break_space = 0x00A0;
constexpr pg_wchar narrow_no_break_space = 0x202F;

std::string_view view_of(const char* text) { return {text, strlen(text)}; }

// A character in the database's encoding, or nothing where that has none.
std::string_view database_character(pg_wchar character) {
  constexpr int room = 8 * MAX_MULTIBYTE_CHAR_LEN;  // a conversion wants some to spare
  unsigned char utf8[MAX_MULTIBYTE_CHAR_LEN + 1] = {};
  unicode_to_utf8(character, utf8);
  const int length = pg_utf_mblen(utf8);
  const int encoding = GetDatabaseEncoding();
  auto* result = static_cast<unsigned char*>(palloc0(room));
  if (encoding == PG_UTF8) {
    memcpy(result, utf8, static_cast<Size>(length));
  } else {
    const Oid conversion = encoding == PG_SQL_ASCII ? InvalidOid : FindDefaultConversionProc(PG_UTF8, encoding);
    if (!OidIsValid(conversion) ||
        pg_do_encoding_conversion_buf(conversion, PG_UTF8, encoding, utf8, length, result, room, true) != length)
      return {};
  }
  return view_of(reinterpret_cast<const char*>(result));
}

struct StyleContext {
  const ColumnRule* rule;
  convert::NumberStyle* style;
  std::string_view minus;  // U+2212
};

bool is_style_blank(const StyleContext& context, std::string_view character) {
  return (character.size() == 1 && convert::is_blank(character[0])) || character == context.style->blanks[0] ||
         character == context.style->blanks[1];
}

// What the parts of every number are made of.
bool is_number_mark(const StyleContext& context, std::string_view character) {
  return character == "+" || character == "-" || character == "(" || character == ")" || character == "%" ||
         (character.size() == 1 && convert::is_digit(character[0])) || character == context.minus;
}

bool is_letter(std::string_view character) {
  const char lower = convert::lower_ascii(character[0]);
  return lower >= 'a' && lower <= 'z';
}

bool is_control(std::string_view character) {
  return static_cast<unsigned char>(character[0]) < ' ' || character[0] == 0x7f;
}

[[noreturn]] void bad_separator(const ColumnRule* rule, const char* key, const char* given, const char* expected,
                                const char* hint) {
  ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                  errmsg("\"%s\" of column \"%s\" cannot be \"%s\"", key, rule->name, given),
                  errdetail("It must be one character that is %s.", expected), errhint("%s", hint)));
}

void compile_decimal(const StyleContext& context, const char* given) {
  if (given == nullptr) return;
  const std::string_view decimal = view_of(given);
  if (pg_mbstrlen(given) != 1 || is_style_blank(context, decimal) || is_number_mark(context, decimal) ||
      is_letter(decimal) || is_control(decimal))
    bad_separator(context.rule, "decimal", given, "no digit, letter, blank, sign, parenthesis or %",
                  "Most files have a comma or a point.");
  context.style->decimal = decimal;
}

void compile_thousands(const StyleContext& context, const ColumnDefinition& definition) {
  if (definition.thousands_count == 0) return;
  auto* thousands =
      static_cast<std::string_view*>(palloc(sizeof(std::string_view) * static_cast<Size>(definition.thousands_count)));
  for (int i = 0; i < definition.thousands_count; ++i) {
    const char* given = definition.thousands[i];
    const std::string_view separator = view_of(given);
    if (pg_mbstrlen(given) != 1 || is_number_mark(context, separator) || is_letter(separator) || is_control(separator))
      bad_separator(context.rule, "thousands", given, "no digit, letter, sign, parenthesis or %",
                    "Where files separate groups in several ways, give an array of characters.");
    if (separator == context.style->decimal)
      ereport(
          ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
           errmsg("\"thousands\" and \"decimal\" of column \"%s\" are both \"%s\"", context.rule->name, given),
           errdetail("A text such as 1%s500 would be two numbers.", given),
           definition.decimal != nullptr ? errhint("Leave out of \"thousands\" what separates decimals.")
                                         : errhint("Say \"decimal\" too: without it, decimals stand behind a point.")));
    thousands[i] = separator;
  }
  context.style->thousands = thousands;
  context.style->thousands_count = definition.thousands_count;
}

// Why a text cannot stand beside numbers; NULL if it can.
const char* affix_fault(const StyleContext& context, const char* text) {
  if (*text == '\0') return "It is empty.";
  bool is_distinct = false;  // something in it is no part of numbers
  const char* last = text;
  for (const char* at = text; *at != '\0'; at += pg_mblen(at)) {
    const std::string_view character(at, static_cast<Size>(pg_mblen(at)));
    // Where % is no sign of percent, it may be a text as any other.
    const bool is_text = character == "%" && !context.style->percent;
    if (!is_text && is_number_mark(context, character))
      return "It has a digit, a sign, a parenthesis or %, which are parts of numbers.";
    if (at == text && is_style_blank(context, character)) return "It begins with a blank: those around are skipped.";
    bool is_part = is_style_blank(context, character) || character == "." || character == "," || character == "'" ||
                   character == context.style->decimal;
    for (int i = 0; i < context.style->thousands_count; ++i) is_part |= character == context.style->thousands[i];
    is_distinct |= !is_part;
    last = at;
  }
  if (is_style_blank(context, view_of(last))) return "It ends with a blank: those around are skipped.";
  return is_distinct ? nullptr : "It has nothing but separators of numbers.";
}

void compile_affixes(const StyleContext& context, const ColumnDefinition& definition) {
  if (definition.affix_count == 0) return;
  const int count = definition.affix_count;
  auto* affixes = static_cast<convert::Affix*>(palloc(sizeof(convert::Affix) * static_cast<Size>(count)));
  for (int i = 0; i < count; ++i) {
    const DefinedAffix& given = definition.affixes[i];
    const char* fault = affix_fault(context, given.text);
    for (int j = 0; j < i; ++j)
      if (strcmp(definition.affixes[j].text, given.text) == 0)
        fault = definition.affixes[j].sign == given.sign ? "It is given twice."
                                                         : "It is given twice, with another meaning for the sign.";
    if (fault != nullptr)
      ereport(
          ERROR,
          (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
           errmsg("\"affix\" of column \"%s\" cannot have \"%s\"", context.rule->name, given.text),
           errdetail("%s", fault),
           errhint("Texts beside numbers are such as € or EUR; {\"plus\": \"CR\", \"minus\": \"DR\"} are those that "
                   "say the sign.")));
    affixes[i] = {view_of(given.text), given.sign == '+'   ? convert::AffixMeaning::plus
                                       : given.sign == '-' ? convert::AffixMeaning::minus
                                                           : convert::AffixMeaning::none};
  }
  context.style->affixes = affixes;
  context.style->affix_count = count;
}

void compile_negative(const StyleContext& context, const ColumnDefinition& definition) {
  if (definition.negative_count == 0) return;
  convert::NumberStyle* style = context.style;
  style->sign = false;
  for (int i = 0; i < definition.negative_count; ++i) {
    const char* form = definition.negative[i];
    if (strcmp(form, "sign") == 0) style->sign = true;
    else if (strcmp(form, "trailing") == 0) style->trailing = true;
    else if (strcmp(form, "parentheses") == 0) style->parentheses = true;
    else if (strcmp(form, "unicode") != 0)
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("\"negative\" of column \"%s\" has an unknown value \"%s\"", context.rule->name, form),
                      errhint("Values are sign, parentheses, trailing and unicode, one or an array.")));
    else if (context.minus.empty())
      ereport(ERROR, (errcode(ERRCODE_INVALID_PARAMETER_VALUE),
                      errmsg("\"negative\" of column \"%s\" cannot be \"unicode\"", context.rule->name),
                      errdetail("The database's encoding %s has no character U+2212.", GetDatabaseEncodingName()),
                      errhint("No text of this database can hold one: leave \"unicode\" out.")));
    else style->other_minus = context.minus;
  }
}

}  // namespace

void compile_number_style(ColumnRule* rule, const ColumnDefinition& definition) {
  if (definition.decimal == nullptr && definition.thousands_count == 0 && definition.affix_count == 0 &&
      definition.negative_count == 0 && !definition.percent)
    return;
  auto* style = static_cast<convert::NumberStyle*>(palloc(sizeof(convert::NumberStyle)));
  *style = convert::NumberStyle{};
  style->percent = definition.percent;
  style->blanks[0] = database_character(no_break_space);
  style->blanks[1] = database_character(narrow_no_break_space);
  const StyleContext context = {rule, style, database_character(minus_sign)};
  compile_decimal(context, definition.decimal);
  compile_thousands(context, definition);
  compile_affixes(context, definition);
  compile_negative(context, definition);
  rule->style = style;
}

}  // namespace dap
