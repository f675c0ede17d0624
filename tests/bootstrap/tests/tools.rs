//! The tools and the project do what they say, and leave nothing half made.
#![cfg(all(target_arch = "x86_64", target_os = "linux"))]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use seed_bootstrap_tests::{Chain, Run};
use sha2::{Digest, Sha256};

fn tool(chain: &Chain, name: &str, args: &[&Path]) -> Run {
    let args: Vec<&OsStr> = args.iter().map(|path| path.as_os_str()).collect();
    chain.run(&chain.program(name), &args)
}

fn file(chain: &Chain, name: &str, bytes: &[u8]) -> PathBuf {
    let path = chain.path(name);
    fs::write(&path, bytes).expect("a file written");
    path
}

/// Bytes without a pattern that a block size could hide.
fn bytes(size: usize) -> Vec<u8> {
    let mut state = size as u64 + 1;
    let next = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    };
    (0..size).map(next).collect()
}

#[test]
fn sha256_agrees_with_another_implementation_for_many_lengths() {
    let chain = Chain::build();
    let around = [1 << 16, 1 << 17]
        .iter()
        .flat_map(|size| size - 66..size + 66);
    let sizes: Vec<usize> = (0..=260).chain(around).chain([1_000_003]).collect();
    let paths: Vec<PathBuf> = sizes
        .iter()
        .map(|size| file(&chain, &format!("size-{size}"), &bytes(*size)))
        .collect();
    let result = chain.path("digests");
    let mut args: Vec<&Path> = paths.iter().map(PathBuf::as_path).collect();
    args.push(&result);
    assert_eq!(tool(&chain, "sha256", &args).code, Some(0));
    let expected: String = sizes
        .iter()
        .zip(&paths)
        .map(|(size, path)| {
            format!(
                "{}  {}\n",
                hex::encode(Sha256::digest(bytes(*size))),
                path.display()
            )
        })
        .collect();
    assert_eq!(fs::read_to_string(result).expect("digests"), expected);
}

#[test]
fn cat_joins_files() {
    let chain = Chain::build();
    let parts: Vec<PathBuf> = [0, 1, 65_536, 200_000]
        .iter()
        .map(|size| file(&chain, &format!("part-{size}"), &bytes(*size)))
        .collect();
    let result = chain.path("joined");
    let mut args: Vec<&Path> = parts.iter().map(PathBuf::as_path).collect();
    args.push(&result);
    assert_eq!(tool(&chain, "cat", &args).code, Some(0));
    let expected: Vec<u8> = [0, 1, 65_536, 200_000]
        .into_iter()
        .flat_map(bytes)
        .collect();
    assert_eq!(fs::read(result).expect("joined"), expected);
}

#[test]
fn text_writes_its_arguments() {
    let chain = Chain::build();
    let result = chain.path("lines");
    assert_eq!(
        tool(
            &chain,
            "text",
            &["one".as_ref(), "".as_ref(), "two words".as_ref(), &result]
        )
        .code,
        Some(0)
    );
    assert_eq!(fs::read(result).expect("lines"), b"one\n\ntwo words\n");
}

#[test]
fn same_finds_the_first_difference() {
    let chain = Chain::build();
    let good = file(&chain, "good", &bytes(70_000));
    let copy = file(&chain, "copy", &bytes(70_000));
    let mut changed = bytes(70_000);
    changed[65_537] ^= 1;
    let other = file(&chain, "other", &changed);
    let longer = file(&chain, "longer", &[bytes(70_000), vec![0]].concat());
    let result = chain.path("result");
    for (third, at) in [(&other, 65_537), (&longer, 70_000)] {
        let run = tool(&chain, "same", &[&good, &copy, third, &result]);
        assert_eq!(run.code, Some(1));
        let expected = format!(
            "{} and {} differ after this many bytes: {at}\n",
            good.display(),
            third.display()
        );
        assert_eq!(run.stderr, expected);
        assert!(!result.exists());
    }
    assert_eq!(
        tool(&chain, "same", &[&good, &copy, &good, &result]).code,
        Some(0)
    );
    assert_eq!(
        fs::read(result).expect("result"),
        b"3 files of 70000 bytes are the same\n"
    );
}

