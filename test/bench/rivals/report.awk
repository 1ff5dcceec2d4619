# Prints the table of test/bench/pipeline from lines "round side kind name milliseconds". A row's figures are added up by
# round, then the median of the rounds is taken.
function add(row, side) { sum[row, side, $1] += $5; known[row, side] = 1 }
function median(row, side, n, i, j, t, v) {
  if (!((row, side) in known)) return -1
  for (i = 1; i <= rounds; i++) v[i] = sum[row, side, i]
  for (i = 2; i <= rounds; i++) for (j = i; j > 1 && v[j] < v[j - 1]; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
  return rounds % 2 ? v[(rounds + 1) / 2] : (v[rounds / 2] + v[rounds / 2 + 1]) / 2
}
function number(value) { return value < 0 ? sprintf("%9s", "-") : sprintf("%9.0f", value) }
function ratio(a, b) { return a < 0 || b <= 0 ? sprintf("%8s", "-") : sprintf("%8.3f", a / b) }
function show(row, label, s, v, line) {
  for (s = 1; s <= 5; s++) v[s] = median(row, sides[s])
  line = sprintf("%-36s", label ? label : row)
  for (s = 1; s <= 5; s++) line = line number(v[s])
  for (s = 3; s <= 5; s++) line = line ratio(v[1], v[s])
  for (s = 3; s <= 5; s++) line = line ratio(v[2], v[s])
  print line
}
BEGIN {
  split("dap again plain duckdb duckdb_keys", sides, " ")
  csv = "CSV to analytics"; staging = "staging to analytics"; fresh = "refresh_all on a new database"
  checkpoint = "  with CHECKPOINT"; empty = "latest transactions, empty table"; occupied = "the same, occupied table"
  outside = "outside of the steps"; queries = "models' queries, nothing written"; again = "refresh_all, nothing new"
}
$3 == "read" { add("read " $4, $2); add(csv, $2) }
$3 ~ /^(step|clean|model|key|statistics)$/ {
  if (!($4 in seen) && $4 ~ /\./) { seen[$4] = 1; order[++tables] = $4 }
  if ($4 ~ /\./) add($4, $2)
  if ($3 == "key") add("  keys in these", $2)
  if ($3 == "statistics") add($4 == "staging" ? "ANALYZE of staging" : "  ANALYZE in these", $2)
  # Rivals have no statement for all of it; what dap's takes beyond its steps is a line of its own.
  if ($3 == "step") { $5 = -$5; add(outside, $2); $5 = -$5 } else { add(staging, $2); add(csv, $2) }
}
$3 == "refresh" { add(staging, $2); add(outside, $2); if ($2 == "dap") add(csv, $2) }
$3 == "scan" { add(queries, $2) }
$3 == "latest" { add($4 == "empty" ? empty : occupied, $2) }
# Of dap it is the step, of plain SQL the table and its key.
$4 == "intermediate.transactions_clean" && $3 ~ /^(step|clean|key)$/ {
  if ($2 == "dap" || $2 == "plain") add(empty, $2)
  if ($2 == "again" || $2 == "plain") add(occupied, $2)
}
$3 == "new" { add(fresh, $2); add(fresh checkpoint, $2) }
$3 == "nothing" { add(again, $2) }
$3 == "checkpoint" && $4 == "new" { add(fresh checkpoint, $2) }
$3 == "checkpoint" && $4 == "all" { add("CHECKPOINT", $2) }
function total(row, part, to, s, r) {
  for (s = 1; s <= 5; s++) {
    if (!((row, sides[s]) in known)) continue
    known[to, sides[s]] = 1
    for (r = 1; r <= rounds; r++) sum[to, sides[s], r] = sum[row, sides[s], r] + sum[part, sides[s], r]
  }
}
# The rivals' way from the files is the only one they have.
function rivals(row, to, s, r) {
  for (s = 3; s <= 5; s++) {
    if (!((row, sides[s]) in known)) continue
    known[to, sides[s]] = 1
    for (r = 1; r <= rounds; r++) sum[to, sides[s], r] = sum[row, sides[s], r]
  }
}
END {
  total(staging, "CHECKPOINT", staging checkpoint)
  total(csv, "CHECKPOINT", csv checkpoint)
  rivals(csv, fresh)
  rivals(csv checkpoint, fresh checkpoint)
  printf "%36s%9s%9s%9s%9s%9s%24s%24s\n", "", "dap", "dap", "plain", "DuckDB", "DuckDB", "dap, empty tables, of", \
    "dap, full tables, of"
  printf "%36s%9s%9s%9s%9s%9s", "", "empty", "full", "SQL", "no keys", "keys"
  for (i = 1; i <= 2; i++) printf "%8s%8s%8s", "plain", "DuckDB", "keys"
  print ""
  show("read users"); show("read onboarding"); show("read transactions"); show("ANALYZE of staging")
  for (i = 1; i <= tables; i++) show(order[i])
  show("  keys in these"); show("  ANALYZE in these"); show(outside); show("CHECKPOINT")
  print ""
  show(staging); show(staging checkpoint, checkpoint); show(csv); show(csv checkpoint, checkpoint); show(fresh); 
  show(fresh checkpoint, checkpoint)
  show(again)
  print ""
  show(queries); show(empty); show(occupied)
}
