// What llvm-cov exported, as a table of files, and the lines that nothing reached: `coverage.mjs FILE TREE CRATE`.
// Whatever follows `#[cfg(test)]` in a file is left out.
import { readFileSync } from "node:fs";

const [file, tree, crate] = process.argv.slice(2);
const folder = `${tree}/crates/${crate}/`;
const { files } = JSON.parse(readFileSync(file, "utf8")).data[0];
const percent = (part, all) => (all ? ((100 * part) / all).toFixed(1) : "–");

let [lines, linesHit, regions, regionsHit] = [0, 0, 0, 0];
const missed = [];
console.log(`| ${crate} | lines | regions |\n|---|---|---|`);
for (const { filename, segments } of files.sort((a, b) => (a.filename < b.filename ? -1 : 1))) {
  if (!filename.startsWith(folder)) continue;
  const text = readFileSync(filename, "utf8").split("\n");
  const tests = text.findIndex((line) => line.trim() === "#[cfg(test)]");
  const end = tests < 0 ? text.length + 1 : tests + 1;
  // A segment: line, column, count, whether there is a count, whether a region begins, whether it is a gap.
  const seen = new Map();
  let own = [0, 0];
  segments.forEach(([line, column, count, has, entry, gap], at) => {
    if (line >= end || !has || gap) return;
    if (entry) own = [own[0] + 1, own[1] + (count > 0)];
    const next = segments[at + 1] ?? [line, column];
    // A piece that ends before the first sign of a line has no part of it.
    const last = next[0] > line && next[1] === 1 ? next[0] - 1 : next[0];
    for (let each = line; each <= Math.min(last, end - 1); each += 1) {
      const begins = each === line ? column - 1 : 0;
      const ends = each === next[0] ? next[1] - 1 : undefined;
      if ((text[each - 1] ?? "").slice(begins, ends).trim() === "") continue;
      seen.set(each, Math.min(seen.get(each) ?? Infinity, count));
    }
  });
  const hit = [...seen.values()].filter((count) => count > 0).length;
  const name = filename.slice(folder.length);
  if (seen.size) console.log(`| ${name} | ${hit} of ${seen.size} (${percent(hit, seen.size)} %) | ${own[1]} of ${own[0]} |`);
  lines += seen.size;
  linesHit += hit;
  regions += own[0];
  regionsHit += own[1];
  for (const [line, count] of [...seen].sort((a, b) => a[0] - b[0])) {
    if (!count) missed.push(`${name}:${line}: ${text[line - 1].trim()}`);
  }
}
const sum = `${linesHit} of ${lines} (${percent(linesHit, lines)} %) | ${regionsHit} of ${regions} (${percent(regionsHit, regions)} %)`;
console.log(`| **all** | ${sum} |`);
for (const line of missed) console.log(line);
