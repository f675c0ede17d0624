// Copies of the contracts with compiled tests, in which a mutant is put by replacing what the compiler made of the original.
"use strict";

const { execFileSync, spawn } = require("child_process");
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");

/** Measures gas, which is no reason to call a mutant noticed. */
const GAS = "Gas.t.sol";
const COPIED = ["src", "test", "script", "tools", "snapshots", "foundry.toml"];

/**
 * Tests find the contracts by name when they run instead of having them compiled in; a test is one call of many, few cases
 * suffice to notice a mutant, and neither gas nor code size is a reason to call one noticed.
 */
const SETTINGS = {
  FOUNDRY_DYNAMIC_TEST_LINKING: "true",
  FOUNDRY_ISOLATE: "false",
  FOUNDRY_GAS_SNAPSHOT_CHECK: "false",
  FOUNDRY_AST: "false",
  FOUNDRY_EXTRA_OUTPUT: "[]",
  FOUNDRY_FUZZ_RUNS: "24",
  FOUNDRY_INVARIANT_RUNS: "2",
  FOUNDRY_INVARIANT_DEPTH: "32",
  FOUNDRY_INVARIANT_SHOW_METRICS: "false",
};
const ENV = { ...process.env, ...SETTINGS, FOUNDRY_OUT: "out", FOUNDRY_CACHE_PATH: "cache", FOUNDRY_PROFILE: "default" };
/** Whoever needs longer for the tests has been noticed: they take seconds. */
const TEST_LIMIT = 240_000;
/** With compiling. */
const COMPILE_LIMIT = 1_200_000;
/** In milliseconds of processor time. */
const SLOW = 400;

/** Every file below some folders, sorted. */
function files(root, names) {
  return names.flatMap((name) => {
    const full = path.join(root, name);
    if (!fs.statSync(full).isDirectory()) return [name];
    return files(root, fs.readdirSync(full).sort().map((entry) => path.join(name, entry)));
  });
}

/** A number for the state of some files. */
function keyOf(root, names) {
  const hash = crypto.createHash("sha256");
  for (const name of files(root, names)) hash.update(`${name}\0`).update(fs.readFileSync(path.join(root, name))).update("\0");
  return hash.digest("hex").slice(0, 16);
}

/** Copies the contracts of `root` to `folder`, whose parent gets the vectors that tests read. */
function copy(root, folder) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.mkdirSync(folder, { recursive: true });
  for (const name of COPIED) fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true });
  fs.symlinkSync(path.join(root, "node_modules"), path.join(folder, "node_modules"));
  fs.mkdirSync(path.join(folder, "..", "tests"), { recursive: true });
  const vectors = path.join(folder, "..", "tests", "vectors");
  fs.rmSync(vectors, { recursive: true, force: true });
  fs.cpSync(path.join(root, "..", "tests", "vectors"), vectors, { recursive: true });
}

/** A copy of a copy, with what is compiled. */
function duplicate(from, folder) {
  fs.rmSync(folder, { recursive: true, force: true });
  fs.cpSync(from, folder, { recursive: true, preserveTimestamps: true, verbatimSymlinks: true });
}

/**
 * A copy with some of the test files, and without some tests. It is sealed: forge asks which compiler it would use, and has none.
 * Given nothing to choose from, forge does not read all sources before it runs the tests, which takes longer than most tests.
 */
function split(from, folder, { keep, except }) {
  duplicate(from, folder);
  fs.rmSync(path.join(folder, "test", "symbolic"), { recursive: true });
  for (const file of fs.readdirSync(path.join(folder, "test")).filter((name) => name.endsWith(".t.sol"))) {
    const target = path.join(folder, "test", file);
    if (file === GAS || !keep(`test/${file}`)) {
      fs.rmSync(target);
      continue;
    }
    const text = fs.readFileSync(target, "utf8");
    const kept = except.reduce((rest, name) => rest.replaceAll(`function ${name}(`, `function unused_${name}(`), text);
    if (kept !== text) fs.writeFileSync(target, kept);
  }
  forge(folder, ["build"]);
  const version = execFileSync(path.join(folder, "tools", "solc"), ["--version"], { encoding: "utf8" });
  fs.writeFileSync(path.join(folder, "tools", "solc"), `#!/bin/sh\n[ "$*" = --version ] || exit 1\ncat <<'END'\n${version}END\n`);
}

