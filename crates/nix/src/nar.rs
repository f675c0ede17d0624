use std::io;

use seed_primitives::Digest;

use crate::{Contents, Node, StreamDigest, nar_framing::Framing, tree::copy_exactly};

/// The SHA-256 and the length of a NAR serialisation.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct NarHash {
    /// SHA-256 of the serialisation.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

/// Writes the NAR serialisation of `node` (Nix's archive format, version 1) to `sink`, piece by piece.
///
/// # Errors
/// Those of reading contents and of `sink`; and [`io::ErrorKind::InvalidData`] for a file that is not as long
/// as its node says, or an entry name that no directory can hold.
pub fn write_nar<C: Contents>(
    node: &Node<C>,
    sink: &mut impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    let mut framing = Framing::new();
    object(node, &mut framing, sink)?;
    framing.flush(sink)
}

/// The hash and size of the NAR serialisation of `node`.
///
/// # Errors
/// Those of [`write_nar`].
pub fn nar_hash<C: Contents>(node: &Node<C>) -> io::Result<NarHash> {
    let mut stream = StreamDigest::new();
    write_nar(node, &mut |bytes| {
        stream.update(bytes);
        Ok(())
    })?;
    let (digest, size) = stream.finish()?;
    Ok(NarHash { digest, size })
}

fn object<C: Contents>(
    node: &Node<C>,
    framing: &mut Framing,
    sink: &mut impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<()> {
    match node {
        Node::Directory(entries) => {
            framing.directory();
            for (name, child) in entries {
                if !Node::<C>::is_entry_name(name) {
                    let why = format!("impossible file name {:?}", String::from_utf8_lossy(name));
                    return Err(io::Error::new(io::ErrorKind::InvalidData, why));
                }
                framing.entry(name);
                object(child, framing, sink)?;
                framing.end();
                if framing.is_large() {
                    framing.flush(sink)?;
                }
            }
            framing.end();
        }
        Node::File {
            executable,
            size,
            contents,
        } => {
            framing.file(*executable, *size);
            framing.flush(sink)?;
            copy_exactly(contents, *size, sink)?;
            framing.end_file(*size);
        }
        Node::Symlink(target) => framing.symlink(target),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The tree whose hashes were computed by Nix 2.8.0 and 2.26.3 (`nix hash path --base16`).
    fn tree() -> Node<Vec<u8>> {
        Node::directory([
            ("a.txt", Node::file(false, "hello\n")),
            ("link", Node::Symlink(b"../nowhere".to_vec())),
            ("none", Node::directory([])),
            ("run", Node::file(true, "#!/x\n")),
            (
                "sub",
                Node::directory([
                    ("Z", Node::file(false, "z")),
                    ("big", Node::file(false, "x".repeat(4097))),
                    ("empty", Node::file(false, "")),
                    ("ü", Node::file(false, "u")),
                ]),
            ),
        ])
    }

    fn hash(node: &Node<Vec<u8>>) -> String {
        nar_hash(node).unwrap().digest.to_hex()
    }

    #[test]
    fn agrees_with_nix_on_a_tree_a_program_and_a_link() {
        let expected = "95ef71e42d5bb4967811c198eef865b8bb1085f3ccf94a686561fefed6296cb6";
        assert_eq!(hash(&tree()), expected);
        assert_eq!(nar_hash(&tree()).unwrap().size, 5904);
        assert_eq!(
            hash(&Node::file(true, "#!/x\n")),
            "bd1b20e0cda927bb01210e582fb8a6f5e22f4f35ede2cb6514b92f03b2e23352"
        );
        assert_eq!(
            hash(&Node::Symlink(b"../nowhere".to_vec())),
            "75b2351cdb3c426c3defe44df0ba16b64757940a556b5104502d43d6194c361b"
        );
    }

    #[test]
    fn refuses_a_file_that_shrank_or_grew() {
        for size in [0, 2, 4] {
            let node = Node::File {
                executable: false,
                size,
                contents: b"abc".to_vec(),
            };
            assert_eq!(
                nar_hash(&node).unwrap_err().kind(),
                io::ErrorKind::InvalidData
            );
        }
    }

    #[test]
    fn refuses_names_that_could_climb() {
        for name in ["", ".", "..", "a/b", "a\0"] {
            let node = Node::directory([(name, Node::file(false, ""))]);
            assert!(nar_hash(&node).is_err(), "{name:?}");
        }
    }
}
