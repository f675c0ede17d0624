// Every mutant of one parsed source file: small changes of its syntax tree, written back as changes of its text.
//
// A mutant is {operator, start, end, text}: the bytes start..end of the file are replaced by `text`. The operators are those
// of the usual tools, and the same again for assembly, which those tools leave out:
//
//   relation     <  <=  >  >=  become their neighbours;  == and != each other
//   arithmetic   + - * / % ** << >> & | ^  become another one;  so do the compound assignments
//   logic        && and || each other;  ! and ~ are dropped;  ++ and -- each other
//   number       n becomes n + 1 and, above zero, n - 1;  a name or type string becomes another;  hex"…" loses its last bit
//   condition    of an if or ?: becomes true, then false;  that of a loop false
//   statement    is deleted: calls (require among them), assignments, emit, revert, return, continue
//   arguments    two neighbours of one type in a call change places
//   yul-…        the same on assembly: functions (add for sub, lt for gt, iszero dropped …), numbers, conditions, statements
"use strict";

const BINARY = {
  "<": ["<=", ">="], "<=": ["<", ">"], ">": [">=", "<="], ">=": [">", "<"], "==": ["!="], "!=": ["=="],
  "+": ["-"], "-": ["+"], "*": ["/"], "/": ["*"], "%": ["*"], "**": ["*"],
  "<<": [">>"], ">>": ["<<"], "&": ["|"], "|": ["&"], "^": ["&"], "&&": ["||"], "||": ["&&"],
};
const RELATIONS = new Set(["<", "<=", ">", ">=", "==", "!="]);
const LOGIC = new Set(["&&", "||"]);
const COMPOUND = { "+=": "-=", "-=": "+=", "*=": "+=", "|=": "&=", "&=": "|=", "^=": "&=", "<<=": ">>=", ">>=": "<<=" };

/** A Yul call to one of these becomes each of those, `$` standing for its arguments. */
const YUL = {
  add: ["sub($)"], sub: ["add($)"], mul: ["add($)"], div: ["mul($)"], mod: ["div($)"],
  and: ["or($)"], or: ["and($)"], xor: ["and($)"], not: ["($)"],
  shl: ["shr($)"], shr: ["shl($)"], iszero: ["($)"],
  lt: ["gt($)", "iszero(gt($))"], gt: ["lt($)", "iszero(lt($))"], eq: ["iszero(eq($))"],
  keccak256: ["sub($)"],
};

