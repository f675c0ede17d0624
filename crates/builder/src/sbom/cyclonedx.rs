use std::collections::BTreeSet;

use seed_nix::{CAHash, NixHash, StorePath};
use seed_primitives::{Digest, canonical_json};
use serde::Serialize;

use super::{Bill, Part, Source};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Bom<'a> {
    bom_format: &'a str,
    spec_version: &'a str,
    version: u32,
    metadata: Metadata,
    components: Vec<Component>,
    dependencies: Vec<Dependency>,
}

#[derive(Serialize)]
struct Metadata {
    component: Component,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Component {
    r#type: &'static str,
    #[serde(rename = "bom-ref")]
    bom_ref: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    licenses: Vec<Expression>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_references: Vec<Reference>,
    properties: Vec<Property>,
}

#[derive(Serialize)]
struct Expression {
    expression: String,
}

#[derive(Serialize)]
struct Reference {
    r#type: &'static str,
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    comment: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hashes: Vec<Hash>,
}

#[derive(Serialize)]
struct Hash {
    alg: &'static str,
    content: String,
}

#[derive(Serialize)]
struct Property {
    name: &'static str,
    value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Dependency {
    r#ref: String,
    depends_on: BTreeSet<String>,
}

impl Bill {
    /// The CycloneDX 1.5 form. `spdx` is the digest of the SPDX form, which this one names and so binds.
    #[must_use]
    pub fn cyclonedx(&self, spdx: &Digest) -> Vec<u8> {
        let whole = format!("closure:{}", self.closure);
        let mut dependencies = vec![Dependency {
            r#ref: whole.clone(),
            depends_on: self.roots.iter().map(ToString::to_string).collect(),
        }];
        dependencies.extend(self.parts.iter().map(|part| Dependency {
            r#ref: part.path.to_string(),
            depends_on: part.references.iter().map(ToString::to_string).collect(),
        }));
        let same = Reference {
            r#type: "bom",
            url: "sbom.spdx.json".to_owned(),
            comment: None,
            hashes: vec![Hash {
                alg: "SHA-256",
                content: spdx.to_hex(),
            }],
        };
        let bom = Bom {
            bom_format: "CycloneDX",
            spec_version: "1.5",
            version: 1,
            metadata: Metadata {
                component: Component {
                    r#type: "container",
                    bom_ref: whole,
                    name: self.name.clone(),
                    version: None,
                    purl: None,
                    licenses: Vec::new(),
                    external_references: vec![same],
                    properties: vec![property("nix:system", &self.system)],
                },
            },
            components: self.parts.iter().map(component).collect(),
            dependencies,
        };
        // Strings, integers and lists always have a JSON form.
        canonical_json(&bom).unwrap_or_default()
    }
}

fn component(part: &Part) -> Component {
    let (name, version) = part.name();
    let mut properties = vec![
        property("nix:nar_hash", part.nar.digest),
        property("nix:nar_size", part.nar.size),
        property("nix:output_path", &part.path),
    ];
    properties.extend(
        part.derivation
            .iter()
            .map(|path| property("nix:drv_path", path)),
    );
    properties.extend(
        part.sources
            .iter()
            .map(|(path, source)| match source.address() {
                Some(address) => property("nix:source", format!("{path} {address}")),
                None => property("nix:source", path),
            }),
    );
    properties.extend(
        part.fact
            .source_provenance
            .iter()
            .map(|kind| property("nix:source_provenance", kind)),
    );
    Component {
        r#type: "library",
        bom_ref: part.path.to_string(),
        purl: Some(part.purl()),
        name: name.to_owned(),
        version: version.map(str::to_owned),
        licenses: part
            .fact
            .licence
            .iter()
            .map(|licence| Expression {
                expression: licence.clone(),
            })
            .collect(),
        external_references: part.sources.iter().flat_map(downloads).collect(),
        properties,
    }
}

/// Where a source can be had. Only the hash of a file is one that a download can be checked with.
fn downloads((path, source): (&StorePath, &Source)) -> Vec<Reference> {
    let hash = match &source.hash {
        Some(CAHash::Flat(NixHash::Sha256(bytes))) => Some(("SHA-256", bytes.as_slice())),
        Some(CAHash::Flat(NixHash::Sha512(bytes))) => Some(("SHA-512", bytes.as_slice())),
        _ => None,
    };
    let reference = |url: &String| Reference {
        r#type: "distribution",
        url: url.clone(),
        comment: Some(format!("source {path}")),
        hashes: hash
            .iter()
            .map(|(alg, bytes)| Hash {
                alg,
                content: bytes.iter().map(|byte| format!("{byte:02x}")).collect(),
            })
            .collect(),
    };
    source.urls().map(reference).collect()
}

fn property(name: &'static str, value: impl ToString) -> Property {
    Property {
        name,
        value: value.to_string(),
    }
}
