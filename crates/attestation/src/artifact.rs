use seed_primitives::canonical_json;
use serde::Serialize;

use crate::{Descriptor, media};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ArtifactManifest<'a> {
    schema_version: u32,
    media_type: &'a str,
    artifact_type: &'a str,
    config: Descriptor,
    layers: [Descriptor; 1],
    #[serde(skip_serializing_if = "Option::is_none")]
    subject: Option<Descriptor>,
}

/// The OCI artifact manifest around one document, as canonical JSON (`docs/protocol.md` §12): the artifact type, the
/// document as its only layer, the empty config, and where there is one the image that it is about.
///
/// The document and [`media::EMPTY_CONFIG`] must be where the manifest is pushed.
#[must_use]
pub fn artifact_manifest(
    artifact_type: &str,
    document: Descriptor,
    subject: Option<Descriptor>,
) -> Vec<u8> {
    let manifest = ArtifactManifest {
        schema_version: 2,
        media_type: media::OCI_MANIFEST,
        artifact_type,
        config: Descriptor::of(media::OCI_EMPTY, media::EMPTY_CONFIG),
        layers: [document],
        subject,
    };
    // Strings and integers always have a JSON form.
    canonical_json(&manifest).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_artifact_manifest_is_what_oci_says_it_is() {
        let document = Descriptor::of(media::LOCATOR, b"{}");
        let subject = Descriptor::of(media::OCI_MANIFEST, b"an image");
        let bytes = artifact_manifest(media::LOCATOR, document.clone(), Some(subject.clone()));
        let value: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(value["schemaVersion"], 2);
        assert_eq!(value["mediaType"], media::OCI_MANIFEST);
        assert_eq!(value["artifactType"], media::LOCATOR);
        assert_eq!(value["config"]["mediaType"], media::OCI_EMPTY);
        assert_eq!(value["config"]["size"], 2);
        assert_eq!(value["layers"], serde_json::json!([document]));
        assert_eq!(value["subject"], serde_json::json!(subject));
        assert_eq!(canonical_json(&value).unwrap(), bytes);
        let bare = artifact_manifest(media::LOCATOR, document, None);
        assert!(!String::from_utf8(bare).unwrap().contains("subject"));
    }
}
