//! Bad input ends every stage with status 1: no signal, no endless loop, no program left.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use seed_bootstrap_tests::{Chain, folder};

/// Each stage and a source that it takes.
const STAGES: [(&str, &str); 5] = [
    ("hex0", "seed.hex0"),
    ("hex1", "hex1.hex1"),
    ("asm", "cc.asm"),
    ("cc-plain", "cc.bc"),
    ("cc", "cc.bc"),
];

fn refused(chain: &Chain, stage: &str, source: &[u8]) {
    let shown = String::from_utf8_lossy(&source[..source.len().min(40)]).into_owned();
    match chain.translate(stage, source) {
        Ok(program) => panic!("{stage} made {} bytes of {shown:?}", program.len()),
        Err(run) => assert_eq!(run.code, Some(1), "{stage} on {shown:?}"),
    }
}

fn accepted(chain: &Chain, stage: &str, source: &[u8]) -> Vec<u8> {
    chain
        .translate(stage, source)
        .unwrap_or_else(|run| panic!("{stage}: {run:?}"))
}

/// Any end is fine, but it must be an end of the program's own.
fn survives(chain: &Chain, stage: &str, source: &[u8]) -> bool {
    chain
        .translate(stage, source)
        .map_or_else(|run| run.code == Some(1), |_| true)
}

#[test]
fn wrong_arguments_are_refused() {
    let chain = Chain::build();
    for (stage, source) in STAGES {
        let source = folder().join(source);
        let (missing, result, nowhere) = (
            chain.path("missing"),
            chain.path(&format!("{stage}-result")),
            chain.path("no/where"),
        );
        let directory = folder();
        let full = Path::new("/dev/full");
        let cases: [&[&Path]; 7] = [
            &[],
            &[&source],
            &[&source, &result, &result],
            &[&missing, &result],
            &[&directory, &result],
            &[&source, &nowhere],
            &[&source, full],
        ];
        for args in cases {
            let args: Vec<&OsStr> = args.iter().map(|path| path.as_os_str()).collect();
            let run = chain.run(&chain.program(stage), &args);
            assert!(
                run.code.is_some_and(|code| code != 0),
                "{stage} {args:?}: {run:?}"
            );
            let empty =
                stage == "hex0" && fs::metadata(&result).is_ok_and(|result| result.len() == 0);
            assert!(empty || !result.exists(), "{stage} {args:?} left a result");
        }
        assert!(full.exists(), "a device is no result to remove");
    }
}

#[test]
fn what_can_not_be_written_whole_is_removed() {
    let chain = Chain::build();
    let sources = [("hex1", "asm.hex1"), ("cat", "cc.bc")];
    for (stage, source) in STAGES[2..].iter().chain(&sources) {
        let (source, result) = (folder().join(source), chain.path("result"));
        // Files of at most one block; the refused write is an error, not a signal.
        let script = "trap '' XFSZ; ulimit -f 1; exec \"$@\"";
        let args = [
            "-c".into(),
            script.into(),
            "sh".into(),
            chain.program(stage).into_os_string(),
        ];
        let args = args
            .iter()
            .map(OsString::as_os_str)
            .chain([source.as_ref(), result.as_ref()]);
        let run = chain.run(Path::new("/bin/sh"), &args.collect::<Vec<&OsStr>>());
        assert_eq!(run.code, Some(1), "{stage}: {run:?}");
        assert!(!result.exists(), "{stage} left a part of its result");
    }
}

#[test]
fn hex_is_read_strictly() {
    let chain = Chain::build();
    for stage in ["seed", "hex0", "hex1"] {
        for source in [
            "", "# only\n", "4", "41 4", "4 1", "4\n1", "4#\n1", "4G", "G4", "41,42", "0x41",
            "41\r\n", "41\0", "/0", "@A", "`a", "41\x0b42", "é1", "-1", "414", "4:",
        ] {
            refused(&chain, stage, source.as_bytes());
        }
        let source = b"\t00 fF\n 1a2B # 99 zz\n#\n\n7F#";
        assert_eq!(accepted(&chain, stage, source), [0, 0xFF, 0x1A, 0x2B, 0x7F]);
    }
    let every: String = (0..=255).map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        accepted(&chain, "seed", every.as_bytes()),
        (0..=255).collect::<Vec<u8>>()
    );
}

#[test]
fn labels_are_read_strictly() {
    let chain = Chain::build();
    for stage in ["hex1", "asm"] {
        for source in [
            ".missing",
            "=missing",
            "@missing",
            ":twice :twice .twice",
            ": x",
            ":",
            ".",
            "=",
            "@",
            ":x",
            ":x .X",
            ":xy .x",
            ":x .xy",
        ] {
            refused(&chain, stage, source.as_bytes());
        }
    }
    let source = b".end :here 90 .here =here @here :end 90";
    let expected = [
        &[13, 0, 0, 0, 0x90][..],
        &(-5_i32).to_le_bytes(),
        &0x40_0004_u32.to_le_bytes(),
        &4_u32.to_le_bytes(),
        &[0x90],
    ];
    assert_eq!(accepted(&chain, "hex1", source), expected.concat());
}