/** Brings a copy up to date, and keeps what is compiled. */
function refresh(root, folder) {
  for (const name of COPIED) {
    fs.rmSync(path.join(folder, name), { recursive: true, force: true });
    fs.cpSync(path.join(root, name), path.join(folder, name), { recursive: true, preserveTimestamps: true });
  }
}

/** The tests that import one of some sources themselves. */
function testsThatImport(folder, sources) {
  return testFiles(folder).filter((file) => {
    const text = fs.readFileSync(path.join(folder, file), "utf8");
    return sources.some((source) => text.includes(`from "../${source}"`));
  });
}

/** Compiles a copy in parts that the compiler finishes in time. */
function build(folder) {
  forge(folder, ["build", "src"]);
  const tests = testFiles(folder);
  for (let i = 0; i < tests.length; i += 4) forge(folder, ["build", ...tests.slice(i, i + 4)]);
}

const forge = (folder, args) => execFileSync(path.join(folder, "tools", "forge"), args, { env: ENV, stdio: ["ignore", "ignore", "inherit"] });

/** The tests that run against mutants: all that `forge test` runs but those that measure gas. */
function testFiles(folder) {
  return fs.readdirSync(path.join(folder, "test")).filter((file) => file.endsWith(".t.sol") && file !== GAS).map((file) => `test/${file}`);
}

const artifactPath = (folder, name) => path.join(folder, "out", `${name}.sol`, `${name}.json`);

/** The creation code that tests of a copy deploy. */
function codeOf(folder, name) {
  return JSON.parse(fs.readFileSync(artifactPath(folder, name), "utf8")).bytecode.object.replace(/^0x/, "");
}

/** Has the tests of a copy deploy other code. */
function setCode(folder, name, code) {
  const artifact = JSON.parse(fs.readFileSync(artifactPath(folder, name), "utf8"));
  artifact.bytecode.object = `0x${code}`;
  fs.writeFileSync(artifactPath(folder, name), JSON.stringify(artifact));
}

/** Runs the tests of a copy. Resolves to {failed: names of tests, text}; `failed` is null if forge itself failed. */
function test(folder, { failFast = true, except = [], only = [], more = {} } = {}) {
  const args = ["test", ...(failFast ? ["--fail-fast"] : [])];
  if (fs.existsSync(path.join(folder, "test", GAS))) args.push("--no-match-path", `test/${GAS}`);
  if (only.length) args.push("--match-path", glob(only));
  if (except.length) args.push("--no-match-test", `^(${except.join("|")})\\(`);
  return new Promise((resolve) => {
    const limit = only.length && more.FOUNDRY_DYNAMIC_TEST_LINKING === "false" ? COMPILE_LIMIT : TEST_LIMIT;
    const child = spawn(path.join(folder, "tools", "forge"), args, { env: { ...ENV, ...more }, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    let late = false;
    const clock = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, limit);
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (bytes) => (text += bytes));
    child.on("close", (code) => {
      clearTimeout(clock);
      // A failing setUp is named like a test.
      const names = [...text.matchAll(/^\[FAIL[^\n]*\] (\w+)\(/gm)].map(([, name]) => name);
      const unnamed = late ? "(too long)" : /^Suite result: FAILED/m.test(text) ? "(a test whose name is lost in what it printed)" : null;
      const failed = code === 0 ? [] : names.length ? [...new Set(names)] : unnamed && [unnamed];
      resolve({ failed, text });
    });
  });
}

const glob = (paths) => (paths.length === 1 ? paths[0] : `{${paths.join(",")}}`);

/** The files of a run's tests that took longer than the rest of a mutant does. */
function slowFiles(text) {
  const times = {};
  for (const [, file, , time, unit] of text.matchAll(/^Ran \d+ tests? for (\S+?):(\S+)\n[^]*?^Suite result: .*?finished in [^(]*\(([0-9.]+)(ms|s|µs) CPU time\)/gm)) {
    times[file] = (times[file] ?? 0) + Number(time) * { s: 1000, ms: 1, µs: 0.001 }[unit];
  }
  return Object.keys(times).filter((file) => times[file] > SLOW).sort();
}

module.exports = { build, codeOf, copy, duplicate, keyOf, refresh, setCode, slowFiles, split, test, testsThatImport };
