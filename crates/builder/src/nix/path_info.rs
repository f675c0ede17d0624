use std::collections::{BTreeMap, BTreeSet};

use seed_nix::{NarHash, NixHash, StorePath};
use seed_primitives::Digest;
use serde_json::Value;

use crate::Error;

/// What a store's database says of one path. It is a claim: the audit recomputes what can be recomputed.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct PathInfo {
    /// The NAR hash and size on record.
    pub nar: NarHash,
    /// The paths it refers to, perhaps itself.
    pub references: BTreeSet<StorePath>,
    /// The derivation it came from, where known.
    pub deriver: Option<StorePath>,
    /// Whether this store built it.
    pub ultimate: bool,
    /// How many foreign signatures it carries.
    pub signatures: usize,
    /// When it was registered, in seconds since the epoch.
    pub registered: u64,
}

/// Reads the answer to `nix path-info --json`: a list (to 2.18) or an object by path (after).
pub(crate) fn parse_path_info(json: &[u8]) -> Result<BTreeMap<StorePath, PathInfo>, Error> {
    let bad = |reason: String| Error::NixAnswer {
        command: "nix path-info --json",
        reason,
    };
    let answer: Value = serde_json::from_slice(json).map_err(|error| bad(error.to_string()))?;
    let pairs: Vec<(Option<&str>, &Value)> = match &answer {
        Value::Array(list) => list
            .iter()
            .map(|info| (info.get("path").and_then(Value::as_str), info))
            .collect(),
        Value::Object(map) => {
            let infos = map.get("info").and_then(Value::as_object).unwrap_or(map);
            infos
                .iter()
                .map(|(path, info)| (Some(path.as_str()), info))
                .collect()
        }
        _ => return Err(bad("neither a list nor an object".to_owned())),
    };
    pairs
        .into_iter()
        .map(|(path, info)| {
            let path = path
                .and_then(parse_path)
                .ok_or_else(|| bad("a path is missing or malformed".to_owned()))?;
            let parsed =
                parse_info(info).ok_or_else(|| bad(format!("the entry of {path} is malformed")))?;
            Ok((path, parsed))
        })
        .collect()
}

fn parse_path(text: &str) -> Option<StorePath> {
    if text.starts_with('/') {
        text.parse().ok()
    } else {
        StorePath::from_basename(text.as_bytes()).ok()
    }
}

fn parse_info(info: &Value) -> Option<PathInfo> {
    let references = info.get("references")?.as_array()?;
    let deriver = match info.get("deriver") {
        None | Some(Value::Null) => None,
        Some(deriver) => Some(parse_path(deriver.as_str()?)?),
    };
    Some(PathInfo {
        nar: NarHash {
            digest: parse_hash(info.get("narHash")?)?,
            size: info.get("narSize")?.as_u64()?,
        },
        references: references
            .iter()
            .map(|path| parse_path(path.as_str()?))
            .collect::<Option<_>>()?,
        deriver,
        ultimate: info
            .get("ultimate")
            .and_then(Value::as_bool)
            .unwrap_or(false),
        signatures: info
            .get("signatures")
            .and_then(Value::as_array)
            .map_or(0, Vec::len),
        registered: info
            .get("registrationTime")
            .and_then(Value::as_u64)
            .unwrap_or(0),
    })
}

/// `sha256-<base64>` or `sha256:<base32 or hex>`.
fn parse_hash(value: &Value) -> Option<Digest> {
    match NixHash::parse(value.as_str()?).ok()? {
        NixHash::Sha256(bytes) => Digest::from_bytes(bytes),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATH: &str = "/nix/store/c860dgvrq9lfwimyzrsjhf1ng4a8c2rx-seed";

    #[test]
    fn reads_both_shapes_alike() {
        let list = format!(
            r#"[{{"path":"{PATH}","narHash":"sha256-le9x5C1btJZ4EcGY7vhluLsQhfPM+UpoZWH+/tYpbLY=","narSize":5904,"references":["{PATH}"],"ultimate":true,"registrationTime":1795235564}}]"#
        );
        let object = format!(
            r#"{{"{PATH}":{{"ca":null,"deriver":null,"narHash":"sha256-le9x5C1btJZ4EcGY7vhluLsQhfPM+UpoZWH+/tYpbLY=","narSize":5904,"references":["{PATH}"],"registrationTime":1795235564,"signatures":[],"ultimate":true}}}}"#
        );
        let read = parse_path_info(list.as_bytes()).unwrap();
        assert_eq!(read, parse_path_info(object.as_bytes()).unwrap());
        let info = &read[&PATH.parse().unwrap()];
        assert!(info.ultimate);
        assert_eq!(
            info.nar.digest.to_hex(),
            "95ef71e42d5bb4967811c198eef865b8bb1085f3ccf94a686561fefed6296cb6"
        );
    }

    #[test]
    fn refuses_what_it_does_not_understand() {
        for bad in [
            "",
            "7",
            "[{}]",
            r#"{"x":{}}"#,
            &format!(r#"{{"{PATH}":null}}"#),
        ] {
            assert!(parse_path_info(bad.as_bytes()).is_err(), "{bad}");
        }
    }
}
