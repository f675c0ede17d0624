use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use super::AuditReport;

/// How many differences of one kind are listed.
const LISTED: usize = 1000;

/// How two builders' reports on one release differ.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AuditDiff {
    /// Whether the reports say the same of what was built; honest builders' drivers may differ.
    pub same: bool,
    /// What differs in what was built or how it was judged.
    pub differences: Vec<AuditDifference>,
    /// What differs in the Nix that drove the builds.
    pub driver: Vec<AuditDifference>,
}

/// One thing that differs.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct AuditDifference {
    /// What it is: a field of the report, or a field and the path it is about.
    pub what: String,
    /// What the first report says, `absent` where it says nothing.
    pub first: String,
    /// What the second says.
    pub second: String,
}

impl AuditDiff {
    /// Compares two reports.
    #[must_use]
    pub fn between(first: &AuditReport, second: &AuditReport) -> Self {
        let (one, two) = (flat(first), flat(second));
        let keys: Vec<&String> = one
            .keys()
            .chain(two.keys().filter(|key| !one.contains_key(*key)))
            .collect();
        let say = |found: Option<&String>| found.map_or("absent", String::as_str).to_owned();
        let mut all: Vec<AuditDifference> = keys
            .into_iter()
            .filter(|key| one.get(*key) != two.get(*key))
            .map(|key| AuditDifference {
                what: key.clone(),
                first: say(one.get(key)),
                second: say(two.get(key)),
            })
            .collect();
        all.sort_by(|a, b| a.what.cmp(&b.what));
        let (driver, differences): (Vec<_>, Vec<_>) = all
            .into_iter()
            .partition(|difference| difference.what.starts_with("driver"));
        Self {
            same: differences.is_empty(),
            differences: cut(differences),
            driver: cut(driver),
        }
    }

    /// One line for each difference, or one that there is none.
    #[must_use]
    pub fn to_text(&self) -> String {
        let line = |difference: &AuditDifference| {
            let AuditDifference {
                what,
                first,
                second,
            } = difference;
            one_line(&format!("{what}: {first} | {second}"))
        };
        let mut lines = vec![match (self.same, self.driver.is_empty()) {
            (true, true) => "the reports are the same".to_owned(),
            (true, false) => "the same was built, by different drivers".to_owned(),
            (false, _) => format!("{} differences", self.differences.len()),
        }];
        lines.extend(self.differences.iter().chain(&self.driver).map(line));
        lines.join("\n")
    }
}

/// Reports are other people's: what they say must not move a terminal's cursor or look like a line of ours.
fn one_line(text: &str) -> String {
    let shown = |c: char| match c {
        '"' | '\'' | '\\' => vec![c],
        other => other.escape_debug().collect(),
    };
    text.chars().flat_map(shown).collect()
}

fn cut(mut list: Vec<AuditDifference>) -> Vec<AuditDifference> {
    list.truncate(LISTED);
    list
}

/// Every fact of a report by a name that says what it is about, so that lists compare by their subject and
/// not by their order.
fn flat(report: &AuditReport) -> BTreeMap<String, String> {
    let mut facts = BTreeMap::new();
    let Ok(Value::Object(fields)) = serde_json::to_value(report) else {
        return facts;
    };
    for (name, value) in fields {
        match (name.as_str(), value) {
            // What one machine started is not what another must have started.
            ("leaves" | "outputs" | "driver" | "violations" | "census", _) => {}
            ("policy", Value::Object(policy)) => facts.extend(
                policy
                    .into_iter()
                    .map(|(key, value)| (format!("policy {key}"), value.to_string())),
            ),
            (_, value) => {
                facts.insert(name, value.to_string());
            }
        }
    }
    for leaf in &report.leaves {
        let said = format!("{} bytes, {}", leaf.nar_size, leaf.nar_hash);
        facts.insert(format!("leaf {}", leaf.path), said);
        for found in &leaf.findings {
            let what = format!("finding {} {} {}", leaf.path, found.location, found.digest);
            let verdict = serde_json::to_value(found.verdict).unwrap_or_default();
            facts.insert(
                what,
                format!("{} {verdict}, {} bytes", found.kind, found.size),
            );
        }
    }
    for output in &report.outputs {
        let what = format!("output {} {}", output.derivation, output.name);
        facts.insert(
            what,
            format!("{} {} {}", output.path, output.nar_hash, output.nar_size),
        );
    }
    for violation in &report.violations {
        facts.insert(format!("violation {violation}"), "found".to_owned());
    }
    facts.insert("driver version".to_owned(), report.driver.version.clone());
    for file in &report.driver.files {
        let said = format!("{} bytes, {}", file.size, file.digest);
        facts.insert(format!("driver file {}", file.name), said);
    }
    facts
}
