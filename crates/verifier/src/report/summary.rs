use std::{collections::BTreeSet, os::unix::ffi::OsStrExt as _, path::Path};

use seed_attestation::media;
use seed_oci::{Place, Reference};
use seed_primitives::{Digest, write_address, write_bytes32};
use seed_verdict::{CountedBuilder, Release, Supersession, Verified, Vouched};
use serde_json::{Value, json};

use crate::{PolicyFile, moment::timestamp};

/// Who verified, as far as a program can say: whoever signs the summary is who is to be believed.
const VERIFIER: &str = "https://nix-seed.dev/verifiers/seed-verify/v1";
/// The version of SLSA whose verification summary this is; none of its levels is claimed.
const SLSA_VERSION: &str = "1.0";

/// A SLSA verification summary (VSA, `https://slsa.dev/verification_summary/v1`) of one verified image, in an
/// unsigned in-toto statement. There is none of anything that is not a [`Verified`] release.
pub(crate) struct Summary<'a> {
    pub(crate) policy: &'a PolicyFile,
    /// When the verdict was given, Unix seconds.
    pub(crate) time: u64,
    /// The image as it was named.
    pub(crate) reference: &'a str,
    pub(crate) release: &'a Verified<Release>,
    /// SHA-256 of the bundle it was verified from, if it was.
    pub(crate) bundle: Option<Digest>,
}

impl Summary<'_> {
    /// The JSON of the statement, with a line break at its end.
    pub(crate) fn to_json(&self) -> String {
        let predicate = json!({
            "verifier": {"id": VERIFIER, "version": {"seed-verify": env!("CARGO_PKG_VERSION")}},
            "timeVerified": timestamp(self.time),
            "resourceUri": self.resource(),
            "policy": {"uri": file_uri(&self.policy.path), "digest": sha256(&self.policy.digest)},
            "verificationResult": "PASSED",
            "verifiedLevels": self.levels(),
            "inputAttestations": self.inputs(),
            "slsaVersion": SLSA_VERSION,
        });
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": self.subjects(),
            "predicateType": "https://slsa.dev/verification_summary/v1",
            "predicate": predicate,
        });
        format!("{statement}\n")
    }

    /// What was asked for, and of an index each image as well: clusters ask for one, their nodes for the other.
    fn subjects(&self) -> Vec<Value> {
        let asked = self.release.digest;
        let images = self.release.images.iter().map(|image| image.digest);
        let images = images.filter(|digest| *digest != asked);
        std::iter::once(asked)
            .chain(images)
            .map(|digest| json!({"digest": sha256(&digest)}))
            .collect()
    }

    /// The repository that was named, as a package URL; of an image on disk the name of what was built. Always without
    /// digest, so that whoever compares can say once what to expect.
    fn resource(&self) -> String {
        let named: Option<Reference> = self.reference.parse().ok();
        if let Some(Place::Registry { host, repository }) = named.map(|one| one.place) {
            let repository = repository.as_str();
            return format!(
                "pkg:oci/{}?repository_url={}",
                last(repository),
                escape(format!("{host}/{repository}").as_bytes(), b"/:")
            );
        }
        format!("pkg:oci/{}", last(self.release.source.uri.as_str()))
    }

    /// What was established, in this project's own words (`docs/verification-summary.md`).
    fn levels(&self) -> Vec<String> {
        let release = self.release;
        let mut levels = vec![format!(
            "SEED_GRADE_{}",
            release.grade.as_str().to_uppercase()
        )];
        levels.push(format!("SEED_QUORUM_{}", self.quorum()));
        if let Some(inclusion) = &release.inclusion {
            levels.push("SEED_RECORDED".to_owned());
            levels.push(match inclusion.vouched {
                Vouched::Operators => "SEED_HEAD_BY_OPERATORS".to_owned(),
                Vouched::Policy => "SEED_HEAD_PINNED".to_owned(),
            });
        }
        if release.currency.is_some() {
            levels.push("SEED_CURRENT".to_owned());
        }
        let first_use = Supersession::HighWater(None);
        if release.supersession.iter().any(|rule| *rule != first_use) {
            levels.push("SEED_SUPERSESSION_CHECKED".to_owned());
        }
        if release.layers_checked {
            levels.push("SEED_LAYERS_READ".to_owned());
        }
        if release.images.iter().any(|image| image.copy_of.is_some()) {
            levels.push("SEED_REPACKED_COPY".to_owned());
        }
        levels
    }

    /// How many independent builders had to vouch for every image.
    fn quorum(&self) -> u8 {
        let demanded = self.policy.policy.rules();
        let demanded = demanded
            .minimum_threshold
            .max(demanded.minimum_known_signers);
        match &self.release.rules {
            Some(rules) => rules.threshold,
            None => demanded.max(2),
        }
    }

    /// The record, the bundle, and of every builder that counts the evidence manifests it signed and their statements.
    fn inputs(&self) -> Vec<Value> {
        let release = self.release;
        let mut inputs = Vec::new();
        if let (Some(inclusion), Some(currency)) = (&release.inclusion, &release.currency) {
            let ledger = write_address(&inclusion.ledger);
            inputs.push(json!({
                "uri": format!("eip155:{}:{ledger}", inclusion.chain_id),
                "digest": {"keccak256": hex::encode(inclusion.commitment)},
                "annotations": {
                    "release": release.release,
                    "sequence": inclusion.sequence,
                    "block": inclusion.block,
                    "blockHash": write_bytes32(&inclusion.block_hash),
                    "asOf": timestamp(currency.as_of),
                },
            }));
        }
        if let Some(bundle) = &self.bundle {
            inputs.push(json!({"digest": sha256(bundle), "mediaType": media::BUNDLE}));
        }
        inputs.extend(release.builders.iter().flat_map(evidence));
        inputs
    }
}

/// Each evidence manifest once, before the statements that are taken from it.
fn evidence(builder: &CountedBuilder) -> Vec<Value> {
    let mut inputs = Vec::new();
    let mut listed = BTreeSet::new();
    for one in &builder.evidence {
        if listed.insert(one.manifest) {
            inputs.push(json!({
                "digest": sha256(&one.manifest),
                "mediaType": media::OCI_MANIFEST,
                "annotations": {"artifactType": media::EVIDENCE, "builder": builder.builder},
            }));
        }
        inputs.push(json!({
            "digest": sha256(&one.statement),
            "mediaType": media::DSSE,
            "annotations": {"builder": builder.builder, "system": one.system},
        }));
    }
    inputs
}

fn sha256(digest: &Digest) -> Value {
    json!({"sha256": digest.to_hex()})
}

fn last(path: &str) -> String {
    let name = path.rsplit('/').next().unwrap_or(path);
    escape(name.to_lowercase().as_bytes(), b"")
}

/// The file's absolute name as a URI.
fn file_uri(path: &Path) -> String {
    let path = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    format!("file://{}", escape(path.as_os_str().as_bytes(), b"/"))
}

fn escape(text: &[u8], kept: &[u8]) -> String {
    let mut escaped = String::new();
    for &byte in text {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) || kept.contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_a_path_is_called_makes_a_uri() {
        assert_eq!(
            file_uri(Path::new("/a b/%/\u{fc}?#.toml")),
            "file:///a%20b/%25/%C3%BC%3F%23.toml"
        );
        assert!(file_uri(Path::new("policy.toml")).starts_with("file:///"));
        assert_eq!(last("acme/App"), "app");
    }
}
