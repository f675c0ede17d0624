// Asks a ledger how a release stands: life-status.mjs RPC CAST LEDGER RELEASE [ATTESTATION…]
// The record is read from the ledger's own event; attestations are presented beside it as endorsements. Prints
// {"code", "systems", "withdrawals"}.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const [rpc, cast, ledger, release, ...files] = process.argv.slice(2);
const run = (...args) => execFileSync(cast, args, { encoding: "utf8" }).trim();
const ask = (signature, ...args) => run("call", "--rpc-url", rpc, ledger, signature, ...args);
const standings = ["Unknown", "Final", "Disputed", "Tainted"];

const record = () => {
    const topic = run("keccak", "ReleaseFinalised(bytes32,bytes)");
    const found = run("logs", "--json", "--rpc-url", rpc, "--address", ledger, "--from-block", "0", topic, release);
    const logs = JSON.parse(found);
    if (logs.length === 0) return Buffer.alloc(0);
    const data = Buffer.from(run("decode-abi", "f()(bytes)", logs[0].data).slice(2), "hex");
    return data.subarray(0, 32 * (4 + 2 * data[2] + data[1]));
};

// Each endorsement: index in the rules of the record, systems, evidence, signature. One system here: its mask is 1.
const endorsements = (record) => {
    const rules = `0x${record.subarray(108, 128).toString("hex")}`;
    const count = Number(run("call", "--rpc-url", rpc, rules, "builderCount()(uint256)"));
    const builders = [...Array(count).keys()].map((index) =>
        run("call", "--rpc-url", rpc, rules, "builderAt(uint256)(address)", String(index)).toLowerCase(),
    );
    const packed = files
        .map((file) => JSON.parse(readFileSync(file, "utf8")))
        .map((one) => ({ one, index: builders.indexOf(one.builder) }))
        .sort((a, b) => a.index - b.index)
        .map(({ one, index }) =>
            [
                index.toString(16).padStart(2, "0"),
                "1".padStart(16, "0"),
                one.evidence.replace("sha256:", ""),
                one.signature.slice(2),
            ].join(""),
        );
    return `0x${packed.join("")}`;
};

const answer = "(uint8,uint8[],(address,uint64,uint8,uint64)[])";
const bytes = record();
const hex = `0x${bytes.toString("hex")}`;
const [standing, systems, withdrawals] = (
    files.length === 0
        ? ask(`status(bytes32,bytes)${answer}`, release, hex)
        : ask(`status(bytes32,bytes,bytes)${answer}`, release, hex, endorsements(bytes))
).split("\n");
console.log(JSON.stringify({ code: standings[Number(standing)], systems, withdrawals }));
