// node duckdb.js DATABASE INBOX MEMORY yes|no [RESULTS]: runs duckdb.sql into a new database file, with primary keys or
// without, and prints what each part took as lines "kind name milliseconds". With RESULTS the tables that have keys are
// written there as CSV, in the order of their keys. @duckdb/node-api is looked for below the working directory.
const fs = require("fs");
const path = require("path");
const { createRequire } = require("module");
const { DuckDBInstance } = createRequire(process.cwd() + "/")("@duckdb/node-api");
const [file, inbox, memory, keys, results] = process.argv.slice(2);

// [kind, name, statements] of each part; what comes before the first one has no kind.
const parts = fs
  .readFileSync(path.join(__dirname, "duckdb.sql"), "utf8")
  .split(/^(?=-- (?:read|clean|model|key) \S+$)/m)
  .map((text) => {
    const [, kind, name] = text.match(/^-- (read|clean|model|key) (\S+)$/m) ?? [];
    const statements = text.replace(/^--.*$/gm, "").split(/;\s*$/m);
    return [kind, name, statements.map((s) => s.trim()).filter(Boolean)];
  });
const query = (statement) => statement.replace(/^CREATE TABLE \S+ AS\s/, "");

(async () => {
  const db = await DuckDBInstance.create(file, { threads: "2", memory_limit: memory });
  const c = await db.connect();
  const timed = async (kind, name, statements) => {
    const begin = process.hrtime.bigint();
    for (const statement of statements) await c.run(statement);
    console.log(kind, name, Number(process.hrtime.bigint() - begin) / 1e6);
  };

  await c.run(`SET VARIABLE inbox = '${inbox}'`);
  for (const statement of parts[0][2]) await c.run(statement);
  for (const [kind, name, statements] of parts.slice(1)) {
    if (kind !== "key" || keys === "yes") await timed(kind, name, statements);
  }
  await timed("checkpoint", "all", ["CHECKPOINT"]);

  // The models' queries over the intermediate tables, whose rows go nowhere.
  if (keys === "no") {
    for (const [kind, name, statements] of parts) {
      if (kind !== "model") continue;
      await timed("scan", name, [`SELECT count(*), bit_xor(hash(q)) FROM (${query(statements[0])}) AS q`]);
    }
  }

  // The latest transactions into a typed table: one that is empty; one that is full and changes in one commit.
  const clean = query(parts.find(([kind, name]) => kind === "clean" && name.endsWith("transactions_clean"))[2][0]);
  const key = keys === "yes" ? "PRIMARY KEY" : "NOT NULL";
  const table = `CREATE OR REPLACE TABLE typed (transaction_id BIGINT ${key}, user_id BIGINT NOT NULL,
    amount DECIMAL(18,2) NOT NULL, transaction_at TIMESTAMP NOT NULL)`;
  await c.run(table);
  await c.run("CHECKPOINT");
  await timed("latest", "empty", [`INSERT INTO typed ${clean}`, "CHECKPOINT"]);
  await timed("latest", "occupied", ["BEGIN", table, `INSERT INTO typed ${clean}`, "COMMIT", "CHECKPOINT"]);

  if (!results) return;
  const keyed = /ALTER TABLE (\S+) ADD PRIMARY KEY \((.*)\)/;
  for (const [kind, , statements] of parts) {
    if (kind !== "key") continue;
    const [, name, columns] = statements[0].match(keyed);
    await c.run(`COPY (SELECT * FROM ${name} ORDER BY ${columns}) TO '${results}/${name}.csv' (FORMAT csv, HEADER)`);
  }
})().catch((error) => {
  console.error(error.message);
  process.exit(1);
});
