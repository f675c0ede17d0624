use std::io;

use nix_derivation::{CAHash, NixHash, NixHasher, store_path};
use seed_primitives::Digest;

use crate::{Contents, NarHash, Node, StorePath, tree::copy_exactly, write_nar};

/// How a store path that nobody built proves its own contents.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub enum SourceKind {
    /// Addressed by its NAR hash (`builtins.path`, a flake's tree).
    Tree,
    /// Addressed by its bytes and references (`builtins.toFile`).
    Text,
    /// A fixed output addressed by the SHA-256 of one file.
    Flat,
}

/// How `path` follows from its contents, or `None` where it does not: then the path is not a source, and
/// only the derivation that built it can account for it.
///
/// Takes the NAR hash of the contents, the SHA-256 of the bytes where the path is a single plain file, and
/// the other store paths it refers to. The path proves itself; no flag of a database is asked.
#[must_use]
pub fn source_kind(
    path: &StorePath,
    nar: &NarHash,
    flat: Option<&Digest>,
    references: &[StorePath],
) -> Option<SourceKind> {
    let tree = CAHash::Nar(NixHash::Sha256(*nar.digest.as_bytes()));
    let text = flat.map(|digest| CAHash::Text(*digest.as_bytes()));
    let file = flat.map(|digest| CAHash::Flat(NixHash::Sha256(*digest.as_bytes())));
    [
        (Some(tree), SourceKind::Tree),
        (text, SourceKind::Text),
        (file, SourceKind::Flat),
    ]
    .into_iter()
    .find_map(|(address, kind)| {
        let own = store_path::build_ca_path(path.name(), &address?, references, false).ok()?;
        (own == *path).then_some(kind)
    })
}

/// Whether `node` has the content address that a fixed output promises.
///
/// A flat address is over the bytes of one file that is not executable, a recursive one over the NAR
/// serialisation; addresses over git objects are not known and so never match.
///
/// # Errors
/// Those of reading the contents.
pub fn content_matches<C: Contents>(address: &CAHash, node: &Node<C>) -> io::Result<bool> {
    let expected = address.hash();
    let mut hasher = NixHasher::new(expected.algorithm());
    match (address, node) {
        (
            CAHash::Flat(_) | CAHash::Text(_),
            Node::File {
                executable: false,
                size,
                contents,
            },
        ) => {
            copy_exactly(contents, *size, &mut |bytes| {
                hasher.update(bytes);
                Ok(())
            })?;
        }
        (CAHash::Nar(_), node) => write_nar(node, &mut |bytes| {
            hasher.update(bytes);
            Ok(())
        })?,
        _ => return Ok(false),
    }
    Ok(hasher.finalize() == expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, nar_hash};

    fn path(text: &str) -> StorePath {
        text.parse().unwrap()
    }

    // Paths computed by Nix 2.8.0.
    const TREE: &str = "/nix/store/19nqpqx067snm5w964hmkjh3ak8mlzwz-tree";
    const GREETING: &str = "/nix/store/7pd01133yha2s6wji4ab7vh7pp1905a1-greeting.txt";
    const REFERS: &str = "/nix/store/nmniyhgfgdc85rvy534f6p42dgczjpwk-refers.txt";
    const FLAT: &str = "/nix/store/mpkqdrp7kmqxgsl26y0k7qm1vw075iyq-flat.tar";

    #[test]
    fn recognises_what_nix_added() {
        let tree = NarHash {
            digest: Digest::from_hex(
                "95ef71e42d5bb4967811c198eef865b8bb1085f3ccf94a686561fefed6296cb6",
            )
            .unwrap(),
            size: 5904,
        };
        assert_eq!(
            source_kind(&path(TREE), &tree, None, &[]),
            Some(SourceKind::Tree)
        );

        let hello = nar_hash(&Node::file(false, "hello\n")).unwrap();
        let flat = Digest::of(b"hello\n");
        let kind = |path_text, references: &[StorePath]| {
            source_kind(&path(path_text), &hello, Some(&flat), references)
        };
        assert_eq!(kind(GREETING, &[]), Some(SourceKind::Text));
        assert_eq!(kind(GREETING, &[path(TREE)]), None);

        let text = format!("see {GREETING}\n");
        let nar = nar_hash(&Node::file(false, text.clone())).unwrap();
        let flat = Digest::of(text.as_bytes());
        assert_eq!(
            source_kind(&path(REFERS), &nar, Some(&flat), &[path(GREETING)]),
            Some(SourceKind::Text)
        );
        let flat = Digest::of(b"hello");
        let nar = nar_hash(&Node::file(false, "hello")).unwrap();
        assert_eq!(
            source_kind(&path(FLAT), &nar, Some(&flat), &[]),
            Some(SourceKind::Flat)
        );
    }

    #[test]
    fn a_changed_byte_is_no_source() {
        let nar = nar_hash(&Node::file(false, "hellO\n")).unwrap();
        let flat = Digest::of(b"hellO\n");
        assert_eq!(source_kind(&path(GREETING), &nar, Some(&flat), &[]), None);
    }

    #[test]
    fn compares_contents_with_a_promised_address() {
        let file = Node::file(false, "hello");
        let flat = |bytes: &[u8]| CAHash::Flat(NixHash::Sha256(*Digest::of(bytes).as_bytes()));
        assert!(content_matches(&flat(b"hello"), &file).unwrap());
        assert!(!content_matches(&flat(b"hellO"), &file).unwrap());
        assert!(!content_matches(&flat(b"hello"), &Node::file(true, "hello")).unwrap());
        let nar = CAHash::Nar(NixHash::Sha256(*nar_hash(&file).unwrap().digest.as_bytes()));
        assert!(content_matches(&nar, &file).unwrap());
        assert!(!content_matches(&nar, &Node::file(true, "hello")).unwrap());
        assert!(!content_matches(&CAHash::Git(NixHash::Sha1([0; 20])), &file).unwrap());
    }
}
