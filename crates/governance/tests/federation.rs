//! `seed-gov federation`: whole commands, and the registry of providers behind them.

use std::{fs, path::Path, process::Command};

use proptest::prelude::*;
use seed_governance::{
    federation::Federation,
    providers::{Kind, Providers},
};
use serde_json::{Value, json};

struct Ran {
    code: i32,
    out: String,
    err: String,
}

fn gov(arguments: &[&str]) -> Ran {
    let output = Command::new(env!("CARGO_BIN_EXE_seed-gov"))
        .args(arguments)
        .output()
        .unwrap();
    Ran {
        code: output.status.code().unwrap(),
        out: String::from_utf8(output.stdout).unwrap(),
        err: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Runs `federation <command>` over a file with this text.
fn run(command: &str, text: &str, more: &[&str]) -> Ran {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("federation.toml");
    fs::write(&file, text).unwrap();
    let mut arguments = vec!["federation", command, file.to_str().unwrap()];
    arguments.extend(more);
    gov(&arguments)
}

/// A federation of builders, each with these lines.
fn federation(threshold: u8, builders: &[&str]) -> String {
    let mut text = format!("threshold = {threshold}\nsystems = [\"x86_64-linux\"]\n");
    for (at, lines) in builders.iter().enumerate() {
        text += &format!(
            "[[builders]]\nname = \"b{at}\"\naddress = \"0x{:040x}\"\n{lines}\n",
            at + 1
        );
    }
    text
}

const ADA: &str =
    "parent = \"ada\"\njurisdictions = [\"us\"]\ninfrastructure = [\"metal-a\"]\ncustody = \"a\"";
const BO: &str =
    "parent = \"bo\"\njurisdictions = [\"ch\"]\ninfrastructure = [\"metal-b\"]\ncustody = \"b\"";
const CY: &str =
    "parent = \"cy\"\njurisdictions = [\"br\"]\ninfrastructure = [\"metal-c\"]\ncustody = \"c\"";

fn one_line(ran: &Ran, code: &str) {
    assert!(
        ran.err.starts_with(&format!("error[{code}]: ")),
        "{}",
        ran.err
    );
    assert_eq!(ran.err.lines().count(), 1, "{}", ran.err);
}

#[test]
fn a_good_federation_passes_and_says_so_on_standard_output() {
    let ran = run("check", &federation(2, &[ADA, BO, CY]), &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
    assert_eq!(
        ran.out,
        "3 builders, 1 systems, threshold 2: nothing forbids it\n"
    );
}

#[test]
fn bad_files_are_one_line_with_the_place() {
    let good = federation(2, &[ADA, BO, CY]);
    let unknown = format!("extra = 1\n{good}");
    let ran = run("check", &unknown, &[]);
    assert_eq!(ran.code, 2);
    one_line(&ran, "file-unusable");
    assert!(ran.err.contains("line 1"), "{}", ran.err);
    let country = good.replace("\"ch\"", "\"Switzerland\"");
    let ran = run("build", &country, &[]);
    assert_eq!(ran.code, 2);
    one_line(&ran, "file-unusable");
    assert!(ran.err.contains("builder `b1`"), "{}", ran.err);
    let ran = gov(&["federation", "check", "/nowhere/at/all"]);
    assert_eq!(ran.code, 2);
    one_line(&ran, "file-unusable");
    let ran = run("check", &good, &["--today", "yesterday"]);
    assert_eq!(ran.code, 2);
}

#[test]
fn what_the_constructor_refuses_is_refused() {
    for (threshold, builders) in [(1, vec![ADA, BO, CY]), (2, vec![ADA, BO, CY, ""])] {
        for command in ["check", "build"] {
            let ran = run(command, &federation(threshold, &builders), &[]);
            assert_eq!(ran.code, 1, "{}", ran.err);
            one_line(&ran, "federation-refused");
        }
    }
    let twice = federation(2, &[ADA, BO, CY]).replace(
        "0x0000000000000000000000000000000000000003",
        "0x0000000000000000000000000000000000000002",
    );
    let ran = run("build", &twice, &[]);
    assert_eq!(ran.code, 1);
    one_line(&ran, "federation-refused");
}

#[test]
fn gov_13_a_builder_does_not_govern() {
    let builder = "0x0000000000000000000000000000000000000002";
    for role in ["proposers", "guardians"] {
        let text =
            federation(2, &[ADA, BO, CY]) + &format!("[governance]\n{role} = [\"{builder}\"]\n");
        for command in ["check", "build"] {
            let ran = run(command, &text, &[]);
            assert_eq!(ran.code, 1, "{}", ran.out);
            one_line(&ran, "builder-governs");
        }
    }
}

#[test]
fn a_provider_brings_its_domains_along() {
    let hosted = format!("{BO}\nprovider = \"github-actions\"");
    let ran = run("check", &federation(2, &[ADA, &hosted, CY]), &[]);
    assert_eq!(ran.code, 1);
    one_line(&ran, "provider-domain-missing");
    for domain in [
        "parent microsoft",
        "jurisdiction us",
        "bloc five-eyes",
        "infrastructure azure",
        "issuer token.actions.githubusercontent.com",
    ] {
        let wanted = format!("add \"{domain}\" to its domains (https://");
        assert_eq!(ran.out.matches(&wanted).count(), 1, "{domain}: {}", ran.out);
    }
    let named = format!(
        "{hosted}\ndomains = [\"parent microsoft\", \"jurisdiction us\", \"bloc five-eyes\", \
         \"infrastructure azure\", \"issuer token.actions.githubusercontent.com\"]"
    );
    let ran = run("check", &federation(2, &[ADA, &named, CY]), &[]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    // Now it is seen that it shares a jurisdiction with the first one.
    let ran = run("plan", &federation(2, &[ADA, &named, CY]), &[]);
    assert!(ran.out.contains("never both b0 and b1"), "{}", ran.out);
}

#[test]
fn two_companies_on_one_cloud_are_one_infrastructure() {
    let gitlab = format!("{BO}\nprovider = \"gitlab\"");
    let build = format!("{CY}\nprovider = \"google-cloud-build\"");
    let ran = run("check", &federation(2, &[ADA, &gitlab, &build]), &[]);
    assert_eq!(ran.code, 1);
    let wanted = "add \"infrastructure google-cloud\" to its domains";
    assert_eq!(ran.out.matches(wanted).count(), 2, "{}", ran.out);
    assert!(
        ran.out.contains("builders b1 and b2 both run on google-cloud: two companies on one cloud are one infrastructure"),
        "{}",
        ran.out
    );
    // Who runs the cloud below runs the machines.
    assert!(
        ran.out.contains(
            "builder b1 has provider gitlab on google-cloud, so it is in domain `parent alphabet`"
        ),
        "{}",
        ran.out
    );
}

#[test]
fn unknown_providers_and_names_that_look_alike_are_refused() {
    let unknown = format!("{BO}\nprovider = \"nobody-ci\"");
    let ran = run("check", &federation(2, &[ADA, &unknown, CY]), &[]);
    assert_eq!(ran.code, 1);
    one_line(&ran, "provider-unknown");
    let circle = "parent = \"circleci\"\njurisdictions = [\"us\"]\nissuer = \"oidc.circleci.com\"\nprovider = \"circleci\"";
    let ran = run("check", &federation(2, &[BO, circle, CY]), &[]);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert!(
        ran.out.contains("warning[infrastructure-unknown]: "),
        "{}",
        ran.out
    );
    let alike = BO.replace("metal-b", "Metal A");
    let ran = run("check", &federation(2, &[ADA, &alike, CY]), &[]);
    assert_eq!(ran.code, 1);
    one_line(&ran, "domain-lookalike");
}

#[test]
fn old_facts_are_warned_about() {
    let hosted = "jurisdictions = [\"de\"]\nparent = \"hetzner\"\ninfrastructure = [\"hetzner\"]\nprovider = \"hetzner\"";
    let text = federation(2, &[ADA, BO, hosted]);
    let fresh = run("check", &text, &["--today", "2026-11-22"]);
    assert_eq!(fresh.code, 0, "{}", fresh.out);
    assert!(!fresh.out.contains("fact-outdated"), "{}", fresh.out);
    let more = [
        "--today",
        "2026-12-01",
        "--max-age-days",
        "9",
        "--output",
        "json",
    ];
    let old = run("check", &text, &more);
    assert_eq!(old.code, 0);
    let answer: Value = serde_json::from_str(&old.out).unwrap();
    let findings = answer["findings"].as_array().unwrap();
    let outdated = findings.iter().filter(|one| one["code"] == "fact-outdated");
    assert_eq!(outdated.count(), 4, "{answer}");
    assert_eq!(answer["refused"], Value::Null);
    // A clock before the reading is wrong, or the date is.
    let early = run("check", &text, &["--today", "2026-01-01"]);
    assert!(early.out.contains("fact-outdated"), "{}", early.out);
}

#[test]
fn a_plan_says_what_a_change_changes() {
    let folder = tempfile::tempdir().unwrap();
    let old = folder.path().join("old.toml");
    fs::write(&old, federation(2, &[ADA, BO, CY])).unwrap();
    let same = CY.replace("\"br\"", "\"us\"");
    let text = federation(2, &[ADA, BO, &same]);
    for flag in ["--against", "--before"] {
        let ran = run("plan", &text, &[flag, old.to_str().unwrap()]);
        assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{}", ran.out);
        for line in [
            "builder b2 is now in domain `jurisdiction us`",
            "3 builders of whom 3 can count at once become 3 of whom 2 can",
        ] {
            assert!(ran.out.contains(line), "{line}: {}", ran.out);
        }
    }
    let stuck = federation(
        2,
        &[ADA, &ADA.replace("ada", "eve"), &ADA.replace("ada", "fay")],
    );
    let ran = run("plan", &stuck, &[]);
    assert_eq!(ran.code, 1);
    one_line(&ran, "policy-unmet");
    let ran = run("plan", &text, &["--rpc", "http://127.0.0.1:1"]);
    assert_eq!(ran.code, 2);
    one_line(&ran, "usage");
}

#[test]
fn build_names_every_bit() {
    let ran = run(
        "build",
        &federation(2, &[ADA, BO, CY]),
        &["--output", "json"],
    );
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    let answer: Value = serde_json::from_str(&ran.out).unwrap();
    assert_eq!(
        answer["domains"][2],
        json!({"bit": 34, "name": "bloc five-eyes"})
    );
    let bits = answer["domains"].as_array().unwrap().len();
    assert_eq!(bits, 13);
}

#[test]
fn every_provider_file_is_in_the_registry_and_obeys_the_schema() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("providers");
    let schema: Value =
        serde_json::from_slice(&fs::read(folder.join("schema.json")).unwrap()).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let providers = Providers::embedded().unwrap();
    let mut files = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|end| end != "toml") {
            continue;
        }
        files += 1;
        let text = fs::read_to_string(&path).unwrap();
        let value: Value = toml::from_str(&text).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|e| e.to_string())
            .collect();
        assert!(errors.is_empty(), "{}: {errors:?}", path.display());
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert_eq!(providers.get(name).unwrap().name, name);
        // A fact without a source, an unknown field and a date that is none are refused by schema and reader alike.
        let mut bad = vec![
            format!("colour = \"red\"\n{text}"),
            text.replacen("source = ", "saurce = ", 1),
            text.replacen("date = \"2026-11", "date = \"2026-13", 1),
            text.replacen("https://", "http://", 1),
            text.replacen("values = [", "values = [] # ", 1),
            text.replacen("name = \"", "name = \"A ", 1),
            text.replacen("kind = ", "kinds = ", 1),
        ];
        if text.contains("[jurisdictions]") {
            bad.push(text.replacen(
                "[jurisdictions]\nvalues = [\"",
                "[jurisdictions]\nvalues = [\"x",
                1,
            ));
        }
        for bad in bad {
            let value: Value = toml::from_str(&bad).unwrap();
            assert!(!validator.is_valid(&value), "{bad}");
            assert!(Providers::read([bad.as_str()]).is_err(), "{bad}");
        }
    }
    assert_eq!(files, providers.iter().count());
    let clouds = providers.iter().filter(|one| one.kind == Kind::Compute);
    for cloud in clouds {
        let own = cloud.infrastructure.as_ref().unwrap();
        assert_eq!(own.values, std::slice::from_ref(&cloud.name));
    }
}

