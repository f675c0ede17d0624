//! What programs of the small language mean, and which the compiler refuses and where.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use seed_bootstrap_tests::{Chain, folder};

/// Prints signed numbers, a line each.
const PRINT: &str = r#"
buf digits[32];
fn print(n) {
    var p = digits + 31;
    var sign = n < 0;
    p[0] = '\n';
    var size = 1;
    var more = 1;
    while (more) {
        var d = n % 10;
        if (d < 0) d = -d;
        p = p - 1;
        p[0] = '0' + d;
        size = size + 1;
        n = n / 10;
        more = n != 0;
    }
    if (sign) {
        p = p - 1;
        p[0] = '-';
        size = size + 1;
    }
    syscall(1, 1, p, size);
}
"#;

fn prints(chain: &Chain, source: &str, expected: &str) {
    let run = chain.execute(&format!("{source}{PRINT}"), &[]);
    assert_eq!(String::from_utf8_lossy(&run.stdout), expected, "{source}");
    assert_eq!(run.code, Some(0));
}

#[test]
fn operators_bind_as_documented() {
    let chain = Chain::build();
    for (expression, value) in [
        ("1 + 2 * 3", 7),
        ("(1 + 2) * 3", 9),
        ("10 - 4 - 3", 3),
        ("100 / 10 / 5", 2),
        ("1 << 2 + 1", 8),
        ("7 & 3 == 3", 1),
        ("1 | 4 ^ 6 & 3", 7),
        ("5 > 3 == 1", 1),
        ("1 || 0 && 0", 1),
        ("2 || 0", 1),
        ("3 && 4", 1),
        ("!5", 0),
        ("!0 + 1", 2),
        ("-2 * 3", -6),
        ("- - 4", 4),
        ("~0", -1),
        ("-7 / 2", -3),
        ("-7 % 2", -1),
        ("7 / -2", -3),
        ("-1 >> 60", 15),
        ("1 << 63 < 0", 1),
        ("1 << 65", 2),
        ("-1 < 0", 1),
        ("0xFFFFFFFFFFFFFFFF", -1),
        ("9223372036854775807 + 1 < 0", 1),
        ("2147483648", 2_147_483_648_i64),
        (
            "'A' + '\\n' + '\\t' + '\\0' + '\\\\' + '\\'' + '\"'",
            65 + 10 + 9 + 92 + 39 + 34,
        ),
        ("4 >= 4 && 4 <= 4 && 3 != 4", 1),
    ] {
        prints(
            &chain,
            &format!("fn main(argc, argv) {{ print({expression}); return 0; }}"),
            &format!("{value}\n"),
        );
    }
}

#[test]
fn logical_operators_skip_what_they_need_not_evaluate() {
    let chain = Chain::build();
    let source = "var calls; fn yes() { calls = calls + 1; return 1; }
        fn main(argc, argv) { 0 && yes(); 1 || yes(); 1 && yes(); 0 || yes(); print(calls); return 0; }";
    prints(&chain, source, "2\n");
}

#[test]
fn functions_recurse_and_may_be_called_before_they_are_defined() {
    let chain = Chain::build();
    let source = "fn main(argc, argv) { print(fibonacci(20)); print(even(7)); print(sum(1, 2, 3)); return 0; }
        fn fibonacci(n) { if (n < 2) return n; return fibonacci(n - 1) + fibonacci(n - 2); }
        fn even(n) { if (n == 0) return 1; return odd(n - 1); }
        fn odd(n) { if (n == 0) return 0; else return even(n - 1); }
        fn sum(a, b, c) { return a * 100 + b * 10 + c; }";
    prints(&chain, source, "6765\n0\n123\n");
}

#[test]
fn what_is_not_set_is_zero() {
    let chain = Chain::build();
    let source = "var g; buf room[24]; fn nothing() { } fn empty() { return; }
        fn dirty() { var a = 7; var b = 8; return a + b; }
        fn clean() { var a; var b; return a + b; }
        fn main(argc, argv) { dirty(); print(clean() + g + room[23] + room[[2]] + nothing() + empty()); return 0; }";
    prints(&chain, source, "0\n");
}

