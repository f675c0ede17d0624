//! `--vsa`: a verification summary of what was verified, and of nothing else.

#[path = "common/golden.rs"]
mod golden;
#[path = "common/schema.rs"]
mod schema;

use std::{fs, os::unix::fs::PermissionsExt as _, process::Stdio};

use golden::Golden;
use schema::{read_output, vsa_errors};
use seed_attestation::{EvidenceManifest, LayerKind};
use seed_primitives::Digest;
use seed_verdict::{Bundle, Requested};
use serde_json::{Value, json};

impl Golden {
    fn with_vsa(&self, policy: &str, images: &[&str], more: &[&str]) -> (Option<i32>, String) {
        let question = self.question(policy, images);
        let mut all: Vec<&str> = question.iter().map(String::as_str).collect();
        all.extend(["--vsa", "vsa.json"]);
        all.extend(more);
        let output = self.run(&all);
        let printed = String::from_utf8(output.stdout).unwrap();
        (output.status.code(), printed)
    }

    #[track_caller]
    fn vsa(&self) -> Value {
        let text = fs::read_to_string(self.path("vsa.json")).unwrap();
        assert!(text.ends_with("}\n") && text.lines().count() == 1);
        let value = serde_json::from_str(&text).unwrap();
        assert_eq!(vsa_errors(&value), [""; 0], "{value:#}");
        value
    }

    /// Nothing was left behind, half-written or whole.
    #[track_caller]
    fn nothing_new(&self) {
        let names = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> = names.map(|one| one.unwrap().file_name()).collect();
        names.sort();
        let expected = [
            "bundle.json",
            "other.toml",
            "policy.toml",
            "signatures.toml",
            "strange.toml",
        ];
        assert_eq!(names, expected);
    }
}

fn hex(digest: &Digest) -> String {
    digest.to_hex()
}

