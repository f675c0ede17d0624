//! A graph that Nix 2.8.0 made: text and tree sources, flat and recursive fixed outputs, two outputs, escapes.

use std::{collections::BTreeMap, fs, path::Path};

use seed_nix::{GraphError, GraphLoader, SourceRefusal, Step, StorePath};

const APP: &str = "/nix/store/g74l6m1jyf2x3jxy8lkb2ws8ifgljc41-app.drv";
const LIB: &str = "/nix/store/2sz0kli0hyvnzd17dvz9071ypxmm0fis-lib-1.0.drv";

fn path(text: &str) -> StorePath {
    text.parse().unwrap()
}

fn files() -> BTreeMap<StorePath, Vec<u8>> {
    fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden"))
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let name = entry.file_name().into_string().unwrap();
            (
                path(&format!("/nix/store/{name}")),
                fs::read(entry.path()).unwrap(),
            )
        })
        .collect()
}

fn load(files: &BTreeMap<StorePath, Vec<u8>>) -> Result<Vec<Step>, GraphError> {
    let mut loader = GraphLoader::new(path(APP));
    while let Some(wanted) = loader.wanted() {
        let bytes = files
            .get(&wanted)
            .ok_or(GraphError::Missing(wanted.clone()))?;
        loader.add(&wanted, bytes)?;
    }
    loader.finish()
}

#[test]
fn recomputes_every_path_nix_chose() {
    let steps = load(&files()).unwrap();
    let outputs: Vec<String> = steps
        .iter()
        .flat_map(|step| step.outputs.values())
        .map(ToString::to_string)
        .collect();
    assert_eq!(outputs.len(), 5);
    for expected in [
        "/nix/store/mpkqdrp7kmqxgsl26y0k7qm1vw075iyq-flat.tar",
        "/nix/store/44mf0ddl5gd2xgxm4kb11abklrd57966-recursive",
        "/nix/store/283jfh2ina2m5700g3qmr1dml0v3rz3m-lib-1.0",
        "/nix/store/yb6z3rpk9ipp3zanfxcp1fmw2nyy25xd-lib-1.0-dev",
        "/nix/store/s9jaz0zkwbiymh800bn771ab298w2ikb-app",
    ] {
        assert!(
            outputs.iter().any(|output| output == expected),
            "{expected}"
        );
    }
    assert_eq!(steps.last().unwrap().path, path(APP));
    assert_eq!(steps.iter().filter(|step| step.fixed.is_some()).count(), 2);
    assert!(steps.iter().all(|step| step.impurities.is_empty()));
}

#[test]
fn fixed_outputs_are_sources_at_the_path_their_hash_gives() {
    let steps = load(&files()).unwrap();
    let sources: Vec<_> = steps
        .iter()
        .filter_map(|step| step.source().unwrap().map(|source| (step, source)))
        .collect();
    assert_eq!(sources.len(), 2);
    for (step, source) in sources {
        assert_eq!(step.outputs.values().collect::<Vec<_>>(), [&source.path]);
        // Filed under another path, it is refused.
        let mut moved = step.clone();
        moved.outputs = [("out".to_owned(), path(APP))].into();
        assert!(matches!(moved.source(), Err(SourceRefusal::Path { .. })));
    }
}

#[test]
fn names_the_outputs_that_are_used() {
    let steps = load(&files()).unwrap();
    let app = steps.last().unwrap();
    assert!(!app.input_outputs.is_empty());
    for used in &app.input_outputs {
        let makes = |step: &&Step| step.outputs.values().any(|output| output == used);
        assert!(
            app.input_derivations
                .contains(&steps.iter().find(makes).unwrap().path)
        );
    }
}

#[test]
fn refuses_a_changed_byte_anywhere() {
    let good = files();
    for (name, bytes) in &good {
        for position in (0..bytes.len()).step_by(7) {
            let mut changed = good.clone();
            changed.get_mut(name).unwrap()[position] ^= 1;
            assert!(load(&changed).is_err(), "{name} byte {position}");
        }
    }
}

