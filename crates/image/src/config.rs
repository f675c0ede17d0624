use std::collections::BTreeMap;

use seed_primitives::{Digest, System, canonical_json};
use serde::{Deserialize, Serialize};

use crate::{
    ReadError,
    error::read_json,
    manifest::{MAX_CONFIG_BYTES, MAX_LAYERS},
};

/// The creation time of every image we write: the epoch plus one second, the time of every file inside.
pub(crate) const CREATED: &str = "1970-01-01T00:00:01Z";

/// What of an OCI image config decides on what runs: the platform and the layers' uncompressed digests.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ImageConfig {
    /// The operating system, such as `linux`.
    pub os: String,
    /// The OCI architecture, such as `amd64`.
    pub architecture: String,
    /// SHA-256 of every uncompressed layer, lowest first.
    pub diff_ids: Vec<Digest>,
    /// What a container of the image runs and sees.
    pub run: RunConfig,
}

/// The part of an image config that is about running it.
#[derive(Clone, Debug, Default, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
pub struct RunConfig {
    /// The default command, empty for none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub cmd: Vec<String>,
    /// The environment, `NAME=value`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub env: Vec<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wire {
    architecture: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    created: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    author: Option<String>,
    #[serde(default)]
    config: WireRun,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) history: Vec<serde_json::Value>,
    os: String,
    rootfs: RootFs,
}

/// Everything OCI knows of running, read strictly and mostly read over.
#[derive(Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, rename_all = "PascalCase")]
struct WireRun {
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    cmd: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    env: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entrypoint: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exposed_ports: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    labels: Option<BTreeMap<String, String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stop_signal: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    volumes: Option<BTreeMap<String, serde_json::Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    working_dir: Option<String>,
}

#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct RootFs {
    diff_ids: Vec<Digest>,
    r#type: String,
}

impl ImageConfig {
    /// Reads the bytes of an image config.
    ///
    /// # Errors
    /// [`ReadError`] for unknown or duplicate fields (so that no other reader can understand another
    /// platform, whatever its rules on letter case), a variant or OS version, a root file system that is not
    /// `layers`, no layers or more than [`MAX_LAYERS`].
    pub fn parse(bytes: &[u8]) -> Result<Self, ReadError> {
        let wire: Wire = read_json("config", bytes, MAX_CONFIG_BYTES)?;
        if wire.rootfs.r#type != "layers" {
            return Err(ReadError::unexpected(
                "config",
                "rootfs.type",
                wire.rootfs.r#type,
                "layers",
            ));
        }
        let layers = wire.rootfs.diff_ids.len();
        if layers == 0 || layers > MAX_LAYERS {
            let expected = format!("1 to {MAX_LAYERS} layers");
            return Err(ReadError::unexpected(
                "config",
                "rootfs.diff_ids",
                layers,
                expected,
            ));
        }
        for (field, text) in [("os", &wire.os), ("architecture", &wire.architecture)] {
            if text.is_empty() || text.len() > 64 {
                return Err(ReadError::unexpected(
                    "config",
                    field,
                    text,
                    "1 to 64 bytes",
                ));
            }
        }
        Ok(Self {
            os: wire.os,
            architecture: wire.architecture,
            diff_ids: wire.rootfs.diff_ids,
            run: RunConfig {
                cmd: wire.config.cmd,
                env: wire.config.env,
            },
        })
    }

    /// The Nix system of this config's platform, `None` for a platform that is no system of ours.
    #[must_use]
    pub fn system(&self) -> Option<System> {
        System::from_oci_platform(&self.os, &self.architecture)
    }

    /// The canonical bytes: sorted keys, no white space, a fixed creation time.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.to_bytes_with(Vec::new())
    }

    /// The canonical bytes with a history.
    pub(crate) fn to_bytes_with(&self, history: Vec<serde_json::Value>) -> Vec<u8> {
        let wire = Wire {
            architecture: self.architecture.clone(),
            created: Some(CREATED.to_owned()),
            author: None,
            config: WireRun {
                cmd: self.run.cmd.clone(),
                env: self.run.env.clone(),
                ..WireRun::default()
            },
            history,
            os: self.os.clone(),
            rootfs: RootFs {
                diff_ids: self.diff_ids.clone(),
                r#type: "layers".to_owned(),
            },
        };
        // Strings and lists of strings always have a JSON form.
        canonical_json(&wire).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config() -> ImageConfig {
        ImageConfig {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            diff_ids: vec![Digest::of(b"one"), Digest::of(b"two")],
            run: RunConfig {
                cmd: vec!["/bin/x".to_owned()],
                env: vec!["A=b".to_owned()],
            },
        }
    }

    #[test]
    fn canonical_bytes_round_trip_and_are_exact() {
        let bytes = config().to_bytes();
        assert_eq!(ImageConfig::parse(&bytes).unwrap(), config());
        let expected = format!(
            r#"{{"architecture":"amd64","config":{{"Cmd":["/bin/x"],"Env":["A=b"]}},"created":"1970-01-01T00:00:01Z","os":"linux","rootfs":{{"diff_ids":["{}","{}"],"type":"layers"}}}}"#,
            Digest::of(b"one"),
            Digest::of(b"two")
        );
        assert_eq!(String::from_utf8(bytes).unwrap(), expected);
        assert_eq!(config().system().unwrap().as_str(), "x86_64-linux");
    }

    #[test]
    fn refuses_a_second_meaning() {
        let text = String::from_utf8(config().to_bytes()).unwrap();
        let cases = [
            text.replacen(r#""os":"#, r#""OS":"windows","os":"#, 1),
            text.replacen(r#""os":"#, r#""os":"windows","os":"#, 1),
            text.replacen(r#""os":"#, r#""variant":"v8","os":"#, 1),
            text.replacen(r#""os":"#, r#""os.version":"1","os":"#, 1),
            text.replacen(r#""type":"layers""#, r#""type":"other""#, 1),
            text.replacen(r#""os":"linux""#, r#""os":"""#, 1),
            text.replacen(&Digest::of(b"one").to_string(), "sha256:1", 1),
            format!("{text}{text}"),
            "{}".to_owned(),
            "null".to_owned(),
        ];
        for case in cases {
            assert!(ImageConfig::parse(case.as_bytes()).is_err(), "{case}");
        }
        let none = ImageConfig {
            diff_ids: vec![],
            ..config()
        };
        assert!(ImageConfig::parse(&none.to_bytes()).is_err());
    }
}
