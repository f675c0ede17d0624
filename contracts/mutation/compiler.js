// A process that compiles mutated sources, one request after the other: loading the compiler takes longer than a mutant.
//
// Receives {sources, settings, targets}; answers {code} with the creation code of every target, or {error}.
"use strict";

const solc = require("solc");

// Ends with the program that started it.
process.on("disconnect", () => process.exit());

process.on("message", ({ sources, settings, targets }) => {
  const outputSelection = {};
  for (const { file, name } of targets) outputSelection[file] = { ...outputSelection[file], [name]: ["evm.bytecode.object"] };
  const input = { language: "Solidity", sources, settings: { ...settings, outputSelection } };
  const output = JSON.parse(solc.compile(JSON.stringify(input)));
  const wrong = (output.errors ?? []).find(({ severity }) => severity === "error");
  if (wrong) process.send({ error: wrong.message });
  else process.send({ code: targets.map(({ file, name }) => output.contracts[file][name].evm.bytecode.object) });
});
