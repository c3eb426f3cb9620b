// Runs in the jail, in a fresh process for each sample: loads packages as the tree's own code does, and leaves how long
// each group took. Node's own library only; what is loaded may change any of it, so the figures are a claim.
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { createRequire } = require("node:module");
const { pathToFileURL } = require("node:url");

const plan = JSON.parse(process.env.SUREFOOT_BENCH);
const results = process.env.SUREFOOT_RESULTS;
const root = path.join(process.cwd(), plan.where);
const hrtime = process.hrtime.bigint;
const cpuUsage = process.cpuUsage.bind(process);
const write = fs.writeFileSync;

// Packages are looked for from a file's own place, so that file must lie in the tree.
const here = path.join(root, ".surefoot-load.mjs");
const require_ = createRequire(here);

async function load(name, how, take) {
  if (how === "import") return take(name);
  try {
    return require_(name);
  } catch (problem) {
    if (problem.code !== "ERR_REQUIRE_ESM" && problem.code !== "ERR_PACKAGE_PATH_NOT_EXPORTED") throw problem;
    return take(name);
  }
}

async function main() {
  write(here, "export const take = (name) => import(name);\n");
  const { take } = await import(pathToFileURL(here));
  const sheet = { figures: {}, failed: {}, plans: {} };
  for (const [name, modules] of Object.entries(plan.groups)) {
    try {
      const [began, cpu] = [hrtime(), cpuUsage()];
      for (const [module, how] of modules) await load(module, how, take);
      const [took, used] = [Number(hrtime() - began) / 1e9, cpuUsage(cpu)];
      sheet.figures[name] = { seconds: took, cpu: (used.user + used.system) / 1e6 };
      sheet.plans[name] = [1, 1];
    } catch (problem) {
      sheet.failed[name] = `${problem && problem.name}: ${problem && problem.message}`.slice(0, 300);
    }
  }
  write(results, JSON.stringify(sheet));
  // What was loaded may keep the process alive, and what is left to do is none of ours.
  process.reallyExit(0);
}

main();
