use seed_nix::StorePath;
use seed_primitives::canonical_json;
use serde::Serialize;

use super::{Bill, Part};

/// SPDX demands a time; this is the one that every file of an image has.
const CREATED: &str = "1970-01-01T00:00:01Z";
const NOT_KNOWN: &str = "NOASSERTION";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    #[serde(rename = "SPDXID")]
    id: &'static str,
    spdx_version: &'static str,
    data_license: &'static str,
    name: String,
    document_namespace: String,
    creation_info: Creation,
    packages: Vec<Package>,
    relationships: Vec<Relationship>,
}

#[derive(Serialize)]
struct Creation {
    created: &'static str,
    creators: [&'static str; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Package {
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    package_file_name: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    download_location: &'static str,
    files_analyzed: bool,
    license_concluded: &'static str,
    license_declared: String,
    copyright_text: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_info: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<External>,
    primary_package_purpose: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: &'static str,
    checksum_value: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct External {
    reference_category: &'static str,
    reference_type: &'static str,
    reference_locator: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: &'static str,
    related_spdx_element: String,
}

impl Bill {
    /// The SPDX 2.3 form. A part's file name and checksum are those of its NAR serialisation.
    #[must_use]
    pub fn spdx(&self) -> Vec<u8> {
        let seed = "SPDXRef-seed".to_owned();
        let whole = Package {
            id: seed.clone(),
            name: self.name.clone(),
            version_info: None,
            package_file_name: None,
            checksums: Vec::new(),
            download_location: NOT_KNOWN,
            files_analyzed: false,
            license_concluded: NOT_KNOWN,
            license_declared: NOT_KNOWN.to_owned(),
            copyright_text: NOT_KNOWN,
            source_info: Some(format!("closure {} for {}", self.closure, self.system)),
            external_refs: Vec::new(),
            primary_package_purpose: "CONTAINER",
        };
        let mut relationships = vec![relationship("SPDXRef-DOCUMENT", "DESCRIBES", &seed)];
        for part in &self.parts {
            relationships.push(relationship(&seed, "CONTAINS", &id(&part.path)));
        }
        for root in &self.roots {
            relationships.push(relationship(&seed, "DEPENDS_ON", &id(root)));
        }
        for part in &self.parts {
            let used = part.references.iter();
            relationships
                .extend(used.map(|used| relationship(&id(&part.path), "DEPENDS_ON", &id(used))));
        }
        let document = Document {
            id: "SPDXRef-DOCUMENT",
            spdx_version: "SPDX-2.3",
            data_license: "CC0-1.0",
            name: format!("{} for {}", self.name, self.system),
            document_namespace: format!(
                "https://nix-seed.dev/spdx/{}/{}",
                self.system,
                self.closure.to_hex()
            ),
            creation_info: Creation {
                created: CREATED,
                creators: [concat!("Tool: seed-builder-", env!("CARGO_PKG_VERSION"))],
            },
            packages: std::iter::once(whole)
                .chain(self.parts.iter().map(package))
                .collect(),
            relationships,
        };
        // Strings, booleans and lists always have a JSON form.
        canonical_json(&document).unwrap_or_default()
    }
}

fn package(part: &Part) -> Package {
    let (name, version) = part.name();
    Package {
        id: id(&part.path),
        name: name.to_owned(),
        version_info: version.map(str::to_owned),
        package_file_name: Some(format!("{}.nar", part.path.to_basename())),
        checksums: vec![Checksum {
            algorithm: "SHA256",
            checksum_value: part.nar.digest.to_hex(),
        }],
        download_location: NOT_KNOWN,
        files_analyzed: false,
        license_concluded: NOT_KNOWN,
        license_declared: part
            .fact
            .licence
            .clone()
            .unwrap_or_else(|| NOT_KNOWN.to_owned()),
        copyright_text: NOT_KNOWN,
        source_info: origin(part),
        external_refs: vec![External {
            reference_category: "PACKAGE-MANAGER",
            reference_type: "purl",
            reference_locator: part.purl(),
        }],
        primary_package_purpose: "LIBRARY",
    }
}

/// Where a part comes from, in words: its derivation and what that took from outside.
fn origin(part: &Part) -> Option<String> {
    let made = part
        .derivation
        .iter()
        .map(|path| format!("built by {path}"));
    let sources = part.sources.iter().map(|(path, source)| {
        let places = source.address().into_iter().chain(source.urls().cloned());
        match places.collect::<Vec<_>>().join(", ") {
            none if none.is_empty() => format!("from {path}"),
            places => format!("from {path} ({places})"),
        }
    });
    let said = part.fact.source_provenance.iter().cloned();
    let words: Vec<String> = made.chain(sources).chain(said).collect();
    (!words.is_empty()).then(|| words.join("; "))
}

/// Store paths hold letters that SPDX identifiers do not: those become dashes, and the hash keeps them apart.
fn id(path: &StorePath) -> String {
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || matches!(c, '.' | '-') {
            c
        } else {
            '-'
        }
    };
    let name: String = path.to_basename().chars().map(plain).collect();
    format!("SPDXRef-{name}")
}

fn relationship(from: &str, kind: &'static str, to: &str) -> Relationship {
    Relationship {
        spdx_element_id: from.to_owned(),
        relationship_type: kind,
        related_spdx_element: to.to_owned(),
    }
}
