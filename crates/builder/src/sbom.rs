use std::collections::{BTreeMap, BTreeSet};

use seed_image::PackedPath;
use seed_nix::StorePath;
use seed_primitives::{Digest, System, Target, canonical_json};
use serde::Serialize;

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
struct Component {
    r#type: &'static str,
    #[serde(rename = "bom-ref")]
    bom_ref: String,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    purl: Option<String>,
    properties: Vec<Property>,
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

/// The CycloneDX 1.5 bill of materials of a closure as canonical JSON, without time or serial number: honest
/// builders write the same bytes.
///
/// Takes the packed paths, the derivation of each path where there is one, the paths of the target itself,
/// and the closure digest, target and system that name the whole.
#[must_use]
pub fn sbom<C>(
    closure: &[PackedPath<C>],
    derivations: &BTreeMap<StorePath, StorePath>,
    applications: &BTreeSet<StorePath>,
    digest: &Digest,
    target: &Target,
    system: &System,
) -> Vec<u8> {
    let whole = format!("closure:{digest}");
    let component = |path: &PackedPath<C>| {
        let store_path = &path.entry.path;
        let (name, version) = split_name(store_path.name());
        let mut properties = vec![
            property("nix:nar_hash", path.entry.nar.digest),
            property("nix:nar_size", path.entry.nar.size),
            property("nix:output_path", store_path),
        ];
        properties.extend(
            derivations
                .get(store_path)
                .map(|path| property("nix:drv_path", path)),
        );
        Component {
            r#type: "library",
            bom_ref: store_path.to_string(),
            purl: Some(purl(name, version)),
            name: name.to_owned(),
            version: version.map(str::to_owned),
            properties,
        }
    };
    let mut sorted: Vec<&PackedPath<C>> = closure.iter().collect();
    sorted.sort_by(|a, b| a.entry.path.cmp(&b.entry.path));
    let mut dependencies = vec![Dependency {
        r#ref: whole.clone(),
        depends_on: applications.iter().map(ToString::to_string).collect(),
    }];
    dependencies.extend(sorted.iter().map(|path| {
        Dependency {
            r#ref: path.entry.path.to_string(),
            depends_on: path
                .references
                .iter()
                .filter(|used| **used != path.entry.path)
                .map(ToString::to_string)
                .collect(),
        }
    }));
    let bom = Bom {
        bom_format: "CycloneDX",
        spec_version: "1.5",
        version: 1,
        metadata: Metadata {
            component: Component {
                r#type: "container",
                bom_ref: whole,
                name: target.to_string(),
                version: None,
                purl: None,
                properties: vec![property("nix:system", system)],
            },
        },
        components: sorted.into_iter().map(component).collect(),
        dependencies,
    };
    // Strings, integers and lists always have a JSON form.
    canonical_json(&bom).unwrap_or_default()
}

fn property(name: &'static str, value: impl ToString) -> Property {
    Property {
        name,
        value: value.to_string(),
    }
}

/// Name and version as Nix splits them: the version begins after the first dash not followed by a letter.
fn split_name(text: &str) -> (&str, Option<&str>) {
    for (at, _) in text.match_indices('-') {
        let version = text.get(at + 1..).unwrap_or_default();
        if version.starts_with(|c: char| !c.is_ascii_alphabetic()) {
            return (text.get(..at).unwrap_or(text), Some(version));
        }
    }
    (text, None)
}

fn purl(name: &str, version: Option<&str>) -> String {
    let escape = |text: &str| {
        text.bytes()
            .map(|b| match b {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' | b'~' => {
                    char::from(b).to_string()
                }
                _ => format!("%{b:02X}"),
            })
            .collect::<String>()
    };
    match version {
        Some(version) => format!("pkg:nix/{}@{}", escape(name), escape(version)),
        None => format!("pkg:nix/{}", escape(name)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn splits_names_as_nix_does() {
        assert_eq!(split_name("hello-2.12.1"), ("hello", Some("2.12.1")));
        assert_eq!(
            split_name("gcc-wrapper-13.2.0-lib"),
            ("gcc-wrapper", Some("13.2.0-lib"))
        );
        assert_eq!(split_name("source"), ("source", None));
        assert_eq!(purl("gtk+", Some("3.24")), "pkg:nix/gtk%2B@3.24");
    }
}
