// Runs in the jail: lays out node_modules where the tree expects them, runs one command, and gathers what the test
// runners in it reported. Node's own library only.
//
// Each package is a link to its read-only place, in a folder that is the tree's own to write in: tools keep caches there.
"use strict";

const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { spawnSync } = require("node:child_process");

const work = process.cwd();
const modules = process.env.SUREFOOT_MODULES;
const results = process.env.SUREFOOT_RESULTS;
const parts = `${results}.parts`;
const REPORT = path.join(__dirname, "surefoot_report.cjs");
// A script may set NODE_OPTIONS itself, as is usual for modules in jest; these are then reached by their program.
const TOLD = new Set(["jest", "mocha", "vitest"]);

// All folders of packages below one, themselves not looked into.
function* packageFolders(below, name) {
  for (const entry of fs.readdirSync(below, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const place = path.join(name, entry.name);
    if (entry.name === "node_modules") yield place;
    else yield* packageFolders(path.join(below, entry.name), place);
  }
}

function link(source, target) {
  const found = fs.lstatSync(source);
  // A link among packages leads to a member of the workspace, and that is in the tree.
  fs.symlinkSync(found.isSymbolicLink() ? fs.readlinkSync(source) : source, target);
}

function layOut(source, target) {
  fs.rmSync(target, { recursive: true, force: true });
  fs.mkdirSync(target, { recursive: true });
  for (const name of fs.existsSync(source) ? fs.readdirSync(source) : []) {
    const [from, to] = [path.join(source, name), path.join(target, name)];
    if (name === ".bin") continue;
    if (name.startsWith("@")) layOut(from, to);
    else link(from, to);
  }
}

// Node's own runner takes our reporter from NODE_OPTIONS, and refuses to start where a script names one more.
const NODE = `#!/bin/sh
skip=
for word do
  shift
  case $skip$word in
    yes*) skip= ;;
    --test-reporter | --test-reporter-destination) skip=yes ;;
    --test-reporter=* | --test-reporter-destination=*) ;;
    *) set -- "$@" "$word" ;;
  esac
done
exec "${process.execPath}" "$@"
`;

function programs(source, target) {
  fs.mkdirSync(target, { recursive: true });
  fs.writeFileSync(path.join(target, "node"), NODE, { mode: 0o755 });
  for (const name of fs.existsSync(source) ? fs.readdirSync(source) : []) {
    const from = path.join(source, name);
    if (name === "node") continue;
    if (!TOLD.has(name)) link(from, path.join(target, name));
    else {
      const text = `#!/bin/sh\nNODE_OPTIONS="--require=${REPORT} $NODE_OPTIONS" exec "${from}" "$@"\n`;
      fs.writeFileSync(path.join(target, name), text, { mode: 0o755 });
    }
  }
}

// What was reported, in the order in which it was begun; a file of pytest's lies at the place of the results itself.
function gather() {
  const found = fs.readdirSync(parts).sort().map((name) => {
    return { kind: path.extname(name).slice(1), text: fs.readFileSync(path.join(parts, name), "utf8") };
  });
  if (fs.existsSync(results)) found.push({ kind: "pytest", text: fs.readFileSync(results, "utf8") });
  if (found.some((part) => part.kind !== "warned")) fs.writeFileSync(results, JSON.stringify({ work, parts: found }));
}

const root = path.join(process.env.SUREFOOT_WHERE || "", "node_modules");
for (const name of new Set([root, ...packageFolders(modules, "")])) {
  layOut(path.join(modules, name), path.join(work, name));
  programs(path.join(modules, name, ".bin"), path.join(work, name, ".bin"));
}
fs.mkdirSync(parts, { recursive: true });
const [program, ...words] = process.argv.slice(2);
const done = spawnSync(program, words, { stdio: "inherit", env: { ...process.env, SUREFOOT_PARTS: parts } });
if (done.error) console.error(`surefoot: ${done.error.message}`);
// A benchmark leaves its own results, and so does a command whose owner names its reports; tests in it are none of ours.
if (!process.env.SUREFOOT_BENCH && !process.env.SUREFOOT_REPORTS) gather();
process.exit(done.error ? 127 : done.signal ? 128 + os.constants.signals[done.signal] : done.status);
