// Runbooks are Markdown that is executed. Two uses:
//
//   runbook.mjs script FILE FOLDER   prints a bash script of FILE's blocks; each block's words go to FOLDER/NN.out
//   runbook.mjs judge FILE FOLDER    holds what FOLDER has against what FILE says is printed
//
// A block marked `sh run` is run, one after the other in one shell. `sh run exit=N` must end with N and holds one
// command. The fence marked `text` that follows a block says what it prints: every line must be there, in this order;
// `…` stands for anything, and a line of nothing but `…` for any lines. `<!-- meanwhile: WORDS -->` runs a function of
// the rehearsal there: what time or somebody else does.
import { existsSync, readFileSync } from "node:fs";

const [use, file, folder] = process.argv.slice(2);

// The parts of a runbook that do something, in order: {line, run, exit, prints} or {line, meanwhile}.
const parts = () => {
    const found = [];
    let fence = null;
    readFileSync(file, "utf8").split("\n").forEach((line, index) => {
        if (fence === null) {
            const opens = /^```(.*)$/.exec(line);
            const meanwhile = /^<!-- meanwhile: (.*) -->$/.exec(line);
            if (opens) fence = { line: index + 1, info: opens[1], text: [] };
            else if (meanwhile) found.push({ line: index + 1, meanwhile: meanwhile[1] });
            return;
        }
        if (line !== "```") return fence.text.push(line);
        const runs = /^sh run(?: exit=([0-9]+))?$/.exec(fence.info);
        const last = found.at(-1);
        if (runs) {
            found.push({ line: fence.line, run: fence.text.join("\n"), exit: Number(runs[1] ?? 0) });
        } else if (fence.info === "text") {
            if (last?.run === undefined || last.prints !== undefined) fail(fence.line, "says what nothing prints");
            last.prints = fence.text;
        } else {
            fail(fence.line, `is a fence of an unknown kind '${fence.info}'`);
        }
        fence = null;
    });
    if (fence !== null) fail(fence.line, "is never closed");
    if (!found.some((part) => part.run !== undefined)) fail(1, "runs nothing");
    return found;
};

const fail = (line, why) => {
    console.error(`${file}:${line}: ${why}`);
    process.exit(2);
};

const place = (index) => `${folder}/${String(index).padStart(2, "0")}`;

const script = () => {
    for (const [index, part] of parts().entries()) {
        const at = place(index);
        console.log(`\n# ${file}:${part.line}\nexec >'${at}.out' 2>&1`);
        if (part.meanwhile !== undefined) console.log(`meanwhile ${part.meanwhile}`);
        else if (part.exit === 0) console.log(part.run);
        else console.log(`rc=0\n{\n${part.run}\n} || rc=$?\n[[ $rc == ${part.exit} ]]`);
        console.log(`: >'${at}.done'`);
    }
};

// Whether `line` is what `pattern` says.
const matches = (pattern, line) => {
    const quoted = pattern.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
    return new RegExp(`^${quoted.join(".*")}$`).test(line);
};

// The first line of `wanted` that is not in `lines` where it should be, or nothing.
const missing = (wanted, lines) => {
    let from = 0;
    for (const pattern of wanted.filter((line) => line.trim() !== "" && line.trim() !== "…")) {
        const at = lines.findIndex((line, index) => index >= from && matches(pattern.trim(), line.trim()));
        if (at < 0) return pattern.trim();
        from = at + 1;
    }
    return undefined;
};

// One line a part: `yes|no`, line, what it is, why not. A part after a failed one was not run.
const judge = () => {
    for (const [index, part] of parts().entries()) {
        const at = place(index);
        const ran = existsSync(`${at}.done`);
        const lines = existsSync(`${at}.out`) ? readFileSync(`${at}.out`, "utf8").split("\n") : undefined;
        const absent = lines === undefined ? undefined : missing(part.prints ?? [], lines);
        let why = "";
        if (lines === undefined) why = "not run";
        else if (!ran) why = part.run === undefined ? "failed" : `did not end with ${part.exit}`;
        else if (absent !== undefined) why = `does not print: ${absent}`;
        const title = part.meanwhile === undefined ? part.run.split("\n")[0] : `(meanwhile: ${part.meanwhile})`;
        console.log([why === "" ? "yes" : "no", part.line, title, why, `${at}.out`].join("\t"));
    }
};

if (use === "script") script();
else judge();
