//! Known holes of Nix, as data: what a builder with a production key must not be driven by.
//!
//! Compared on 2026-11-21 with the published records (each row says which) and with the history of Nix: a patch counts
//! as mended where its tag contains the commit that mends the hole. Where the two differ the row says so.
//!
//! Left out, as they are for Linux only in what the settings gate refuses anyhow (`nix::settings`): CVE-2026-64846
//! (GHSA-6h4g-g5j9-fm5f, `recursive-nix`) and GHSA-jm6c-h95p-6qhj (`ca-derivations`, mended on no branch). Those of
//! macOS alone are left out too: CVE-2024-51481, CVE-2025-53819.

use super::NixVersion;

/// One published hole.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Advisory {
    /// What it is called.
    pub id: &'static str,
    /// What it lets someone do, in a few words.
    pub what: &'static str,
    /// Where it is published.
    pub source: &'static str,
    /// The first version that has it: minor and patch of Nix 2.
    pub since: (u32, u32),
    /// For each branch that was mended: the minor of Nix 2, and the first patch without the hole. Ascending.
    pub fixed: &'static [(u32, u32)],
    /// The first minor of Nix 2 that never had it.
    pub gone: u32,
}

/// Every hole that counts, oldest first. Only what concerns Linux is here.
pub const ADVISORIES: [Advisory; 8] = [
    // Record: 2.3.18, 2.18.2, 2.19.4, 2.20.5; the tags agree. 2.16.3 and 2.17.2 carry it as well, in the form that
    // CVE-2026-39860 is about, and no record speaks of them: they count as not mended.
    Advisory {
        id: "CVE-2024-27297",
        what: "a fixed-output derivation hands out open files and changes an output after it was registered",
        source: "https://github.com/NixOS/nix/security/advisories/GHSA-2ffj-w4mj-pg37",
        since: (0, 0),
        fixed: &[(3, 18), (18, 2), (19, 4), (20, 5)],
        gone: 21,
    },
    // The tags of Nix: the release notes of 2.24.0 speak of it, a record that lists the patches was not found. 2.3 was
    // never mended.
    Advisory {
        id: "CVE-2024-38531",
        what: "a build's folder lets other users in, who can plant a setuid program there",
        source: "https://github.com/NixOS/nix/security/advisories/GHSA-q82p-44mg-mgh5",
        since: (0, 0),
        fixed: &[(18, 4), (19, 5), (20, 7), (21, 3), (22, 2), (23, 1)],
        gone: 24,
    },
    // Record: 2.24 before 2.24.6; the tags agree.
    Advisory {
        id: "CVE-2024-45593",
        what: "unpacking a NAR writes anywhere",
        source: "https://github.com/NixOS/nix/security/advisories/GHSA-h4vv-h3jq-v493",
        since: (24, 0),
        fixed: &[(24, 6)],
        gone: 25,
    },
    // Record: from 1.11, before 2.18.8 and 2.24.8; the tags 2.19.7, 2.20.9, 2.21.5, 2.22.4 and 2.23.4 have it too.
    Advisory {
        id: "CVE-2024-47174",
        what: "builtin:fetchurl believes any TLS certificate",
        source: "https://github.com/NixOS/nix/security/advisories/GHSA-6fjr-mq49-mm2c",
        since: (0, 0),
        fixed: &[
            (18, 8),
            (19, 7),
            (20, 9),
            (21, 5),
            (22, 4),
            (23, 4),
            (24, 8),
        ],
        gone: 25,
    },
    // Record: 2.24.15, 2.26.4, 2.28.4, 2.29.1; the tags agree.
    Advisory {
        id: "CVE-2025-46415",
        what: "a build races the removal of its folder and deletes or takes over files (with CVE-2025-46416, -52991, -52992, -52993)",
        source: "https://discourse.nixos.org/t/security-advisory-privilege-escalations-in-nix-lix-and-guix/66017",
        since: (0, 0),
        fixed: &[(24, 15), (26, 4), (28, 4), (29, 1)],
        gone: 30,
    },
    // Record: from 2.18.2, 2.19.4, 2.20.5 and 2.21; mended as below, and the tags agree. That 2.19.0 to 2.19.3 and 2.20.0
    // to 2.20.4 count as having it changes nothing: they have CVE-2024-27297.
    Advisory {
        id: "CVE-2026-39860",
        what: "registering a fixed output follows a symbolic link and overwrites any file",
        source: "https://github.com/NixOS/nix/security/advisories/GHSA-g3g9-5vj6-r3gj",
        since: (18, 2),
        fixed: &[
            (28, 6),
            (29, 3),
            (30, 4),
            (31, 4),
            (32, 7),
            (33, 4),
            (34, 5),
        ],
        gone: 35,
    },
    // Record: from 2.24.4, mended as below; the tags agree.
    Advisory {
        id: "CVE-2026-44028",
        what: "a deeply nested NAR overflows the stack into the heap",
        source: "https://github.com/NixOS/nix/security/advisories/GHSA-vh5x-56v6-4368",
        since: (24, 4),
        fixed: &[
            (28, 7),
            (29, 4),
            (30, 5),
            (31, 5),
            (32, 8),
            (33, 6),
            (34, 7),
        ],
        gone: 35,
    },
    // Record: from 2.24.7, mended as below; the tags agree.
    Advisory {
        id: "CVE-2026-44029",
        what: "unpacking an archive with absolute names writes anywhere",
        source: "https://github.com/NixOS/nix/security/advisories/GHSA-gr92-w2r5-qw5p",
        since: (24, 7),
        fixed: &[
            (28, 7),
            (29, 4),
            (30, 5),
            (31, 5),
            (32, 8),
            (33, 6),
            (34, 7),
        ],
        gone: 35,
    },
];

