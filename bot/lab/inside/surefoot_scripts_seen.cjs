// Runs in the jail: loads packages as a project's own files would, each in a process of its own, and tells what came of
// it: names, kinds, members of classes, warnings, errors. Node's own library only.
//
// Asked by JSON: asks [{base, how, specifier}], seconds (for each), altogether. Answers line by line, as the results:
// [place in asks, {problem, said, esm, transpiled, thing, warned}]; see `bot.core.modules.Loaded`.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const util = require("node:util");
const { createRequire } = require("node:module");
const { pathToFileURL } = require("node:url");
const { spawnSync } = require("node:child_process");

const DEEPEST = 4;
const MOST_THINGS = 20000;
const MOST_MEMBERS = 3000;
const MOST_SOURCE = 400000;
const LONGEST = 200;
const OF_FUNCTIONS = new Set(["length", "name", "prototype", "arguments", "caller"]);
const ENDS = new Set([Object.prototype, Function.prototype, Array.prototype, Error.prototype, null]);
// What is no name of a thing, but of the way it was made.
const MADE_UP = new Set(["__esModule", "constructor"]);

function isPlain(value) {
  const above = Object.getPrototypeOf(value);
  return above === Object.prototype || above === null || util.types.isModuleNamespaceObject(value);
}

function sourceOf(value) {
  try {
    return Function.prototype.toString.call(value).slice(0, MOST_SOURCE);
  } catch {
    return "";
  }
}

// Nothing of the function is run: only its prototype is looked at.
function makes(value) {
  try {
    Reflect.construct(String, [], value);
    return true;
  } catch {
    return false;
  }
}

// What objects of a class have, and whether they may have more than can be seen: their own fields.
function objectsOf(value) {
  const names = new Set();
  let vague = false;
  for (let at = value, rounds = 0; typeof at === "function" && at !== Function.prototype; at = Object.getPrototypeOf(at)) {
    const source = sourceOf(at);
    // A function may give another object than the one that is made.
    vague ||= !source.startsWith("class") && /\breturn\s{1,20}[^;\s}]/.test(source);
    vague ||= rounds++ > 20 || /\b(?:Proxy|defineProperty|defineProperties|assign\(\s*this|\[native code\])/.test(source);
    for (const [, name] of source.matchAll(/\bthis\.([A-Za-z_$][\w$]{0,100})\s{0,5}=/g)) names.add(name);
    for (const [, name] of source.matchAll(/^\s{0,40}(?:static\s{1,5})?([A-Za-z_$][\w$]{0,100})\s{0,5}[=;]/gm)) names.add(name);
  }
  for (let at = value.prototype; at && !ENDS.has(at); at = Object.getPrototypeOf(at)) {
    vague ||= util.types.isProxy(at);
    if (util.types.isProxy(at)) break;
    for (const name of Object.getOwnPropertyNames(at)) names.add(name);
  }
  return { objects: [...names].slice(0, MOST_MEMBERS), vague };
}

function membersOf(value) {
  const found = new Map();
  for (let at = value; at && !ENDS.has(at); at = Object.getPrototypeOf(at)) {
    if (util.types.isProxy(at)) return { found, opaque: true };
    for (const name of Object.getOwnPropertyNames(at)) {
      const own = typeof at === "function" && OF_FUNCTIONS.has(name);
      if (!own && !MADE_UP.has(name) && name.length <= LONGEST && !found.has(name)) {
        found.set(name, Object.getOwnPropertyDescriptor(at, name));
      }
      if (found.size > MOST_MEMBERS) return { found, opaque: true };
    }
  }
  return { found, opaque: false };
}

class Teller {
  constructor() {
    this.count = 0;
    this.above = new Set();
  }

  // An accessor is only called where modules put their names behind one; elsewhere it may do anything.
  below(holder, name, descriptor, depth) {
    if (descriptor && "value" in descriptor) return this.tell(descriptor.value, depth);
    if (depth > DEEPEST - 1 || !(isPlain(holder) || depth === 1)) return { kind: "object", opaque: true };
    try {
      return this.tell(holder[name], depth);
    } catch {
      return { kind: "object", opaque: true };
    }
  }

  tell(value, depth) {
    const told = { kind: typeof value };
    if (value === null || (told.kind !== "object" && told.kind !== "function")) return told;
    if (util.types.isProxy(value) || this.above.has(value) || depth > DEEPEST || ++this.count > MOST_THINGS) {
      return { ...told, opaque: true, makes: told.kind === "function" };
    }
    if (told.kind === "function") this.describe(told, value);
    const { found, opaque } = membersOf(value);
    if (opaque) told.opaque = true;
    this.above.add(value);
    told.members = {};
    for (const [name, descriptor] of found) told.members[name] = this.below(value, name, descriptor, depth + 1);
    this.above.delete(value);
    return told;
  }

