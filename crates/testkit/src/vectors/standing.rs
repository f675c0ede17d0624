//! How a record stands after revocations and with endorsements, as the ledger and the verifier must both say.

use serde_json::{Value, json};

/// One case, in words that both sides build from: builders and systems by index.
struct Case {
    name: &'static str,
    /// Builder and systems mask of every record entry.
    entries: &'static [[u64; 2]],
    /// The same for what is presented beside the record.
    endorsers: &'static [[u64; 2]],
    /// Builder (or [`RULES`]), seconds since it was revoked, first sequence, flags.
    revocations: &'static [[u64; 4]],
    /// The standing of each of the two systems.
    standing: [&'static str; 2],
}

/// In place of a builder: the rules.
const RULES: u64 = 255;
const DAY: u64 = 86_400;
/// The sequence number of the record.
const SEQUENCE: u64 = 7;

const CASES: &[Case] = &[
    Case {
        name: "nobody was revoked",
        entries: &[[0, 3], [1, 3]],
        endorsers: &[],
        revocations: &[],
        standing: ["final", "final"],
    },
    Case {
        name: "revoked for later releases",
        entries: &[[0, 3], [1, 3]],
        endorsers: &[],
        revocations: &[[0, DAY, 8, 0], [1, DAY, 8, 4]],
        standing: ["final", "final"],
    },
    Case {
        name: "one of three is tainted",
        entries: &[[0, 3], [1, 3], [2, 3]],
        endorsers: &[],
        revocations: &[[0, DAY, 7, 3]],
        standing: ["final", "final"],
    },
    Case {
        name: "one of two is tainted",
        entries: &[[0, 3], [1, 3]],
        endorsers: &[],
        revocations: &[[0, DAY, 7, 3]],
        standing: ["tainted", "tainted"],
    },
    Case {
        name: "one of two is disputed",
        entries: &[[0, 3], [1, 3]],
        endorsers: &[],
        revocations: &[[1, 30 * DAY - 1, 1, 1]],
        standing: ["disputed", "disputed"],
    },
    Case {
        name: "the dispute lapsed this second",
        entries: &[[0, 3], [1, 3]],
        endorsers: &[],
        revocations: &[[1, 30 * DAY, 1, 1]],
        standing: ["final", "final"],
    },
    Case {
        name: "a signer of one system only is tainted",
        entries: &[[0, 3], [1, 3], [2, 1]],
        endorsers: &[],
        revocations: &[[1, DAY, 7, 7]],
        standing: ["final", "tainted"],
    },
    Case {
        name: "an endorsement heals",
        entries: &[[0, 3], [1, 3]],
        endorsers: &[[2, 3]],
        revocations: &[[0, DAY, 7, 3]],
        standing: ["final", "final"],
    },
    Case {
        name: "an endorsement heals what it is for",
        entries: &[[0, 3], [1, 3]],
        endorsers: &[[2, 2]],
        revocations: &[[0, DAY, 7, 3]],
        standing: ["tainted", "final"],
    },
    Case {
        name: "an endorser revoked for later releases heals nothing",
        entries: &[[0, 3], [1, 3]],
        endorsers: &[[2, 3]],
        revocations: &[[0, DAY, 7, 3], [2, DAY, 4_000_000, 0]],
        standing: ["tainted", "tainted"],
    },
    Case {
        name: "an endorser whose dispute lapsed heals nothing",
        entries: &[[0, 3], [1, 3]],
        endorsers: &[[2, 3]],
        revocations: &[[0, DAY, 7, 3], [2, 90 * DAY, 1, 1]],
        standing: ["tainted", "tainted"],
    },
    Case {
        name: "an endorser that equivocated heals nothing",
        entries: &[[0, 3], [1, 3]],
        endorsers: &[[2, 3]],
        revocations: &[[0, DAY, 7, 3], [2, DAY, 8, 4]],
        standing: ["tainted", "tainted"],
    },
    Case {
        name: "a signer revoked for later releases adds nothing to its entry",
        entries: &[[0, 3], [1, 3], [2, 1]],
        endorsers: &[[2, 3]],
        revocations: &[[0, DAY, 7, 3], [2, DAY, 8, 0]],
        standing: ["final", "tainted"],
    },
    Case {
        name: "a signer adds to its entry",
        entries: &[[0, 3], [1, 3], [2, 1]],
        endorsers: &[[2, 3]],
        revocations: &[[0, DAY, 7, 3]],
        standing: ["final", "final"],
    },
    Case {
        name: "a tainted signer endorses itself",
        entries: &[[0, 3], [1, 3]],
        endorsers: &[[0, 3]],
        revocations: &[[0, DAY, 7, 3]],
        standing: ["tainted", "tainted"],
    },
    Case {
        name: "the rules are disputed",
        entries: &[[0, 3], [1, 3]],
        endorsers: &[[2, 3]],
        revocations: &[[RULES, DAY, 1, 1]],
        standing: ["disputed", "disputed"],
    },
    Case {
        name: "the rules are tainted",
        entries: &[[0, 3], [1, 3], [2, 3]],
        endorsers: &[],
        revocations: &[[RULES, DAY, 7, 0]],
        standing: ["tainted", "tainted"],
    },
];

/// Three independent builders, two systems, a threshold of two. Lists of numbers are flat.
pub(super) fn cases() -> Value {
    let cases: Vec<Value> = CASES
        .iter()
        .map(|case| {
            json!({
                "name": case.name,
                "entries": case.entries.concat(),
                "endorsers": case.endorsers.concat(),
                "revocations": case.revocations.concat(),
                "standing": case.standing,
            })
        })
        .collect();
    json!({ "builders": 3, "systems": 2, "threshold": 2, "sequence": SEQUENCE, "cases": cases })
}
