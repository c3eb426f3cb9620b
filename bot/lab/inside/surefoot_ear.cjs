// Runs in the jail, before anything else of a watched process: notes what is reached for while packages are loaded.
//
// A line of JSON for each deed, to descriptor 3. These are claims: code that looks for the ear can go around it. What
// the kernel counts is read by surefoot_load.cjs, from outside of this process.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const dns = require("node:dns");
const net = require("node:net");
const dgram = require("node:dgram");
const children = require("node:child_process");
const { syncBuiltinESMExports } = require("node:module");
const { fileURLToPath } = require("node:url");
const { isMainThread } = require("node:worker_threads");

const MOST = 400;
const GRACE = 1000; // ms in which what was begun while loading, and is not over, may still come to light
const { writeSync } = fs;
const later = setTimeout;
const home = process.env.HOME;
const READ_FREELY = [
  "/usr/", "/lib", "/bin/", "/sbin/", "/dev/", "/sys/", "/etc/ld.so", "/etc/localtime", "/etc/mime.types", "/etc/ssl/",
  "/etc/alternatives/", "/etc/pki/", "/proc/self/", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/proc/version",
  "/proc/sys/", "/proc/mounts", "/proc/filesystems", "/etc/os-release", "/etc/hosts", "/etc/nsswitch.conf",
  "/etc/resolv.conf", "/etc/timezone", `${path.dirname(path.dirname(process.execPath))}/`, `${__dirname}/`,
];
const WRITE_FREELY = ["/tmp/", "/dev/", `${process.env.SUREFOOT_WORK}/`];
const FREE = [...READ_FREELY, ...WRITE_FREELY, `${process.env.SUREFOOT_MODULES}/`];
const SECRET = /TOKEN|SECRET|PASSW|API_?KEY|ACCESS_KEY|PRIVATE_KEY|CREDENTIAL/i;
for (const name of ["SUREFOOT_WORK", "SUREFOOT_MODULES", "SUREFOOT_RESULTS"]) delete process.env[name];

const told = new Set();
let busy = false;

// Each deed once. Nothing can hide behind a crowd: that there are too many is said.
function tell(kind, what) {
  if (told.size > MOST && kind !== "done" && kind !== "failed") return;
  const line = told.size === MOST ? JSON.stringify(["many", ""]) : JSON.stringify([kind, String(what).slice(0, 300)]);
  if (told.has(line)) return;
  told.add(line);
  try {
    writeSync(3, `${line}\n`);
  } catch {
    // Whoever closed the pipe is not heard any more, and that is told from outside: it never says that it is done.
  }
}

// What we do ourselves, or Node for what was asked of it, is no deed.
function hear(note) {
  if (busy) return;
  busy = true;
  try {
    note();
  } catch {
    tell("odd", "");
  } finally {
    busy = false;
  }
}

function wrap(holder, names, note) {
  for (const name of names) {
    const was = holder && holder[name];
    if (typeof was !== "function") continue;
    const now = function (...given) {
      hear(() => note(given, name));
      return new.target ? Reflect.construct(was, given, new.target) : Reflect.apply(was, this, given);
    };
    Object.defineProperties(now, Object.getOwnPropertyDescriptors(was));
    try {
      holder[name] = now;
    } catch {
      // What cannot be replaced is not heard.
    }
  }
}

// --- files ---------------------------------------------------------------------------------------------------------

function placeOf(given) {
  const text = given instanceof URL ? fileURLToPath(given) : Buffer.isBuffer(given) ? given.toString() : String(given);
  return path.resolve(text).replace(`/proc/${process.pid}`, "/proc/self");
}

const short = (place) => (`${place}/`.startsWith(`${home}/`) ? `~${place.slice(home.length)}` : place);
const below = (place, folders) => folders.some((one) => `${place}/`.startsWith(one));

function reads(kind, given) {
  if (typeof given !== "number" && !below(placeOf(given), FREE)) tell(kind, short(placeOf(given)));
}

function writes(given) {
  if (typeof given !== "number" && !below(placeOf(given), WRITE_FREELY)) tell("write", short(placeOf(given)));
}

