// Runs in the jail: loads each package in a process of its own, and tells what that reached for.
//
// From inside by surefoot_ear.cjs, whose words are claims. From here what no code can take back: the kernel counts
// connections that found no way out, children that were waited for, and when a file was last read.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { spawn } = require("node:child_process");

const MOST_BYTES = 1 << 18;
const SECONDS = 10; // of one package
const EAR = path.join(__dirname, "surefoot_ear.cjs");
const home = process.env.HOME;
const work = process.env.SUREFOOT_WORK;
const modules = process.env.SUREFOOT_MODULES;
const DECOYS = {
  ".ssh/id_rsa": "a decoy\n", ".aws/credentials": "[default]\n", ".netrc": "", ".npmrc": "", ".git-credentials": "",
  ".docker/config.json": "{}\n", ".kube/config": "{}\n", ".env": "", ".config/gh/hosts.yml": "", ".yarnrc.yml": "",
};
const BAIT = {
  NPM_TOKEN: "npm_decoy", GITHUB_TOKEN: "ghp_decoy", AWS_ACCESS_KEY_ID: "AKIADECOY", AWS_SECRET_ACCESS_KEY: "decoy",
};
// Both kinds of module, as a package may have one of each. A slash leads past a part of Node of the same name.
const LOAD = `\
import { createRequire, isBuiltin } from "node:module";
import { pathToFileURL } from "node:url";
const name = NAME;
const require = createRequire(import.meta.url);
const wanted = isBuiltin(name) ? name + "/" : name;
let problem = "";
try { require(wanted); } catch (error) { problem = String(error?.code ?? error?.name); }
try {
  await import(wanted === name ? name : pathToFileURL(require.resolve(wanted)));
  problem = "";
} catch (error) { problem = problem && String(error?.code ?? error?.name); }
process.emit("surefoot:loaded", problem && name + ": " + problem);
`;

// A read moves the time of the last one only where that is not newer than the last change. Whoever sets it back moves
// another time, which nobody can set.
function layOutDecoys() {
  const past = new Date(Date.now() - 48 * 3600e3);
  const laid = new Map();
  for (const [name, text] of Object.entries(DECOYS)) {
    const place = path.join(home, name);
    fs.mkdirSync(path.dirname(place), { recursive: true });
    fs.rmSync(place, { recursive: true, force: true });
    fs.writeFileSync(place, text);
    fs.utimesSync(place, past, new Date());
    laid.set(name, timesOf(name));
  }
  return laid;
}

function timesOf(name) {
  const found = fs.lstatSync(path.join(home, name), { throwIfNoEntry: false, bigint: true });
  return found ? `${found.atimeNs} ${found.ctimeNs}` : "";
}

const touched = (laid) => [...laid].filter(([name, times]) => timesOf(name) !== times).map(([name]) => name);

function figures(place, separator) {
  try {
    return fs.readFileSync(place, "utf8").split("\n").map((line) => line.trim().split(separator));
  } catch {
    return []; // not every kernel counts; then nothing is known from outside
  }
}

// How often something wanted out of this network of its own, or spoke by datagrams; the same for all processes here.
function reached() {
  const lines = figures("/proc/net/snmp", " ");
  const figure = (head, name) => {
    const [names, values] = lines.filter((line) => line[0] === head);
    return names && values ? Number(values[names.indexOf(name)]) : 0;
  };
  const six = figures("/proc/net/snmp6", /\s+/).find((line) => line[0] === "Ip6OutNoRoutes");
  return figure("Ip:", "OutNoRoutes") + figure("Udp:", "OutDatagrams") + Number(six ? six[1] : 0);
}

const processes = () => fs.readdirSync("/proc").filter((name) => /^\d+$/.test(name));

// Whether it has children, or has waited for one: faults of such are counted in the 11th field.
function hadChildren(pid) {
  const stat = (one) => fs.readFileSync(`/proc/${one}/stat`, "utf8").replace(/^.*\) /s, "").split(" ");
  try {
    if (Number(stat(pid)[8])) return true;
  } catch {
    return false; // it has ended, and that is told by what it did not say
  }
  return processes().some((one) => {
    try {
      return stat(one)[1] === String(pid);
    } catch {
      return false;
    }
  });
}

function started(name, folder, place) {
  fs.rmSync(place, { recursive: true, force: true });
  fs.mkdirSync(path.join(place, "node_modules", path.dirname(name)), { recursive: true });
  if (folder) fs.symlinkSync(path.join(modules, folder), path.join(place, "node_modules", name));
  const text = folder ? LOAD.replace("NAME", () => JSON.stringify(name)) : 'process.emit("surefoot:loaded", "");\n';
  fs.writeFileSync(path.join(place, "load.mjs"), text);
  const env = { HOME: home, PATH: process.env.PATH, LANG: "C.UTF-8", TMPDIR: "/tmp", ...BAIT };
  Object.assign(env, { SUREFOOT_WORK: work, SUREFOOT_MODULES: modules });
  return spawn(process.execPath, ["--no-warnings", "--require", EAR, path.join(place, "load.mjs")], {
    cwd: place, env, stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
}

// What it tells until it is done, ends, or its time is over.
function heard(child) {
  return new Promise((resolve) => {
    let text = "";
    const end = () => resolve(text.slice(0, MOST_BYTES));
    const timer = setTimeout(end, SECONDS * 1000);
    child.stdio[3].setEncoding("utf8").on("data", (piece) => {
      text += piece;
      if (text.length > MOST_BYTES || text.includes('["done",""]\n')) end();
    });
    child.on("exit", () => setTimeout(end, 20)).on("error", end);
    child.on("exit", () => clearTimeout(timer));
  });
}

function deedsOf(text) {
  return text.split("\n").slice(0, -1).flatMap((line) => {
    try {
      const [kind, what] = JSON.parse(line);
      return [[String(kind).slice(0, 20), String(what).slice(0, 300)]];
    } catch {
      return [];
    }
  });
}

// What the kernel knows and the process did not say.
function* kept(deeds, facts) {
  const said = (...kinds) => deeds.some(([kind]) => kinds.includes(kind));
  if (facts.reached && !said("connect", "lookup")) yield "opens a connection";
  if (facts.children && !said("process")) yield "starts a process";
  for (const name of facts.touched) {
    if (!deeds.some(([kind, what]) => ["read", "write"].includes(kind) && what === `~/${name}`)) yield `reads ~/${name}`;
  }
}

async function watched(name, folder, at) {
  const known = new Set(processes());
  const laid = layOutDecoys();
  const before = reached();
  const child = started(name, folder, path.join(work, String(at)));
  const deeds = deedsOf(await heard(child));
  const facts = { children: hadChildren(child.pid), reached: reached() > before, touched: touched(laid) };
  for (const pid of processes().filter((one) => !known.has(one))) {
    try {
      process.kill(Number(pid), "SIGKILL");
    } catch {
      // It has ended by itself.
    }
  }
  return [...deeds, ...[...kept(deeds, facts)].map((what) => ["outside", what])];
}

async function main() {
  const told = { "": await watched("none", "", 0) };
  const packages = JSON.parse(process.argv.at(-1)).packages;
  for (const [at, [label, name, folder]] of packages.entries()) told[label] = await watched(name, folder, at + 1);
  fs.writeFileSync(process.env.SUREFOOT_RESULTS, JSON.stringify(told));
  process.exit(0);
}

main();