#[test]
fn free_domains_give_the_bytes_the_test_kit_gives() {
    let text = federation(
        2,
        &[
            "domains = [\"us\", \"cloud-a\"]",
            "domains = [\"ch\", \"cloud-a\"]",
            "domains = [\"br\", \"us\"]",
        ],
    );
    let ours = Federation::read(&text).unwrap().compile().unwrap();
    let (_, theirs) = seed_testkit::deployment::Federation::configuration(&text).unwrap();
    assert_eq!(ours.configuration.to_bytes(), theirs.to_bytes());
}

proptest! {
    /// Whatever the names: every builder has its own bit, a shared name is a shared bit, all bits fit.
    #[test]
    fn bits_fit_and_stand_for_names(lists in prop::collection::vec(prop::collection::btree_set("[a-f]", 0..4), 3..8)) {
        let lines: Vec<String> = lines(&lists);
        let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
        let threshold = u8::try_from(lines.len() / 2 + 1).unwrap();
        let compiled = Federation::read(&federation(threshold, &lines)).unwrap().compile();
        // The quorum may be out of reach; the rules say so, and nothing is compiled.
        if let Ok(compiled) = compiled {
            for (at, builder) in compiled.configuration.builders.iter().enumerate() {
                prop_assert!(builder.domains.bit(at));
                let names: std::collections::BTreeSet<String> =
                    compiled.names(builder.domains).into_iter().map(str::to_owned).collect();
                prop_assert_eq!(&names, &lists[at]);
            }
        }
    }
}

fn lines(lists: &[std::collections::BTreeSet<String>]) -> Vec<String> {
    lists
        .iter()
        .map(|list| {
            format!("domains = {list:?}")
                .replace('{', "[")
                .replace('}', "]")
        })
        .collect()
}
