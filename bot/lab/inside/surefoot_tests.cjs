// A reporter for Node's own test runner: one line of JSON per test, with the file that it stands in, which the built-in
// reports leave out.
"use strict";

const fs = require("node:fs");

const MOST = 2000;
const ENDINGS = { "test:pass": true, "test:fail": true };

function cameOut(passed, { skip, todo }) {
  if (skip !== undefined || todo !== undefined) return "skipped";
  return passed ? "passed" : "failed";
}

function words(error) {
  const cause = (error && error.cause) || error;
  return String((cause && (cause.message || cause)) || "").slice(0, MOST);
}

module.exports = async function* report(source) {
  const file = `${process.env.SUREFOOT_PARTS || "/tmp"}/${Date.now()}-${process.pid}.node`;
  const names = [];
  for await (const { type, data } of source) {
    if (type === "test:start") {
      names.length = data.nesting;
      names[data.nesting] = data.name;
    }
    if (!ENDINGS[type] || data.details.type === "suite") continue;
    const above = names.slice(0, data.nesting);
    const told = {
      file: data.file || "",
      line: data.line || 0,
      names: [...above, data.name],
      came: cameOut(type === "test:pass", data),
      message: type === "test:fail" ? words(data.details.error) : "",
      seconds: (data.details.duration_ms || 0) / 1000,
    };
    fs.appendFileSync(file, `${JSON.stringify(told)}\n`);
    yield "";
  }
};