#[test]
fn refuses_a_consistent_derivation_with_a_wrong_output_path() {
    // The attacker rewrites an output path and files the result under its own, matching path.
    let good = files();
    let text = String::from_utf8(good[&path(LIB)].clone()).unwrap();
    let text = text.replace(
        "283jfh2ina2m5700g3qmr1dml0v3rz3m",
        "183jfh2ina2m5700g3qmr1dml0v3rz3m",
    );
    let mut loader = GraphLoader::new(path(LIB));
    let Err(GraphError::WrongPath { actual, .. }) = loader.add(&path(LIB), text.as_bytes()) else {
        panic!("the path must not match");
    };
    let mut loader = GraphLoader::new(actual.clone());
    loader.add(&actual, text.as_bytes()).unwrap();
    while let Some(wanted) = loader.wanted() {
        loader.add(&wanted, &good[&wanted]).unwrap();
    }
    assert!(matches!(
        loader.finish(),
        Err(GraphError::WrongOutput { .. })
    ));
}

#[test]
fn refuses_missing_and_unasked_files() {
    let mut loader = GraphLoader::new(path(APP));
    assert!(matches!(
        loader.add(&path(LIB), b""),
        Err(GraphError::NotWanted(_))
    ));
    loader.add(&path(APP), &files()[&path(APP)]).unwrap();
    assert!(matches!(loader.finish(), Err(GraphError::Missing(_))));
}

/// A text derivation that uses the given derivations and sources.
fn derivation(inputs: &str, sources: &str) -> Vec<u8> {
    format!(
        r#"Derive([("out","{OUT}","","")],[{inputs}],[{sources}],"x","y",[],[("out","{OUT}")])"#
    )
    .into_bytes()
}

const OUT: &str = "/nix/store/283jfh2ina2m5700g3qmr1dml0v3rz3m-x";

/// Adds `bytes` under the path that they hash to, as an attacker would.
fn filed(bytes: &[u8]) -> Result<GraphLoader, GraphError> {
    let wrong = path("/nix/store/00000000000000000000000000000000-x.drv");
    let mut loader = GraphLoader::new(wrong.clone());
    let Err(GraphError::WrongPath { actual, .. }) = loader.add(&wrong, bytes) else {
        return loader.add(&wrong, bytes).map(|()| loader);
    };
    let mut loader = GraphLoader::new(actual.clone());
    loader.add(&actual, bytes).map(|()| loader)
}

#[test]
fn a_hundred_thousand_inputs_are_asked_for_one_by_one() {
    let inputs: Vec<String> = (0..100_000)
        .map(|at| format!(r#"("/nix/store/{at:032}-i.drv",["out"])"#))
        .collect();
    let loader = filed(&derivation(&inputs.join(","), "")).unwrap();
    let first = loader.wanted().unwrap();
    assert_eq!(first.name(), "i.drv");
    assert!(matches!(loader.finish(), Err(GraphError::Missing(path)) if path == first));
}

#[test]
fn a_million_inputs_are_too_large() {
    let sources: Vec<String> = (0..1_000_000)
        .map(|at| format!(r#""/nix/store/{at:032}-i""#))
        .collect();
    let root = path(APP);
    let mut loader = GraphLoader::new(root.clone());
    let error = loader.add(&root, &derivation("", &sources.join(",")));
    assert_eq!(error, Err(GraphError::TooLarge { path: root }));
}

#[test]
fn a_circle_cannot_be_filed_under_its_own_paths() {
    // A path follows from contents that name the other path: whatever is tried, one of the two is wrong.
    let mut inputs = String::new();
    for _ in 0..3 {
        let bytes = derivation(&inputs, "");
        let wrong = path("/nix/store/00000000000000000000000000000000-x.drv");
        let found = GraphLoader::new(wrong.clone()).add(&wrong, &bytes);
        let Err(GraphError::WrongPath { actual, .. }) = found else {
            panic!("{found:?}");
        };
        assert!(!inputs.contains(&actual.to_string()));
        inputs = format!(r#"("{actual}",["out"])"#);
    }
}

#[test]
fn refuses_garbage_without_panicking() {
    for bytes in [
        b"".as_slice(),
        b"Derive(",
        b"Derive([],[],[],\"\",\"\",[],[])",
        &[0xff; 64],
    ] {
        let mut loader = GraphLoader::new(path(APP));
        assert!(loader.add(&path(APP), bytes).is_err());
    }
}