#[test]
fn buffers_hold_bytes_and_words() {
    let chain = Chain::build();
    let source = "const N = 3; buf b[N]; buf c[0x10]; var after;
        fn main(argc, argv) {
            b[0] = 0x1FF; print(b[0]); print(c - b);
            c[[1]] = -2; print(c[[1]]); print(c[8]); print(c[15]);
            b[b[1] + 1] = 5; print(b[1]);
            c[[b[1] - 5]] = 9; print(c[[0]]); print(after); return 0; }";
    prints(&chain, source, "255\n8\n-2\n254\n255\n5\n9\n0\n");
}

#[test]
fn statements_nest_and_else_belongs_to_the_nearest_if() {
    let chain = Chain::build();
    let source = "fn main(argc, argv) {
            var i = 0;
            while (i < 3) { if (i) if (i == 1) print(10); else print(20); i = i + 1; }
            if (0) { print(1); } else if (0) { print(2); } else { print(3); }
            while (i) { i = i - 1; while (i > 1) i = i - 1; }
            print(i); return 0; }";
    prints(&chain, source, "10\n20\n3\n0\n");
}

#[test]
fn text_ends_with_zero_and_knows_escapes() {
    let chain = Chain::build();
    let source = r#"fn main(argc, argv) { var t = "a\"b\\\n\t\0c // no comment"; syscall(1, 1, t, 8); return t[22]; }"#;
    let run = chain.execute(source, &[]);
    assert_eq!(run.stdout, b"a\"b\\\n\t\0c");
    assert_eq!(run.code, Some(0));
}

#[test]
fn text_and_code_can_not_be_written() {
    let chain = Chain::build();
    let run = chain.execute(
        r#"fn main(argc, argv) { var t = "x"; t[0] = 'y'; return 0; }"#,
        &[],
    );
    assert_eq!(run.code, None, "ended by a signal");
}

#[test]
fn programs_get_arguments_and_return_a_status() {
    let chain = Chain::build();
    let source = "fn main(argc, argv) { var a = argv[[2]]; return argc * 10 + a[0] - '0'; }";
    assert_eq!(chain.execute(source, &["x", "7"]).code, Some(37));
}

#[test]
fn division_by_zero_ends_the_program() {
    let chain = Chain::build();
    assert_eq!(
        chain
            .execute("fn main(argc, argv) { return 1 / (argc - 1); }", &[])
            .code,
        None
    );
}