#[test]
fn says_what_was_verified_under_which_policy_from_what() {
    let golden = Golden::new();
    let (exit, printed) = golden.with_vsa("policy.toml", &[&golden.index.to_string()], &[]);
    assert_eq!(exit, Some(0), "{printed}");
    let vsa = golden.vsa();
    let mode = fs::metadata(golden.path("vsa.json"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);

    // The index and each of its images.
    let bundle = Bundle::from_json(&golden.bundle()).unwrap();
    let mut subjects = vec![json!({"digest": {"sha256": hex(&golden.index)}})];
    subjects.extend(
        bundle
            .images()
            .iter()
            .map(|(_, digest)| json!({"digest": {"sha256": hex(digest)}})),
    );
    assert_eq!(vsa["subject"], json!(subjects));

    let predicate = &vsa["predicate"];
    let policy = fs::read(golden.path("policy.toml")).unwrap();
    let place = golden.folder.path().canonicalize().unwrap();
    let uri = format!("file://{}/policy.toml", place.display());
    assert_eq!(
        predicate["policy"],
        json!({"uri": uri, "digest": {"sha256": hex(&Digest::of(&policy))}})
    );
    assert_eq!(predicate["resourceUri"], "pkg:oci/app");
    let levels = [
        "SEED_GRADE_PROOF",
        "SEED_QUORUM_2",
        "SEED_RECORDED",
        "SEED_HEAD_PINNED",
        "SEED_CURRENT",
    ];
    assert_eq!(predicate["verifiedLevels"], json!(levels));
    let time = predicate["timeVerified"].as_str().unwrap();
    assert!(time > "2026-11-01T00:00:00Z", "{time}");

    // Where the record is, with what was committed there; and the very file.
    let json = golden.json(&golden.question("policy.toml", &[&golden.index.to_string()]));
    let release = read_output(&json.stdout)["images"][0]["release"].clone();
    let inclusion = &release["inclusion"];
    let inputs = &predicate["inputAttestations"];
    let commitment = inclusion["commitment"].as_str().unwrap();
    assert_eq!(
        inputs[0]["uri"],
        format!("eip155:31337:{}", inclusion["ledger"].as_str().unwrap())
    );
    assert_eq!(
        format!("0x{}", inputs[0]["digest"]["keccak256"].as_str().unwrap()),
        commitment
    );
    assert_eq!(inputs[0]["annotations"]["release"], release["release"]);
    assert_eq!(inputs[0]["annotations"]["sequence"], inclusion["sequence"]);
    assert_eq!(
        inputs[0]["annotations"]["blockHash"],
        inclusion["blockHash"]
    );
    assert_eq!(inputs[0]["annotations"]["asOf"], "2026-05-28T20:26:40Z");
    assert_eq!(
        inputs[1]["digest"]["sha256"],
        hex(&Digest::of(&golden.bundle()))
    );
    // Then whose word it rests on, as the bundle has it.
    // Builders are in the order of the rules.
    let sorted = |inputs: &[Value]| {
        let mut inputs: Vec<_> = inputs.iter().map(Value::to_string).collect();
        inputs.sort();
        inputs
    };
    let expected = evidence(&bundle);
    assert_eq!(
        sorted(&inputs.as_array().unwrap()[2..]),
        sorted(expected.as_array().unwrap())
    );
    for builder in release["builders"].as_array().unwrap() {
        let evidence = builder["evidence"].as_array().unwrap();
        let systems: Vec<_> = evidence.iter().map(|one| one["system"].clone()).collect();
        assert_eq!(builder["systems"], json!(systems));
        for one in evidence {
            let hex = |name: &str| one[name].as_str().unwrap().replace("sha256:", "");
            let named = |digest: &str| {
                let mut inputs = inputs.as_array().unwrap().iter();
                inputs.any(|input| {
                    input["annotations"]["builder"] == builder["builder"]
                        && input["digest"]["sha256"] == digest
                })
            };
            assert!(named(&hex("manifest")) && named(&hex("statement")), "{one}");
        }
    }
}

/// What a summary must list of the builders of a bundle in which all count for all images: looked up here in the
/// evidence itself.
fn evidence(bundle: &Bundle) -> Value {
    let blobs = bundle
        .evidence(Requested::Digest(bundle.digest().unwrap()))
        .blobs;
    let mut all = Vec::new();
    for attestation in bundle.attestations() {
        let builder = attestation.builder;
        let bytes = blobs.get(&attestation.evidence).unwrap();
        let manifest = EvidenceManifest::from_json(bytes).unwrap();
        all.push(json!({
            "annotations": {"artifactType": "application/vnd.nix-seed.evidence.v1", "builder": builder},
            "digest": {"sha256": hex(&attestation.evidence)},
            "mediaType": "application/vnd.oci.image.manifest.v1+json",
        }));
        for (system, _) in bundle.images() {
            let statement = manifest.layer(&system, LayerKind::Statement).unwrap();
            all.push(json!({
                "annotations": {"builder": builder, "system": system},
                "digest": {"sha256": hex(&statement.digest)},
                "mediaType": "application/vnd.dsse.envelope.v1+json",
            }));
        }
    }
    json!(all)
}

#[test]
fn one_image_is_one_subject_and_a_repository_its_resource() {
    let golden = Golden::new();
    let bundle = Bundle::from_json(&golden.bundle()).unwrap();
    let (_, digest) = &bundle.images()[1];
    let image = format!("registry.example:5000/acme/app@{digest}");
    let json = ["--output", "json"];
    let (exit, printed) = golden.with_vsa("policy.toml", &[&image], &json);
    assert_eq!(exit, Some(0), "{printed}");
    assert_eq!(read_output(printed.as_bytes())["result"], "verified");
    let vsa = golden.vsa();
    assert_eq!(vsa["subject"], json!([{"digest": {"sha256": hex(digest)}}]));
    assert_eq!(
        vsa["predicate"]["resourceUri"],
        "pkg:oci/app?repository_url=registry.example:5000/acme/app"
    );
}

#[test]
fn signatures_are_called_signatures() {
    let golden = Golden::new();
    let (exit, printed) = golden.with_vsa("signatures.toml", &[&golden.index.to_string()], &[]);
    assert_eq!(exit, Some(0), "{printed}");
    let predicate = &golden.vsa()["predicate"];
    assert_eq!(
        predicate["verifiedLevels"],
        json!(["SEED_GRADE_SIGNATURES", "SEED_QUORUM_2"])
    );
    let inputs = predicate["inputAttestations"].as_array().unwrap();
    assert_eq!(
        inputs[0]["mediaType"],
        "application/vnd.nix-seed.bundle.v1+json"
    );
    let bundle = Bundle::from_json(&golden.bundle()).unwrap();
    assert_eq!(json!(inputs[1..]), evidence(&bundle));
}

#[test]
fn no_level_is_one_of_slsa_s() {
    let schema: Value = serde_json::from_str(schema::VSA).unwrap();
    let levels = &schema["properties"]["predicate"]["properties"]["verifiedLevels"];
    assert_eq!(levels["items"]["pattern"], "^SEED_[A-Z0-9_]+$");
}

#[test]
fn of_what_is_not_verified_there_is_none() {
    let golden = Golden::new();
    for case in golden.cases() {
        if case.exit == 0 {
            continue;
        }
        for form in ["text", "json"] {
            let mut all: Vec<&str> = case.arguments.iter().map(String::as_str).collect();
            all.extend(["--output", form]);
            let without = golden.run(&all).status.code();
            all.extend(["--vsa", "vsa.json"]);
            let output = golden.run(&all);
            let several = case.name == "worst of two";
            assert_eq!(
                output.status.code(),
                if several { Some(2) } else { without }
            );
            golden.nothing_new();
        }
    }
    // Of several images there is none either, even where all are good.
    let index = golden.index.to_string();
    let (exit, printed) = golden.with_vsa("policy.toml", &[&index, &index], &[]);
    assert_eq!((exit, printed.as_str()), (Some(2), ""));
    golden.nothing_new();
}

#[test]
fn without_the_summary_nothing_is_called_verified() {
    let golden = Golden::new();
    let index = golden.index.to_string();
    let full = || fs::File::options().write(true).open("/dev/full").unwrap();
    // The verdict could not be printed: no summary.
    let question = golden.question("policy.toml", &[&index]);
    let mut all: Vec<&str> = question.iter().map(String::as_str).collect();
    all.extend(["--vsa", "vsa.json"]);
    let mut command = golden.command(&all);
    let child = command.stdout(full()).stderr(Stdio::piped()).spawn();
    let output = child.unwrap().wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    golden.nothing_new();

    // The summary could not be written: no verdict.
    for form in ["text", "json"] {
        let more = ["--output", form, "--vsa", "no folder/vsa.json"];
        let mut arguments: Vec<&str> = question.iter().map(String::as_str).collect();
        arguments.extend(more);
        let output = golden.run(&arguments);
        assert_eq!(output.status.code(), Some(3), "{output:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            errors.starts_with("error[output-failed]: no folder/vsa.json"),
            "{errors}"
        );
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(!printed.contains("verified"), "{printed}");
        if form == "json" {
            assert_eq!(
                read_output(printed.as_bytes())["error"]["code"],
                "output-failed"
            );
        }
    }
    golden.nothing_new();

    // A name that is taken is refused before anything is asked, even where a link leads nowhere.
    std::os::unix::fs::symlink("nowhere", golden.path("vsa.json")).unwrap();
    let (exit, printed) = golden.with_vsa("policy.toml", &[&index], &[]);
    assert_eq!((exit, printed.as_str()), (Some(2), ""));
    fs::remove_file(golden.path("vsa.json")).unwrap();
    fs::write(golden.path("vsa.json"), "mine").unwrap();
    let (exit, _) = golden.with_vsa("policy.toml", &[&index], &[]);
    assert_eq!(exit, Some(2));
    assert_eq!(fs::read_to_string(golden.path("vsa.json")).unwrap(), "mine");
}
