// Loaded into every Node process of a test run: lets jest, mocha and vitest report test by test, however they are called,
// and run again only what SUREFOOT_ONLY names. Of every process it is told which lines earn a deprecation warning.
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

// Which line of the tree a deprecation warning leads to, and which package raised it, where the stack names one.
function lineOf(stack, root) {
  let raised = "";
  for (const frame of stack.split("\n").slice(1)) {
    const place = /\(?(?:file:\/\/)?(\/[^()]*|node:[^()]*?):(\d+):\d+\)?$/.exec(frame);
    if (!place) continue;
    const own = place[1].startsWith(root) && !place[1].includes("/node_modules/");
    if (own) return [place[1].slice(root.length), Number(place[2]), raised];
    const names = place[1].split("/node_modules/");
    if (!raised) raised = names.length > 1 ? /^(?:@[^/]+\/)?[^/]+/.exec(names.pop())[0] : "";
  }
  return null;
}

// To hear it changes nothing: Node says it all the same.
function listen() {
  const [root, file] = [`${process.env.SUREFOOT_WORK}/`, `${parts}/${Date.now()}-${process.pid}.warned`];
  let left = 200;
  process.on("warning", (warning) => {
    try {
      const found = warning.name === "DeprecationWarning" && left > 0 ? lineOf(String(warning.stack), root) : null;
      if (!found) return;
      left -= 1;
      const [place, line, raised] = found;
      const words = String(warning.message).slice(0, 300);
      fs.appendFileSync(file, `${JSON.stringify([place, line, warning.name, words, raised])}\n`);
    } catch {
      // A warning that cannot be read is none.
    }
  });
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

if (parts) listen();
if (parts && isMainThread) main();
