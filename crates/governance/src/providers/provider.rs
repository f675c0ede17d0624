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
}

fn date<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Date, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}
