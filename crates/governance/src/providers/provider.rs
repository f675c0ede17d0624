use jiff::civil::Date;
use serde::Deserialize;

/// A provider of continuous integration or compute.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Its name, as builders use it.
    pub name: String,
    /// Its name for people.
    pub title: String,
    /// What it provides.
    pub kind: Kind,
    /// The company that owns it, in the end.
    pub parent: Option<Fact>,
    /// The countries that company answers to.
    pub jurisdictions: Option<Fact>,
    /// The countries its machines stand in.
    pub locations: Option<Fact>,
    /// Who runs the machines.
    pub infrastructure: Option<Fact>,
    /// Who issues the identity of a job.
    pub issuer: Option<Fact>,
    /// Its service for keys.
    pub custody: Option<Fact>,
    /// Its container registry.
    pub registry: Option<Fact>,
    /// What jobs run on.
    pub hardware: Option<Fact>,
}

/// What a provider provides.
#[derive(Clone, Copy, Debug, Deserialize, Eq, PartialEq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// It runs jobs.
    Ci,
    /// It lets machines.
    Compute,
}

/// Something that is known, from where, and since when.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq)]
#[serde(deny_unknown_fields)]
pub struct Fact {
    /// What is known.
    pub values: Vec<String>,
    /// The public page that says so.
    pub source: String,
    /// The day it was read.
    #[serde(deserialize_with = "date")]
    pub date: Date,
}

impl Provider {
    /// Its facts, with the kind of failure domain each stands for.
    pub fn domains(&self) -> impl Iterator<Item = (&'static str, &Fact)> {
        let kinds = [
            ("parent", &self.parent),
            ("jurisdiction", &self.jurisdictions),
            ("infrastructure", &self.infrastructure),
            ("issuer", &self.issuer),
        ];
        kinds
            .into_iter()
            .filter_map(|(kind, fact)| Some((kind, fact.as_ref()?)))
    }

    /// All its facts by name.
    pub fn facts(&self) -> impl Iterator<Item = (&'static str, &Fact)> {
        let others = [
            ("locations", &self.locations),
            ("custody", &self.custody),
            ("registry", &self.registry),
            ("hardware", &self.hardware),
        ];
        let others = others.into_iter();
        self.domains()
            .chain(others.filter_map(|(name, fact)| Some((name, fact.as_ref()?))))
    }

    /// What is wrong with it, as in `providers/schema.json`.
    pub(super) fn fault(&self) -> Option<String> {
        if !is_name(&self.name) {
            return Some("its name is no name".to_owned());
        }
        if !is_text(&self.title, 100) {
            return Some("its title is empty, long, or not printable ASCII".to_owned());
        }
        self.facts().find_map(|(name, fact)| {
            let what = match name {
                "jurisdiction" | "locations" => fact.fault(is_country),
                "hardware" => fact.fault(|value| is_text(value, 100)),
                _ => fact.fault(is_name),
            };
            what.map(|what| format!("{name}: {what}"))
        })
    }
}

impl Fact {
    fn fault(&self, is_value: impl Fn(&str) -> bool) -> Option<String> {
        let address = self.source.strip_prefix("https://");
        if address.is_none_or(|rest| rest.len() < 4 || !is_text(rest, 300) || rest.contains(' ')) {
            return Some(format!("`{}` is no public source", self.source));
        }
        if !(2000..2100).contains(&self.date.year()) {
            return Some(format!("{} is no day anybody read it", self.date));
        }
        if self.values.is_empty() {
            return Some("it says nothing".to_owned());
        }
        for (at, value) in self.values.iter().enumerate() {
            let before = self.values.iter().take(at);
            if !is_value(value) || before.into_iter().any(|other| other == value) {
                return Some(format!("`{value}` cannot stand there"));
            }
        }
        None
    }
}

fn is_name(text: &str) -> bool {
    let start =
        text.starts_with(|first: char| first.is_ascii_lowercase() || first.is_ascii_digit());
    let rest =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b".-".contains(&byte);
    start && text.len() <= 63 && text.bytes().all(rest)
}

fn is_country(text: &str) -> bool {
    text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_lowercase())
}

fn is_text(text: &str, most: usize) -> bool {
    (1..=most).contains(&text.len()) && text.bytes().all(|byte| (b' '..=b'~').contains(&byte))
}

fn date<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}