/** Mutants of a syntax tree over the bytes of its file, in the order of the text, each once. */
function mutants(ast, source) {
  const found = [];
  const place = (node) => {
    const [start, length] = (node.nativeSrc ?? node.src).split(":").map(Number);
    return [start, start + length];
  };
  const text = (start, end) => source.subarray(start, end).toString("utf8");
  const add = (operator, start, end, replacement) => {
    if (text(start, end) !== replacement) found.push({ operator, start, end, text: replacement });
  };
  const replace = (operator, node, replacement) => add(operator, ...place(node), replacement);
  /** Replaces an operator that stands between two places. */
  const between = (name, start, end, symbol, replacement) => {
    const gap = text(start, end).replace(/\/\/[^\n]*|\/\*[^]*?\*\//g, (comment) => " ".repeat(Buffer.byteLength(comment)));
    const at = start + Buffer.byteLength(gap.slice(0, gap.indexOf(symbol)));
    add(name, at, at + symbol.length, replacement);
  };
  /** Deletes a statement with its semicolon; Yul has none. */
  const remove = (operator, node, replacement) => {
    const [start, end] = place(node);
    add(operator, start, source[end] === 0x3b ? end + 1 : end, replacement);
  };
  const number = (operator, node) => {
    const value = BigInt(node.value.replace(/_/g, ""));
    const width = /^0x[0-9a-fA-F]{40}$/.test(node.value);
    // A literal as long as an address would be one: written in decimal it stays a number.
    const written = (n) => (width ? n.toString() : node.value.startsWith("0x") ? `0x${hex(n, node.value)}` : n.toString());
    const [start] = place(node);
    const end = start + Buffer.byteLength(literalText(text(start, place(node)[1])));
    add(operator, start, end, written(value + 1n));
    if (value > 0n) add(operator, start, end, written(value - 1n));
  };

  const visit = {
    BinaryOperation(node) {
      const name = RELATIONS.has(node.operator) ? "relation" : LOGIC.has(node.operator) ? "logic" : "arithmetic";
      const [, left] = place(node.leftExpression);
      const [right] = place(node.rightExpression);
      for (const other of BINARY[node.operator] ?? []) between(name, left, right, node.operator, other);
    },
    UnaryOperation(node) {
      const [start, end] = place(node);
      const at = node.prefix ? start : end - node.operator.length;
      const other = { "!": "", "~": "", "-": "", "++": "--", "--": "++" }[node.operator];
      if (other !== undefined) add("logic", at, at + node.operator.length, other);
    },
    Literal(node) {
      if (node.kind === "number") number("number", node);
      else if (node.kind === "string" && node.value !== "") replace("number", node, '"*"');
      else if (node.kind === "hexString") {
        const [, end] = place(node);
        const last = parseInt(text(end - 2, end - 1), 16);
        add("number", end - 2, end - 1, (last ^ 1).toString(16));
      }
    },
    Conditional(node) {
      replace("condition", node.condition, "true");
      replace("condition", node.condition, "false");
    },
    IfStatement(node) {
      visit.Conditional(node);
    },
    ForStatement(node) {
      if (node.condition) replace("condition", node.condition, "false");
    },
    WhileStatement(node) {
      replace("condition", node.condition, "false");
    },
    ExpressionStatement(node) {
      remove("statement", node, "{}");
    },
    EmitStatement(node) {
      remove("statement", node, "{}");
    },
    RevertStatement(node) {
      remove("statement", node, "{}");
    },
    Continue(node) {
      remove("statement", node, "{}");
    },
    Return(node) {
      remove("statement", node, "{}");
    },
    Assignment(node) {
      const other = COMPOUND[node.operator];
      if (other === undefined) return;
      const [, left] = place(node.leftHandSide);
      const [right] = place(node.rightHandSide);
      between("arithmetic", left, right, node.operator, other);
      between("arithmetic", left, right, node.operator, "=");
    },
    FunctionCall(node) {
      // What an error says is not what the contract does.
      const type = node.expression.typeDescriptions?.typeString ?? "";
      if (node.kind !== "functionCall" || type.includes("returns (error)")) return;
      for (let i = 0; i + 1 < node.arguments.length; i += 1) swap(node.arguments[i], node.arguments[i + 1]);
    },
    YulFunctionCall(node) {
      const name = node.functionName.name;
      const [start, end] = place(node);
      const inside = text(place(node.functionName)[1], end).replace(/^\s*\(([^]*)\)$/, "$1");
      for (const form of YUL[name] ?? []) {
        const shape = form === "($)" ? inside : form.replace("$", () => inside);
        add("yul-function", start, end, shape);
      }
    },
    YulLiteral(node) {
      if (node.kind === "number") number("yul-number", node);
      else if (node.kind === "string") replace("yul-number", node, "0");
    },
    YulExpressionStatement(node) {
      remove("yul-statement", node, "");
    },
    YulAssignment(node) {
      remove("yul-statement", node, "");
    },
    YulVariableDeclaration(node) {
      if (node.value && node.value.nodeType !== "YulLiteral") replace("yul-statement", node.value, "0");
    },
    YulIf(node) {
      replace("yul-condition", node.condition, "1");
      replace("yul-condition", node.condition, "0");
    },
    YulForLoop(node) {
      replace("yul-condition", node.condition, "0");
    },
  };

  const swap = (first, second) => {
    const type = (node) => node.typeDescriptions?.typeString;
    const [a, b] = [place(first), place(second)];
    const [one, two] = [text(...a), text(...b)];
    if (type(first) !== type(second) || one === two) return;
    add("arguments", a[0], b[1], two + text(a[1], b[0]) + one);
  };

  const walk = (node) => {
    if (Array.isArray(node)) node.forEach(walk);
    if (node === null || typeof node !== "object" || Array.isArray(node)) return;
    if (SKIPPED.has(node.nodeType)) return;
    visit[node.nodeType]?.(node);
    for (const [key, child] of Object.entries(node)) {
      if (key !== "documentation" && key !== "typeName" && key !== "functionName") walk(child);
    }
  };
  walk(ast);

  const seen = new Set();
  const key = (m) => `${m.start}:${m.end}:${m.text}`;
  return found.sort((a, b) => a.start - b.start || a.end - b.end).filter((m) => !seen.has(key(m)) && seen.add(key(m)));
}

/** Where there is nothing to run. */
const SKIPPED = new Set([
  "PragmaDirective", "ImportDirective", "ErrorDefinition", "EventDefinition", "StructDefinition", "EnumDefinition",
  "UsingForDirective", "ParameterList", "InheritanceSpecifier", "OverrideSpecifier", "StructuredDocumentation",
]);

/** A number without its unit, which stands behind it. */
const literalText = (written) => written.split(/\s/)[0];

/** A number in hexadecimal, as wide as one that was written, at least. */
function hex(value, like) {
  const digits = value.toString(16);
  const padded = digits.padStart(like.length - 2, "0");
  return padded.length % 2 === 0 || like.length % 2 === 1 ? padded : `0${padded}`;
}

module.exports = { mutants };