#[test]
fn refuses_with_position_and_reason() {
    let chain = Chain::build();
    let main = "fn main(argc, argv) { return 0; }";
    for (source, error) in [
        (
            "fn main(argc, argv) {\n  return missing;\n}",
            "2:10: undefined name",
        ),
        (
            "fn main(argc, argv) {\n  missing = 1;\n}",
            "2:3: undefined name",
        ),
        (
            "fn main(argc, argv) { return lost(1) +\n lost(2); }",
            "1:30: undefined function",
        ),
        (
            "fn start(argc, argv) { return 0; }",
            "1:1: undefined function",
        ),
        ("", "1:1: undefined function"),
        ("fn main(argc, argv) { return 0 }", "1:32: unexpected token"),
        (
            "fn main(argc, argv) { return (1; }",
            "1:32: unexpected token",
        ),
        (
            "fn main(argc, argv) { if 1 return 0; }",
            "1:26: unexpected token",
        ),
        ("fn main(argc, argv) { else; }", "1:23: not a value"),
        ("fn main(argc, argv) {", "1:22: unexpected token"),
        ("fn main(argc, argv) return 0;", "1:21: unexpected token"),
        ("fn main(argc argv) { }", "1:14: unexpected token"),
        ("fn main(argc) { }", "1:4: wrong number of arguments"),
        (
            "fn f(a) { } fn main(argc, argv) { f(); }",
            "1:35: wrong number of arguments",
        ),
        (
            "fn main(argc, argv) { g(1); g(1, 2); }",
            "1:29: wrong number of arguments",
        ),
        (
            "fn main(argc, argv) { g(1); } fn g() { }",
            "1:34: wrong number of arguments",
        ),
        (
            "fn main(argc, argv) { syscall(1); }",
            "1:23: wrong number of arguments",
        ),
        ("fn f(a, a) { }", "1:9: already defined"),
        ("var x; var x;", "1:12: already defined"),
        ("fn f() { } fn f() { }", "1:15: already defined"),
        ("var while;", "1:5: already defined"),
        (
            "var g; fn main(argc, argv) { var g; }",
            "1:34: already defined",
        ),
        (
            "fn main(argc, argv) { var a; var a; }",
            "1:34: already defined",
        ),
        (
            "fn main(argc, argv) { 1 = 2; }",
            "1:25: cannot assign to this",
        ),
        (
            "const C = 1; fn main(argc, argv) { C = 2; }",
            "1:38: cannot assign to this",
        ),
        (
            "fn main(argc, argv) { argc + argc = 2; }",
            "1:35: cannot assign to this",
        ),
        ("fn main(argc, argv) { var a = a; }", "1:31: undefined name"),
        ("fn main(argc, argv) { return main; }", "1:30: not a value"),
        ("fn main(argc, argv) { argc(); }", "1:23: not a function"),
        ("var x = 1;", "1:7: unexpected token"),
        ("const C = missing;", "1:11: undefined name"),
        ("buf b[0x10000001];", "1:17: too much memory"),
        ("buf b[0xFFFFFFFFFFFFFFFF];", "1:25: too much memory"),
        ("const C = 99999999999999999999;", "1:11: bad number"),
        ("const C = 0x;", "1:11: bad number"),
        ("const C = 12ab;", "1:11: bad number"),
        ("const C = 'ab';", "1:11: bad character literal"),
        ("const C = '';", "1:11: bad character literal"),
        ("const C = '\\x';", "1:11: bad escape"),
        ("fn main(argc, argv) { \"\\q\"; }", "1:23: bad escape"),
        (
            "fn main(argc, argv) { \"open\n\"; }",
            "1:23: text does not end on its line",
        ),
        (
            "fn main(argc, argv) { \"open\\",
            "1:23: text does not end on its line",
        ),
        (
            "fn main(argc, argv) { return 1 \u{7f} 2; }",
            "1:32: bad character",
        ),
        (
            "fn main(argc, argv) { return \u{e9}; }",
            "1:30: bad character",
        ),
        ("\0", "1:1: bad character"),
        ("\r\n", "1:1: bad character"),
        ("stray", "1:1: unexpected token"),
    ] {
        for stage in ["cc-plain", "cc"] {
            let run = chain.translate(stage, source.as_bytes()).expect_err(source);
            assert_eq!(run.stderr, format!("source:{error}\n"), "{stage}: {source}");
            assert_eq!((run.code, run.stdout.len()), (Some(1), 0));
        }
    }
    assert!(chain.translate("cc", main.as_bytes()).is_ok());
}

/// An expression with its text and its value.
#[derive(Debug, Clone)]
struct Expression {
    text: String,
    level: usize,
    value: i64,
}

const OPERATORS: [(&str, usize); 18] = [
    ("||", 1),
    ("&&", 2),
    ("|", 3),
    ("^", 4),
    ("&", 5),
    ("==", 6),
    ("!=", 6),
    ("<", 7),
    ("<=", 7),
    (">", 7),
    (">=", 7),
    ("<<", 8),
    (">>", 8),
    ("+", 9),
    ("-", 9),
    ("*", 10),
    ("/", 10),
    ("%", 10),
];

fn apply(operator: &str, a: i64, b: i64) -> Option<i64> {
    Some(match operator {
        "||" => i64::from(a != 0 || b != 0),
        "&&" => i64::from(a != 0 && b != 0),
        "|" => a | b,
        "^" => a ^ b,
        "&" => a & b,
        "==" => i64::from(a == b),
        "!=" => i64::from(a != b),
        "<" => i64::from(a < b),
        "<=" => i64::from(a <= b),
        ">" => i64::from(a > b),
        ">=" => i64::from(a >= b),
        "<<" => a.wrapping_shl(b as u32),
        ">>" => (a as u64).wrapping_shr(b as u32) as i64,
        "+" => a.wrapping_add(b),
        "-" => a.wrapping_sub(b),
        "*" => a.wrapping_mul(b),
        "/" => a.checked_div(b)?,
        _ => a.checked_rem(b)?,
    })
}