#[test]
fn tree_makes_links_in_directories() {
    let chain = Chain::build();
    let root = chain.path("root");
    let args: [&Path; 7] = [
        "bin/a".as_ref(),
        "/x".as_ref(),
        "bin/b".as_ref(),
        "/y".as_ref(),
        "c".as_ref(),
        "z".as_ref(),
        &root,
    ];
    assert_eq!(tool(&chain, "tree", &args).code, Some(0));
    for (name, target) in [("bin/a", "/x"), ("bin/b", "/y"), ("c", "z")] {
        assert_eq!(
            fs::read_link(root.join(name)).expect(name),
            Path::new(target)
        );
    }
    assert_eq!(
        tool(&chain, "tree", &args).code,
        Some(1),
        "it is there already"
    );
    let long = "n".repeat(5_000);
    let run = tool(
        &chain,
        "tree",
        &[long.as_ref(), "t".as_ref(), &chain.path("other")],
    );
    assert_eq!(run.code, Some(1));
    assert!(run.stderr.ends_with("path too long\n"));
}

#[test]
fn hello_greets() {
    let chain = Chain::build();
    let run = tool(&chain, "hello", &[]);
    assert_eq!(
        (run.code, run.stdout.as_slice()),
        (
            Some(0),
            &b"Hello from a seed that was built from source.\n"[..]
        )
    );
}

#[test]
fn the_project_counts_lines_words_and_bytes() {
    let chain = Chain::build();
    let one = file(&chain, "one", b"two words\nand  more\n\n");
    let two = file(&chain, "two", b"open");
    let result = chain.path("tallied");
    assert_eq!(tool(&chain, "tally", &[&one, &two, &result]).code, Some(0));
    assert_eq!(
        fs::read(result).expect("tallied"),
        b"lines 3, words 5, bytes 25\n"
    );
}

#[test]
fn tools_say_what_failed_and_leave_nothing() {
    let chain = Chain::build();
    let (missing, result) = (chain.path("missing"), chain.path("never"));
    let good = file(&chain, "good", b"good");
    for name in ["cat", "sha256", "same", "tally"] {
        let run = tool(&chain, name, &[&good, &missing, &result]);
        assert_eq!(run.code, Some(1), "{name}");
        assert_eq!(run.stderr, format!("{}: cannot open\n", missing.display()));
        assert!(!result.exists(), "{name} left a result");
        let run = tool(&chain, name, &[&good, chain.path("").as_path(), &result]);
        assert_eq!(run.code, Some(1), "{name}");
        assert!(
            run.stderr.ends_with("cannot read\n"),
            "{name}: {}",
            run.stderr
        );
        assert!(!result.exists(), "{name} left a result");
        let nowhere = chain.path("no/where");
        let run = tool(&chain, name, &[&good, &good, &nowhere]);
        assert_eq!(
            (run.code, run.stderr),
            (Some(1), format!("{}: cannot create\n", nowhere.display())),
            "{name}"
        );
        let full = Path::new("/dev/full");
        let run = tool(&chain, name, &[&good, &good, full]);
        assert_eq!(
            (run.code, run.stderr.as_str()),
            (Some(1), "/dev/full: cannot write\n"),
            "{name}"
        );
        assert!(full.exists());
    }
    for name in ["cat", "sha256", "same", "tally", "text", "tree"] {
        let run = tool(&chain, name, &[]);
        assert_eq!(run.code, Some(1), "{name}");
        assert!(
            run.stderr.starts_with(&format!("usage: {name} ")),
            "{}",
            run.stderr
        );
    }
}
