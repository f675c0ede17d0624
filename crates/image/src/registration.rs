use crate::PackedPath;

/// The closure as `nix-store --load-db` reads it, paths ascending: per path its name, NAR hash in hex, NAR
/// size, an empty deriver, the number of references and the references.
///
/// The deriver stays empty because it is no part of the closure.
pub(crate) fn text<C>(paths: &[&PackedPath<C>]) -> Vec<u8> {
    let mut text = String::new();
    for path in paths {
        let nar = &path.entry.nar;
        let head = format!(
            "{}\n{}\n{}\n\n{}\n",
            path.entry.path,
            nar.digest.to_hex(),
            nar.size,
            path.references.len()
        );
        text.push_str(&head);
        for reference in &path.references {
            text.push_str(&format!("{reference}\n"));
        }
    }
    text.into_bytes()
}
