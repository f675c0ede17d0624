// The contracts under test as the compiler wants them, and who depends on whom.
"use strict";

const fs = require("fs");
const path = require("path");
const solc = require("solc");

const { mutants } = require("./operators.js");

/** What is deployed; everything in src is part of one of them or of neither. */
const TARGETS = [
  { file: "src/ReleaseLedger.sol", name: "ReleaseLedger" },
  { file: "src/QuorumRules.sol", name: "QuorumRules" },
];

/** A file's text and what it imports, by the names that the compiler knows. */
function read(root, file) {
  const content = fs.readFileSync(path.join(root, file.startsWith("src/") ? file : path.join("node_modules", file)), "utf8");
  const imports = [...content.matchAll(/^import\s+(?:[^"]*\s)?"([^"]+)";/gm)].map(([, name]) =>
    name.startsWith(".") ? path.posix.join(path.posix.dirname(file), name) : name,
  );
  return { content, imports };
}

/** Everything that a target is compiled from: name to {content}. */
function closure(root, target) {
  const sources = {};
  const open = [target.file];
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (sources[file]) continue;
    const { content, imports } = read(root, file);
    sources[file] = { content };
    open.push(...imports);
  }
  return sources;
}

/** All mutants of all files with code, each with the targets that its file is part of. */
function allMutants(root) {
  const closures = TARGETS.map((target) => closure(root, target));
  const sources = Object.assign({}, ...closures);
  const settings = { outputSelection: { "*": { "": ["ast"] } } };
  // Types are known only after analysis; code is not generated.
  const output = JSON.parse(solc.compile(JSON.stringify({ language: "Solidity", sources, settings })));
  const wrong = (output.errors ?? []).find(({ severity }) => severity === "error");
  if (wrong) throw new Error(wrong.formattedMessage);
  const all = [];
  const files = Object.keys(sources).filter((file) => file.startsWith("src/")).sort();
  for (const file of files) {
    const bytes = Buffer.from(sources[file].content);
    const targets = TARGETS.filter((_, i) => closures[i][file]);
    const times = {};
    for (const mutant of mutants(output.sources[file].ast, bytes)) {
      const described = describe(file, bytes, mutant);
      // The same change of the same line may be possible twice in a file.
      times[described.key] = (times[described.key] ?? 0) + 1;
      all.push({ ...mutant, ...described, file, targets, id: `${described.key}#${times[described.key]}` });
    }
  }
  return { all, closures };
}

/** What people and later runs know a mutant by: it does not depend on other lines. */
function describe(file, bytes, { start, end, text, operator }) {
  const before = bytes.subarray(0, start).toString("utf8");
  const line = before.split("\n").length;
  const from = before.lastIndexOf("\n") + 1;
  const [whole] = bytes.toString("utf8").slice(from).split("\n");
  const original = bytes.subarray(start, end).toString("utf8").replace(/\s+/g, " ");
  const column = before.length - from - (whole.length - whole.trimStart().length);
  const replacement = text.replace(/\s+/g, " ");
  return { line, original, replacement, key: `${file} | ${whole.trim()} | ${column} ${operator}: ${original} -> ${replacement}` };
}

/** The sources of a target with one mutant in place. */
function mutated(sources, { file, start, end, text }) {
  const bytes = Buffer.from(sources[file].content);
  const content = Buffer.concat([bytes.subarray(0, start), Buffer.from(text), bytes.subarray(end)]).toString("utf8");
  return { ...sources, [file]: { content } };
}

module.exports = { TARGETS, allMutants, closure, mutated };