/// Parentheses only where the levels ask for them.
fn within(expression: &Expression, level: usize) -> String {
    if expression.level < level {
        return format!("({})", expression.text);
    }
    expression.text.clone()
}

fn expressions() -> impl Strategy<Value = Expression> {
    let number = prop_oneof![0..20_i64, any::<i64>().prop_map(|value| value & i64::MAX)];
    let leaf = number.prop_map(|value| Expression {
        text: value.to_string(),
        level: 12,
        value,
    });
    leaf.prop_recursive(6, 48, 2, |inner| {
        let prefix = (prop_oneof![Just("-"), Just("~"), Just("!")], inner.clone()).prop_map(
            |(operator, a)| Expression {
                text: format!("{operator}{}", within(&a, 11)),
                level: 11,
                value: match operator {
                    "-" => a.value.wrapping_neg(),
                    "~" => !a.value,
                    _ => i64::from(a.value == 0),
                },
            },
        );
        let infix = (0..OPERATORS.len(), inner.clone(), inner).prop_map(|(index, a, b)| {
            let (operator, level) = OPERATORS[index];
            match apply(operator, a.value, b.value) {
                Some(value) => {
                    let text =
                        format!("{} {operator} {}", within(&a, level), within(&b, level + 1));
                    Expression { text, level, value }
                }
                None => a,
            }
        });
        prop_oneof![1 => prefix, 4 => infix]
    })
}

#[test]
fn any_expression_has_the_value_that_its_operators_say() {
    let chain = Chain::build();
    let mut runner = TestRunner::new(Config {
        cases: 300,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&expressions(), |expression| {
        let source = format!(
            "buf out[8]; fn main(argc, argv) {{ out[[0]] = {}; syscall(1, 1, out, 8); return 0; }}",
            expression.text
        );
        let run = chain.execute(&source, &[]);
        prop_assert_eq!(run.stdout, expression.value.to_le_bytes());
        prop_assert_eq!(
            chain.translate("cc-plain", source.as_bytes()),
            chain.translate("cc", source.as_bytes())
        );
        Ok(())
    });
    result.expect("every expression");
}

#[test]
fn both_compilers_agree_on_every_source_of_the_folder() {
    let chain = Chain::build();
    let sources = ["cc.bc", "tools/cat.bc"].map(|name| folder().join(name));
    let joined = ["hello", "same", "sha256", "text", "tree", "tally"]
        .map(|name| chain.path(&format!("{name}.bc")));
    for path in sources.iter().chain(&joined) {
        let source = std::fs::read(path).expect("a source");
        let program = chain.translate("cc", &source);
        assert!(program.is_ok(), "{}", path.display());
        assert_eq!(
            chain.translate("cc-plain", &source),
            program,
            "{}",
            path.display()
        );
    }
}

#[test]
fn both_compilers_agree_on_damaged_sources() {
    let chain = Chain::build();
    let source = std::fs::read(chain.path("sha256.bc")).expect("a source");
    let tokens = [
        "", "(", ")", "[", "]]", "{", "}", ";", "=", "==", "\"", "'", "var ", "0x", "9", "/", "//",
        "\\", "é", "\n",
    ];
    let damage = (0..source.len(), 0..3_usize, 0..tokens.len());
    let mut runner = TestRunner::new(Config {
        cases: 600,
        failure_persistence: None,
        ..Config::default()
    });
    let result = runner.run(&damage, |(at, removed, token)| {
        let end = (at + removed).min(source.len());
        let damaged = [&source[..at], tokens[token].as_bytes(), &source[end..]].concat();
        prop_assert_eq!(
            chain.translate("cc-plain", &damaged),
            chain.translate("cc", &damaged)
        );
        Ok(())
    });
    result.expect("the same program or the same error");
}
