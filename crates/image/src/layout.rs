use std::collections::BTreeSet;

use seed_nix::StorePath;
use serde::{Deserialize, Serialize};

use crate::{
    ImageConfig, ReadError, config::CREATED, config::Wire, error::read_json,
    manifest::MAX_CONFIG_BYTES,
};

/// Which store paths lie in which layer of an image, lowest layer first.
///
/// An image of this packer says so itself, in the history of its config (`docs/image.md`).
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Layout(Vec<BTreeSet<StorePath>>);

/// One entry of a config's history, as this packer writes it.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// The base names of the layer's store paths, ascending, with a space between two.
    #[serde(default)]
    comment: String,
    created: String,
    created_by: String,
}

impl Layout {
    /// A layout of `layers`, lowest first; `None` when a store path is in two of them.
    #[must_use]
    pub fn new(layers: impl IntoIterator<Item = BTreeSet<StorePath>>) -> Option<Self> {
        let layers: Vec<_> = layers.into_iter().collect();
        let all: BTreeSet<&StorePath> = layers.iter().flatten().collect();
        let count: usize = layers.iter().map(BTreeSet::len).sum();
        (all.len() == count).then_some(Self(layers))
    }

    /// The store paths of each layer, lowest first; a layer without store paths is an empty set.
    #[must_use]
    pub fn layers(&self) -> &[BTreeSet<StorePath>] {
        &self.0
    }

    /// The layout that an image config of this packer, in any of its versions since the second, tells of.
    ///
    /// # Errors
    /// [`ReadError`] when the bytes are no image config, or its history is not one entry per layer with
    /// nothing but store paths, each at most once.
    pub fn of_config(bytes: &[u8]) -> Result<Self, ReadError> {
        let layers = ImageConfig::parse(bytes)?.diff_ids.len();
        let wire: Wire = read_json("config", bytes, MAX_CONFIG_BYTES)?;
        let refuse = |found: &str| {
            let expected =
                "one entry per layer that names its store paths, as nix-seed packers write it";
            Err(ReadError::unexpected("config", "history", found, expected))
        };
        if wire.history.len() != layers {
            return refuse(&format!(
                "{} entries for {layers} layers",
                wire.history.len()
            ));
        }
        let read: Option<Vec<BTreeSet<StorePath>>> = wire.history.into_iter().map(names).collect();
        match read.and_then(Self::new) {
            Some(layout) => Ok(layout),
            None => refuse("something else, or a store path twice"),
        }
    }

    /// The history entries of a config, `packer` being who wrote the layers.
    pub(crate) fn history(&self, packer: &str) -> Vec<serde_json::Value> {
        let entry = |layer: &BTreeSet<StorePath>| {
            let names: Vec<String> = layer.iter().map(StorePath::to_basename).collect();
            serde_json::json!({
                "comment": names.join(" "),
                "created": CREATED,
                "created_by": packer,
            })
        };
        self.0.iter().map(entry).collect()
    }
}

fn names(entry: serde_json::Value) -> Option<BTreeSet<StorePath>> {
    let entry: Entry = serde_json::from_value(entry).ok()?;
    if !entry.created_by.starts_with("nix-seed/") {
        return None;
    }
    let names = entry.comment.split(' ').filter(|name| !name.is_empty());
    names
        .map(|name| StorePath::from_basename(name.as_bytes()).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use seed_primitives::Digest;

    use super::*;
    use crate::RunConfig;

    fn path(letter: char) -> StorePath {
        format!("/nix/store/{}-name", letter.to_string().repeat(32))
            .parse()
            .unwrap()
    }

    fn layout() -> Layout {
        let layers = [[path('a'), path('b')].into(), [path('c')].into(), [].into()];
        Layout::new(layers).unwrap()
    }

    fn config() -> Vec<u8> {
        let config = ImageConfig {
            os: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            diff_ids: vec![Digest::of(b"a"), Digest::of(b"b"), Digest::of(b"c")],
            run: RunConfig::default(),
        };
        config.to_bytes_with(layout().history("nix-seed/2"))
    }

    #[test]
    fn a_config_tells_its_layout() {
        assert_eq!(Layout::of_config(&config()).unwrap(), layout());
        assert!(ImageConfig::parse(&config()).is_ok());
    }

    #[test]
    fn refuses_a_history_that_is_not_exactly_one() {
        let text = String::from_utf8(config()).unwrap();
        let a = path('a').to_basename();
        for (what, changed) in [
            ("another packer", text.replacen("nix-seed/2", "buildah", 1)),
            ("no store path", text.replacen(&a, "name", 1)),
            (
                "a path twice",
                text.replacen(&a, &path('c').to_basename(), 1),
            ),
            (
                "an unknown field",
                text.replacen(r#""comment""#, r#""comments""#, 1),
            ),
            (
                "a layer more",
                text.replacen(
                    "\"diff_ids\":[",
                    &format!("\"diff_ids\":[\"{}\",", Digest::of(b"x")),
                    1,
                ),
            ),
        ] {
            assert_ne!(changed, text, "{what}");
            assert!(Layout::of_config(changed.as_bytes()).is_err(), "{what}");
        }
        assert!(Layout::of_config(b"{}").is_err());
        assert_eq!(Layout::new([[path('a')].into(), [path('a')].into()]), None);
    }
}
