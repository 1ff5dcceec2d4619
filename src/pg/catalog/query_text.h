// A model's query as text that can stand inside another statement.
#pragma once

namespace dap {

// The one statement of a text, without what may stand around it (a semicolon, comments behind it); 42601 if it does not
// hold exactly one.
char* statement_text(const char* query);

}  // namespace dap