#[test]
fn assembly_is_read_strictly() {
    let chain = Chain::build();
    for source in [
        "missing",
        "DEF",
        "DEF x",
        "DEF x 9",
        "DEF x 9G",
        "DEF x 90 DEF x 91 x",
        "x DEF x 90",
        "%",
        "%x",
        "%-1",
        "%4294967296",
        "%99999999999999999999999",
        "!256",
        "!",
        "!0x1",
        "$",
        "$9",
        "$9G",
        "\"open",
        "\"open\n\"",
        "DEF\nx 90 x",
        "DEF x\n90 x",
        "DEF x 90",
        "DEF x 90 X",
    ] {
        refused(&chain, "asm", source.as_bytes());
    }
    let source = b"DEF x 90cC # twice\n:x x x%258 !255 $0aB0 \"# \" .x @x\t%4294967295";
    let expected = [
        &[0x90, 0xCC, 0x90, 0xCC, 2, 1, 0, 0, 0xFF, 0x0A, 0xB0][..],
        b"# ",
        &(-17_i32).to_le_bytes(),
        &[0, 0, 0, 0],
        &[0xFF; 4],
    ];
    let spaced = String::from_utf8_lossy(source).replace("x%", "x %");
    assert_eq!(
        accepted(&chain, "asm", spaced.as_bytes()),
        expected.concat()
    );
    refused(&chain, "asm", source);
}

#[test]
fn tables_have_limits_and_use_them_fully() {
    let chain = Chain::build();
    let labels = |count| {
        (0..count)
            .map(|n| format!(":l{n} 90\n"))
            .collect::<String>()
    };
    let dollar = |text: String| text.replace(" 90", " $90");
    accepted(&chain, "hex1", labels(4096).as_bytes());
    refused(&chain, "hex1", labels(4097).as_bytes());
    accepted(&chain, "asm", dollar(labels(4096)).as_bytes());
    refused(&chain, "asm", dollar(labels(4097)).as_bytes());
    let macros = |count| {
        (0..count)
            .map(|n| format!("DEF m{n} 90\n"))
            .collect::<String>()
            + "m0"
    };
    accepted(&chain, "asm", macros(4096).as_bytes());
    refused(&chain, "asm", macros(4097).as_bytes());
    let globals = |count| {
        (0..count)
            .map(|n| format!("var g{n};\n"))
            .collect::<String>()
            + "fn main(a, b) { }"
    };
    let locals = |count| {
        let locals: String = (2..count).map(|n| format!("var l{n};\n")).collect();
        format!("fn main(a, b) {{ {locals} }}")
    };
    let parentheses = |count| {
        format!(
            "fn main(a, b) {{ return {}1{}; }}",
            "(".repeat(count),
            ")".repeat(count)
        )
    };
    let blocks = |count| {
        format!(
            "fn main(a, b) {{ {}{} }}",
            "{".repeat(count),
            "}".repeat(count)
        )
    };
    let prefixes = |count| format!("fn main(a, b) {{ return {}1; }}", "-".repeat(count));
    let spread = |count: usize| format!("fn main(a, b) {{ {} }}", "b = 1 + 1;".repeat(count));
    for stage in ["cc-plain", "cc"] {
        for (fits, exceeds) in [
            (globals(4086), globals(4087)),
            (locals(256), locals(257)),
            (parentheses(198), parentheses(199)),
            (blocks(200), blocks(201)),
            (prefixes(198), prefixes(199)),
            (spread(40_000), spread(60_000)),
        ] {
            accepted(&chain, stage, fits.as_bytes());
            refused(&chain, stage, exceeds.as_bytes());
        }
        refused(&chain, stage, parentheses(500_000).as_bytes());
        refused(&chain, stage, blocks(500_000).as_bytes());
        refused(&chain, stage, prefixes(1_000_000).as_bytes());
    }
}

#[test]
fn sources_have_a_largest_size() {
    let chain = Chain::build();
    for (stage, source) in &STAGES[1..] {
        let mut source = fs::read(folder().join(source)).expect("a source");
        source.resize((1 << 20) - 1, b' ');
        accepted(&chain, stage, &source);
        source.push(b' ');
        refused(&chain, stage, &source);
        source.resize(3 << 20, b' ');
        refused(&chain, stage, &source);
    }
    let strings = format!("$90\n{}", "\"0123456789abcdef\"\n".repeat(50_000));
    accepted(&chain, "asm", strings.as_bytes());
    let macros = format!("DEF m {}\n{}", "90".repeat(100), "m\n".repeat(11_000));
    refused(&chain, "asm", macros.as_bytes());
}

#[test]
fn truncated_sources_end_on_their_own() {
    let chain = Chain::build();
    for (stage, source) in STAGES {
        let source = fs::read(folder().join(source)).expect("a source");
        for at in (0..source.len()).step_by(source.len() / 150) {
            assert!(
                survives(&chain, stage, &source[..at]),
                "{stage}, cut at {at}"
            );
        }
    }
}

#[test]
fn noise_ends_on_its_own() {
    let chain = Chain::build();
    let any_bytes = vec(any::<u8>(), 0..400);
    let likely = "[0-9a-fA-F :.=@%!$\"#\\n;(){}\\[\\]a-z_'\\\\/&|<>+*-]{0,200}";
    let mut runner = TestRunner::new(Config {
        cases: 150,
        failure_persistence: None,
        ..Config::default()
    });
    for (stage, _) in STAGES {
        let result = runner.run(&any_bytes, |source| {
            prop_assert!(survives(&chain, stage, &source));
            Ok(())
        });
        result.expect(stage);
        let result = runner.run(&likely, |source| {
            prop_assert!(survives(&chain, stage, source.as_bytes()));
            Ok(())
        });
        result.expect(stage);
    }
}
