//! What is mounted, as this process sees it.

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    os::unix::ffi::OsStringExt,
    path::PathBuf,
};

/// The mounts of one mount namespace.
#[derive(Debug, Default, Eq, PartialEq)]
pub(super) struct Mounts {
    /// The ids of all mounts.
    pub(super) ids: BTreeSet<u64>,
    /// For each file system, by its device (`major:minor`), every place where it is mounted.
    pub(super) file_systems: BTreeMap<String, Vec<PathBuf>>,
}

impl Mounts {
    /// Reads the text of `/proc/self/mountinfo`; `None` when a line is not of its form.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        let mut mounts = Self::default();
        for line in text.split(|byte| *byte == b'\n') {
            if line.is_empty() {
                continue;
            }
            let mut fields = line.split(|byte| *byte == b' ');
            let id = std::str::from_utf8(fields.next()?).ok()?.parse().ok()?;
            let device = std::str::from_utf8(fields.nth(1)?).ok()?;
            let point = PathBuf::from(OsString::from_vec(unescape(fields.nth(1)?)));
            mounts.ids.insert(id);
            let places = mounts.file_systems.entry(device.to_owned()).or_default();
            places.push(point);
        }
        Some(mounts)
    }
}

/// Blanks and backslashes stand as a backslash and three octal digits.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let code = after.get(..3).filter(|_| *byte == b'\\');
        let code = code.and_then(|digits| std::str::from_utf8(digits).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(escaped) => {
                plain.push(escaped);
                rest = &after[3..];
            }
            None => {
                plain.push(*byte);
                rest = after;
            }
        }
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_ids_devices_and_places_with_blanks() {
        let text = b"22 1 254:0 / / rw,noatime shared:1 - ext4 /dev/vda rw\n\
                     30 22 0:26 / /dev/shm rw - tmpfs tmpfs rw\n\
                     31 22 254:0 /x /mnt/a\\040b\\134 rw - ext4 /dev/vda rw\n";
        let mounts = Mounts::parse(text).unwrap();
        assert_eq!(mounts.ids, BTreeSet::from([22, 30, 31]));
        let places = ["/", "/mnt/a b\\"].map(PathBuf::from).to_vec();
        assert_eq!(mounts.file_systems["254:0"], places);
        assert_eq!(Mounts::parse(b"x 1 254:0 / / rw\n"), None);
        assert_eq!(Mounts::parse(b"22 1\n"), None);
    }
}