function opens([place, flags]) {
  const { O_WRONLY, O_RDWR, O_CREAT } = fs.constants;
  const changes = typeof flags === "string" ? /[wa+]/.test(flags) : Number(flags) & (O_WRONLY | O_RDWR | O_CREAT);
  if (changes) writes(place);
  else reads("read", place);
}

const both = (names) => names.flatMap((name) => [name, `${name}Sync`]);
for (const holder of [fs, fs.promises]) {
  wrap(holder, both(["readFile", "openAsBlob"]).concat("createReadStream"), ([one]) => reads("read", one));
  wrap(holder, both(["readdir", "opendir"]), ([one]) => reads("list", one));
  wrap(holder, both(["open"]), opens);
  wrap(holder, both(["copyFile", "cp", "rename", "link"]), ([from, to]) => [reads("read", from), writes(to)]);
  wrap(holder, both(["symlink"]), ([, to]) => writes(to));
  const changing = ["writeFile", "appendFile", "mkdir", "rm", "rmdir", "unlink", "chmod", "truncate"];
  wrap(holder, both(changing).concat("createWriteStream"), ([one]) => writes(one));
}

// --- network -------------------------------------------------------------------------------------------------------

function address(given) {
  const one = Array.isArray(given[0]) ? given[0][0] : given[0];
  if (one && typeof one === "object") return one.path || `${one.host || "localhost"}:${one.port}`;
  return /^\d+$/.test(one) ? `${typeof given[1] === "string" ? given[1] : "localhost"}:${one}` : String(one);
}

wrap(net.Socket.prototype, ["connect"], (given) => tell("connect", address(given)));
wrap(net.Server.prototype, ["listen"], (given) => tell("connect", address(given)));
wrap(dgram.Socket.prototype, ["connect"], ([port, host]) => tell("connect", `${host || "localhost"}:${port}`));
wrap(dgram.Socket.prototype, ["send"], (given) => {
  const words = given.slice(1).filter((one) => typeof one === "number" || typeof one === "string");
  const host = words.find((one) => typeof one === "string") || "localhost";
  tell("connect", `${host}:${words.filter((one) => typeof one === "number").pop() ?? ""}`);
});
const looks = ["lookup", "reverse", ...Object.keys(dns).filter((name) => /^resolve/.test(name))];
for (const holder of [dns, dns.promises, dns.Resolver.prototype, dns.promises.Resolver.prototype]) {
  wrap(holder, looks, ([host]) => host && tell("lookup", host));
}

// --- processes, and what is under Node -------------------------------------------------------------------------------

const command = (file, words) => [path.basename(String(file)), ...words].slice(0, 4).join(" ");
wrap(children.ChildProcess.prototype, ["spawn"], ([how]) => tell("process", command(how.file, (how.args || []).slice(1))));
wrap(children, ["spawnSync", "execFileSync"], ([file, words]) =>
  tell("process", command(file, Array.isArray(words) ? words : [])),
);
wrap(children, ["execSync"], ([line]) => tell("process", command("sh", ["-c", line])));
wrap(process, ["binding", "_linkedBinding"], ([name]) => tell("binding", name));
wrap(process, ["dlopen"], ([, file]) => tell("native", path.basename(String(file))));

// --- variables -------------------------------------------------------------------------------------------------------

// Whoever copies all of them, as the start of every process does, has not asked for one.
let copied = [];
const named = (key) => {
  if (key === copied[0]) copied.shift();
  else if (typeof key === "string" && SECRET.test(key)) hear(() => tell("env", key));
};
process.env = new Proxy(process.env, {
  get: (real, key) => (named(key), Reflect.get(real, key)),
  has: (real, key) => (named(key), Reflect.has(real, key)),
  ownKeys: (real) => {
    hear(() => tell("environ", ""));
    copied = Reflect.ownKeys(real);
    return Reflect.ownKeys(real);
  },
});

syncBuiltinESMExports();

// A rejected request is no end of the world: what comes after it shall be seen as well.
if (isMainThread) process.on("uncaughtException", () => {});
process.once("surefoot:loaded", (problem) => {
  if (problem) tell("failed", problem);
  const end = () => {
    tell("done", "");
    // The kernel's figures of this process are read while it is still there.
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5000);
  };
  later(end, GRACE).unref();
  process.once("beforeExit", end);
});

