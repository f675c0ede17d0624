use std::{collections::BTreeMap, fmt::Write as _};

use serde::Serialize;
use serde_json::{Value, json};

use super::{BATCH, BATCH_LIMIT, SHAPES, USUAL};

/// What others put beside a shape: the figure published for the design that stores every vote, which exists for one
/// shape only; and that design as it was written, measured as a prototype before this project was (13 transactions for
/// 3x4). Neither is measured here.
const OTHERS: [(&str, Option<&str>, Option<u64>); 5] = [
    ("3x4/3", Some("1.62M-2.96M"), Some(2_528_116)),
    ("3x4/2", None, Some(1_740_096)),
    ("7x4/7", None, Some(5_838_012)),
    ("3x16/3", None, Some(9_955_651)),
    ("3x64/3", None, None),
];

/// What was measured.
#[derive(Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Figures {
    /// One release, by the name of its shape.
    pub(super) releases: BTreeMap<String, u64>,
    /// One release of a batch of ten of the usual shape.
    pub(super) batched: u64,
    /// One posted signature.
    pub(super) post: u64,
    pub(super) deployment: Deployment,
}

/// What each contract costs to deploy; rules for three builders and four systems.
#[derive(Clone, Copy, Default, Serialize)]
pub(super) struct Deployment {
    pub(super) ledger: u64,
    pub(super) rules: u64,
    pub(super) timelock: u64,
}

impl Figures {
    /// Everything that was measured, with limits and what others say, as one line of JSON.
    pub(super) fn json(&self) -> serde_json::Result<String> {
        let mut all = serde_json::to_value(self)?;
        let limits: BTreeMap<String, u64> = SHAPES.iter().map(|s| (s.name(), s.limit)).collect();
        let others: BTreeMap<&str, Value> = OTHERS
            .iter()
            .map(|(name, public, literal)| {
                (
                    *name,
                    json!({ "publicEstimate": public, "literalDesignMeasured": literal }),
                )
            })
            .collect();
        if let Value::Object(fields) = &mut all {
            fields.insert("limits".to_owned(), json!(limits));
            fields.insert("batchedLimit".to_owned(), json!(BATCH_LIMIT));
            fields.insert("others".to_owned(), json!(others));
            fields.insert("marginal".to_owned(), self.marginal());
        }
        serde_json::to_string(&all)
    }

    /// What one more signer costs (from 3 to 7 of them), and one more system (from 4 to 16, and from 16 to 64).
    fn marginal(&self) -> Value {
        json!({
            "signer": self.slope("3x4/3", "7x4/7", 4),
            "systemTo16": self.slope("3x4/3", "3x16/3", 12),
            "systemTo64": self.slope("3x16/3", "3x64/3", 48),
        })
    }

    fn slope(&self, from: &str, to: &str, steps: u64) -> u64 {
        self.releases[to].saturating_sub(self.releases[from]) / steps
    }

    /// The same for people.
    pub(super) fn table(&self) -> String {
        let mut text = String::new();
        let mut line = |parts: [&str; 5]| {
            let [a, b, c, d, e] = parts;
            // Writing to a string does not fail.
            let _ = writeln!(text, "{a:<22} {b:>9} {c:>9}   {d:<15} {e}");
        };
        line([
            "release",
            "gas",
            "limit",
            "public estimate",
            "literal design, measured",
        ]);
        for (shape, (name, public, literal)) in SHAPES.iter().zip(OTHERS) {
            line([
                name,
                &self.releases[name].to_string(),
                &shape.limit.to_string(),
                public.unwrap_or("none"),
                &literal.map_or("not run".to_owned(), |gas| gas.to_string()),
            ]);
        }
        let batch = format!("{} in a batch of {BATCH}", USUAL.name());
        line([
            &batch,
            &self.batched.to_string(),
            &BATCH_LIMIT.to_string(),
            "none",
            "",
        ]);
        line([
            "one posted signature",
            &self.post.to_string(),
            "",
            "none",
            "",
        ]);
        let Deployment {
            ledger,
            rules,
            timelock,
        } = self.deployment;
        for (name, gas) in [
            ("ledger", ledger),
            ("rules 3x4", rules),
            ("timelock", timelock),
        ] {
            line([
                &format!("deploying the {name}"),
                &gas.to_string(),
                "",
                "none",
                "",
            ]);
        }
        for (name, from, to, steps) in [
            ("one more signer", "3x4/3", "7x4/7", 4),
            ("one more system, to 16", "3x4/3", "3x16/3", 12),
            ("one more system, to 64", "3x16/3", "3x64/3", 48),
        ] {
            line([
                name,
                &self.slope(from, to, steps).to_string(),
                "",
                "none",
                "",
            ]);
        }
        text.push_str(
            "\nshape: builders x systems / signers. gas: receipts of a local chain, intrinsic gas and calldata included.\n\
             public estimate: published for the design that stores every vote; it exists for 3x4 only.\n\
             literal design: that design as written, a prototype measured before; not measured in this run.\n",
        );
        text
    }
}
