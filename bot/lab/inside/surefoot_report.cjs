// Loaded into every Node process of a test run: lets jest, mocha and vitest report test by test, however they are called,
// and run again only what SUREFOOT_ONLY names. Every other process is left alone.
"use strict";

const fs = require("node:fs");
const { isMainThread } = require("node:worker_threads");

const parts = process.env.SUREFOOT_PARTS;

// Names of tests as the runners match them: their parts with a space between, or with the sign that some put there.
function pattern(tests) {
  const plain = tests.map((test) => test.slice(test.indexOf("::") + 2).split(/ > |::/));
  const escaped = plain.map((names) => names.map((name) => name.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&")));
  return escaped.map((names) => names.join(" (?:> )?").replaceAll("0x…", "0x[0-9a-fA-F]+")).join("|");
}

function only() {
  const tests = JSON.parse(process.env.SUREFOOT_ONLY || "[]");
  // One that stands for a whole file has no name to be found by.
  return tests.length && tests.every((test) => test.includes("::")) ? pattern(tests) : "";
}

// Without these options and what they are given.
function without(words, names) {
  const kept = [];
  for (let place = 0; place < words.length; place += 1) {
    const [name, value] = [words[place].split("=", 1)[0], words[place].includes("=")];
    if (!names.includes(name)) kept.push(words[place]);
    else if (!value && place + 1 < words.length && !words[place + 1].startsWith("-")) place += 1;
  }
  return kept;
}

const jest = {
  kind: "jest",
  add: (file) => ["--json", `--outputFile=${file}`, "--testLocationInResults"],
  named: (found) => [`--testNamePattern=${found}`],
  own: ["--outputFile"],
  ownNames: ["-t", "--testNamePattern"],
};
const mocha = {
  kind: "mocha",
  add: (file) => ["--reporter=xunit", `--reporter-option=output=${file}`],
  named: (found) => [`--grep=${found}`],
  own: ["--reporter", "-R", "--reporter-option", "--reporter-options", "-O"],
  ownNames: ["-g", "--grep", "-f", "--fgrep"],
};
const vitest = {
  kind: "vitest",
  add: (file) => ["--reporter=default", "--reporter=junit", `--outputFile.junit=${file}`],
  named: (found) => [`--testNamePattern=${found}`],
  own: ["--reporter", "--outputFile"],
  ownNames: ["-t", "--testNamePattern"],
};
const RUNNERS = [
  [/\/node_modules\/jest(-cli)?\/bin\/jest\.js$/, jest],
  [/\/node_modules\/react-scripts\/scripts\/test\.js$/, jest],
  [/\/node_modules\/mocha\/bin\/_?mocha(\.js)?$/, mocha],
  [/\/node_modules\/vitest\/vitest\.mjs$/, vitest],
];
const OTHER_WORK = ["bench", "list", "init", "--version", "-v", "--help", "-h", "--init", "--showConfig", "--listTests"];

function tell(runner) {
  const own = process.argv.slice(2);
  if (own.some((word) => word.includes(parts) || OTHER_WORK.includes(word))) return;
  const found = only();
  const file = `${parts}/${Date.now()}-${process.pid}.${runner.kind}`;
  const kept = without(own, found ? [...runner.own, ...runner.ownNames] : runner.own);
  process.argv.splice(2, own.length, ...runner.add(file), ...(found ? runner.named(found) : []), ...kept);
}

function main() {
  let script = process.argv[1] || "";
  try {
    script = fs.realpathSync(script);
  } catch {
    return; // a runner is a file
  }
  const found = RUNNERS.find(([place]) => place.test(script));
  if (found) tell(found[1]);
}

if (parts && isMainThread) main();
