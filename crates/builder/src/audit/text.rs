use super::{AuditReport, Verdict};
use crate::{CensusVerdict, Explanation};

/// How many findings and violations are listed; the JSON has them all.
const SHOWN: usize = 20;

impl AuditReport {
    /// The report for people: figures first, then what is no text, then what speaks against the closure.
    #[must_use]
    pub fn to_text(&self) -> String {
        let grade = serde_json::to_value(self.grade).unwrap_or_default();
        let mut lines = vec![
            format!(
                "closure     {} ({} paths)",
                self.closure, self.closure_paths
            ),
            format!(
                "derivations {}, every path recomputed; {} outputs built here",
                self.derivations, self.built_outputs
            ),
            format!("outputs     {}", self.outputs_root),
            format!(
                "leaves      {}, {} bytes of text, {} of them long runs of digits",
                self.leaves.len(),
                self.text_bytes,
                self.encoded_text_bytes
            ),
            format!(
                "seed        {} bytes of machine code, allowed",
                self.seed_binary_bytes
            ),
            format!(
                "unexplained {} bytes of machine code",
                self.unexplained_binary_bytes
            ),
            format!("opaque      {} bytes", self.opaque_bytes),
            format!("inert       {} bytes, allowed", self.inert_bytes),
            format!("unscanned   {} bytes", self.unscanned_bytes),
            format!(
                "driver      Nix {}, {} files, {} bytes not built from source",
                self.driver.version,
                self.driver.files.len(),
                self.driver.bytes
            ),
            format!(
                "grade       {}: {}",
                grade.as_str().unwrap_or_default(),
                self.grade_reason
            ),
        ];
        lines.extend(self.findings());
        lines.extend(shortened("against     ", &self.violations));
        lines.extend(self.census.iter().flat_map(census));
        lines.join("\n")
    }

    fn findings(&self) -> Vec<String> {
        let all: Vec<String> = self
            .leaves
            .iter()
            .flat_map(|leaf| leaf.findings.iter().map(move |found| (leaf, found)))
            .filter(|(_, found)| found.verdict != Verdict::Seed)
            .map(|(leaf, found)| {
                let place = if found.location.is_empty() {
                    String::new()
                } else {
                    format!("/{}", found.location)
                };
                format!(
                    "{}{place}: {}, {} bytes, {}",
                    leaf.path, found.kind, found.size, found.digest
                )
            })
            .collect();
        shortened("found       ", &all)
    }
}

/// What ran, in figures, and what nothing explains.
fn census(census: &CensusVerdict) -> Vec<String> {
    let count = |why| census.count(why);
    let mut lines = vec![format!(
        "started     {} seed, {} built, {} text, {} made and not kept, {} unexplained; {} by the driver",
        count(Explanation::Seed),
        count(Explanation::Built),
        count(Explanation::Text),
        count(Explanation::Made),
        count(Explanation::Unexplained),
        count(Explanation::Driver),
    )];
    lines.extend(shortened("unwatched   ", &census.unwatched));
    lines.extend(shortened("against     ", &census.violations));
    lines
}

fn shortened(label: &str, all: &[String]) -> Vec<String> {
    let mut lines: Vec<String> = all
        .iter()
        .take(SHOWN)
        .map(|line| format!("{label}{line}"))
        .collect();
    if all.len() > SHOWN {
        lines.push(format!("{label}and {} more", all.len() - SHOWN));
    }
    lines
}