  describe(told, value) {
    if (/^class\b/.test(sourceOf(value).slice(0, 20))) told.kind = "class";
    if (Number.isSafeInteger(value.length)) told.length = value.length;
    if (util.types.isAsyncFunction(value)) told.eager = true;
    if (makes(value)) Object.assign(told, { makes: true }, objectsOf(value));
  }
}

// Node says where it looked; only what was asked for itself counts, not what a package fails to find in its turn.
function problemOf(error, ask, beside) {
  const code = String((error && error.code) || (error && error.name) || "Error").slice(0, LONGEST);
  const words = String((error && error.message) || error);
  const said = words.split("\n")[0].replaceAll(`${process.env.SUREFOOT_MODULES}/`, "").slice(0, 300);
  const name = ask.specifier.split("/").slice(0, ask.specifier[0] === "@" ? 2 : 1).join("/");
  const own =
    code === "MODULE_NOT_FOUND" ? words.includes(`'${ask.specifier}'`)
    : code === "ERR_PACKAGE_PATH_NOT_EXPORTED" ? words.includes(`/node_modules/${name}/package.json`)
    : code.startsWith("ERR_MODULE") || code.startsWith("ERR_UNSUPPORTED") || code === "ERR_REQUIRE_ESM" ? words.includes(beside)
    : true;
  return { problem: own ? code : `${code} within`, said };
}

async function load(ask, beside) {
  const near = createRequire(beside);
  if (ask.how === "require") return near(ask.specifier);
  const { load } = await import(pathToFileURL(beside));
  if (ask.how === "import") return load(ask.specifier);
  try {
    return near.resolve(ask.specifier);
  } catch (error) {
    const { resolve } = await import(pathToFileURL(beside));
    if (!fs.existsSync(new URL(resolve(ask.specifier)))) throw error;
    return "";
  }
}

async function one(ask, beside, out) {
  const [write, exit] = [fs.writeFileSync, process.exit.bind(process)];
  const warned = new Set();
  process.on("warning", (warning) => {
    if (/Deprecat/.test(warning.name)) warned.add(String(warning.message).split("\n")[0].slice(0, 300));
  });
  process.on("uncaughtException", () => {});
  process.on("unhandledRejection", () => {});
  let told;
  try {
    const value = await load(ask, beside);
    told = {
      esm: util.types.isModuleNamespaceObject(value) && ask.how === "require",
      transpiled: Boolean(value && value.__esModule),
      thing: new Teller().tell(value, 0),
    };
  } catch (error) {
    told = problemOf(error, ask, beside);
  }
  await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  write(out, JSON.stringify({ ...told, warned: [...warned].sort().slice(0, 20) }));
  exit(0);
}

// What one package says must not be said in the place of another: answers are kept here, and handed over at the end.
function all(asked) {
  const part = path.join("/tmp", "surefoot-part");
  const { SUREFOOT_RESULTS: results, SUREFOOT_PARTS: _, ...env } = process.env;
  const until = Date.now() + asked.altogether * 1000;
  const told = [];
  for (const [place, ask] of asked.asks.entries()) {
    const left = Math.min(asked.seconds * 1000, until - Date.now());
    if (left < 100) break;
    const beside = path.join(process.cwd(), ask.base, "surefoot-asks.mjs");
    fs.mkdirSync(path.dirname(beside), { recursive: true });
    fs.writeFileSync(beside, "export const load = (name) => import(name);\nexport const resolve = import.meta.resolve;\n");
    fs.rmSync(part, { force: true });
    const words = [__filename, "--one", JSON.stringify(ask), beside, part];
    spawnSync(process.execPath, words, { env, stdio: "ignore", timeout: left, killSignal: "SIGKILL" });
    const text = fs.existsSync(part) && fs.statSync(part).size < 4 << 20 ? fs.readFileSync(part, "utf8") : "";
    // What is no line of JSON is no answer.
    if (text && !text.includes("\n")) told.push(`[${place},${text}]\n`);
  }
  fs.writeFileSync(results, told.join(""));
}

if (process.argv[2] === "--one") one(JSON.parse(process.argv[3]), process.argv[4], process.argv[5]);
else all(JSON.parse(process.argv[2]));