impl Advisory {
    /// Whether `version` has this hole. A branch that was never mended keeps it; Nix 1 counts as having it.
    #[must_use]
    pub fn concerns(&self, version: NixVersion) -> bool {
        let (major, minor, patch) = version.numbers();
        if major != 2 {
            return major < 2;
        }
        if minor >= self.gone || (minor, patch) < self.since {
            return false;
        }
        let mended = self.fixed.iter().find(|(branch, _)| *branch == minor);
        mended.is_none_or(|(_, first)| patch < *first)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    fn of(major: u32, minor: u32, patch: u32) -> NixVersion {
        format!("{major}.{minor}.{patch}").parse().unwrap()
    }

    #[test]
    fn each_row_is_whole() {
        let ids: BTreeSet<&str> = ADVISORIES.iter().map(|row| row.id).collect();
        assert_eq!(ids.len(), ADVISORIES.len());
        for row in &ADVISORIES {
            assert!(
                row.id.starts_with("CVE-") && row.source.starts_with("https://"),
                "{row:?}"
            );
            assert!(!row.what.is_empty() && !row.fixed.is_empty(), "{row:?}");
            assert!(
                row.fixed.is_sorted_by(|one, next| one.0 < next.0),
                "{row:?}"
            );
            assert!(
                row.fixed.iter().all(|(minor, _)| *minor < row.gone),
                "{row:?}"
            );
        }
    }

    #[test]
    fn each_branch_is_concerned_up_to_its_first_mended_patch() {
        for row in &ADVISORIES {
            for &(minor, patch) in row.fixed {
                assert!(
                    !row.concerns(of(2, minor, patch)),
                    "{} 2.{minor}.{patch}",
                    row.id
                );
                let before = (minor, patch - 1);
                assert_eq!(
                    row.concerns(of(2, minor, patch - 1)),
                    before >= row.since,
                    "{}",
                    row.id
                );
            }
            assert!(!row.concerns(of(2, row.gone, 0)) && row.concerns(of(1, 99, 99)));
            if row.since > (0, 0) {
                let (minor, patch) = row.since;
                assert!(row.concerns(of(2, minor, patch)), "{}", row.id);
            }
        }
    }

    proptest! {
        #[test]
        fn a_later_patch_of_a_branch_is_never_worse(row in 0..ADVISORIES.len(), minor in 0_u32..60, patch in 0_u32..40) {
            let row = &ADVISORIES[row];
            if (minor, patch) >= row.since && !row.concerns(of(2, minor, patch)) {
                prop_assert!(!row.concerns(of(2, minor, patch + 1)));
            }
        }

        #[test]
        fn what_comes_after_2_is_not_concerned(row in 0..ADVISORIES.len(), major in 3_u32.., minor: u32, patch: u32) {
            prop_assert!(!ADVISORIES[row].concerns(of(major, minor, patch)));
        }
    }
}
