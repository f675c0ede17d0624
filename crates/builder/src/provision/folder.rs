use std::path::{Path, PathBuf};

use seed_nix::{FixedSource, SourceOrigin};

use crate::Error;

/// What in `folders` may be `source`, by name: its digest in hexadecimal, its store name, the last part of one of
/// its URLs, or the name of the flake's input. A folder that cannot be read is an error, not an empty one.
pub(super) fn candidates<'a>(
    folders: impl IntoIterator<Item = &'a PathBuf>,
    source: &FixedSource,
) -> Result<Vec<PathBuf>, Error> {
    let mut names = vec![
        source.address.hex(),
        source.path.to_basename(),
        source.path.name().to_owned(),
    ];
    if let SourceOrigin::FlakeInput(node) = &source.origin {
        names.push(node.clone());
    }
    names.extend(source.urls.iter().filter_map(|url| last_part(url)));
    // Every flake's input and many a fetched tree is called `source`: that name says nothing.
    names.retain(|name| is_plain(name) && name != "source");
    names.sort();
    names.dedup();
    let mut found = Vec::new();
    for folder in folders {
        for name in &names {
            let place = folder.join(name);
            if exists(&place)? {
                found.push(place);
            }
        }
    }
    Ok(found)
}

fn exists(place: &Path) -> Result<bool, Error> {
    match place.symlink_metadata() {
        Ok(_) => Ok(true),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Error::file("read", place)(error)),
    }
}

/// One entry of a folder, and nothing above or below it. Names come from the flake's author.
fn is_plain(name: &str) -> bool {
    !matches!(name, "" | "." | "..") && name.len() <= 255 && !name.contains(['/', '\0'])
}

fn last_part(url: &str) -> Option<String> {
    let path = url.split(['?', '#']).next()?;
    let (_, path) = path.split_once("://")?;
    let (_, last) = path.rsplit_once('/')?;
    Some(last.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_never_leads_out_of_the_folder() {
        for bad in ["", ".", "..", "a/b", "/etc/passwd", "a\0", &"x".repeat(256)] {
            assert!(!is_plain(bad), "{bad:?}");
        }
        assert!(is_plain("zlib-1.3.tar.xz"));
    }

    #[test]
    fn takes_the_last_part_of_a_url() {
        let part = |url| last_part(url).unwrap_or_default();
        assert_eq!(part("https://x/a/b.tar.gz?c=/d#e/f"), "b.tar.gz");
        assert_eq!(part("https://x"), "");
        assert_eq!(part("https://x/a/"), "");
        assert_eq!(part("nonsense/a"), "");
    }
}
