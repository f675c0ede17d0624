use std::{ffi::OsString, fs, path::Path};

use rustix::fs::stat;
use serde::Serialize;

use crate::Error;

/// What became of a condition between the first build and the second.
#[derive(Clone, Copy, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fate {
    /// It was another one, and a build could have seen that.
    Varied,
    /// The sandbox shows every build the same, whatever it is outside.
    Hidden,
    /// It was the same both times: that these builds agree says nothing about it.
    Same,
}

/// Something that builds could differ by, and whether it differed.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Condition {
    /// What it is.
    pub condition: &'static str,
    /// Whether it differed.
    pub fate: Fate,
    /// How it was or why not, for people.
    pub how: String,
}

/// What a sandbox of Nix never shows, with what it shows instead.
const HIDDEN: [(&str, &str); 5] = [
    ("user", "every build has uid 1000"),
    ("hostname", "every build runs on `localhost`"),
    (
        "location",
        "every build works in /build and finds /nix/store",
    ),
    (
        "time zone, locale and home",
        "nothing of the caller's environment gets in",
    ),
    ("umask", "every build starts with 022"),
];

/// How two builds of one machine differed.
pub(crate) struct TwoBuilds<'a> {
    /// When each began.
    pub(crate) began: [&'a str; 2],
    /// Their stores.
    pub(crate) stores: [&'a Path; 2],
}

impl TwoBuilds<'_> {
    /// Every condition, with what became of it.
    ///
    /// # Errors
    /// When a store cannot be read.
    pub(crate) fn conditions(&self) -> Result<Vec<Condition>, Error> {
        let [first, second] = self.began;
        let mut all = vec![Condition {
            condition: "wall clock",
            fate: varied(first != second),
            how: format!("begun {first} and {second}"),
        }];
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        all.push(Condition {
            condition: "cores",
            fate: varied(cores > 1),
            how: format!("told to use all ({cores}), then 1"),
        });
        let [one, other] = [device(self.stores[0])?, device(self.stores[1])?];
        all.push(Condition {
            condition: "file system",
            fate: varied(one != other),
            how: match one == other {
                true => "one for both stores; --rebuild-in puts the second elsewhere".to_owned(),
                false => "another one for each store".to_owned(),
            },
        });
        all.push(directory_order(self.stores)?);
        all.push(Condition {
            condition: "kernel and processor",
            fate: Fate::Same,
            how: "one machine; other builders vary it".to_owned(),
        });
        all.extend(HIDDEN.map(|(condition, how)| Condition {
            condition,
            fate: Fate::Hidden,
            how: how.to_owned(),
        }));
        Ok(all)
    }
}

/// One line for each fate, with what met it.
pub(crate) fn summary(conditions: &[Condition]) -> Vec<String> {
    let line = |(fate, words): (Fate, &str)| {
        let met: Vec<&str> = conditions
            .iter()
            .filter(|condition| condition.fate == fate)
            .map(|condition| condition.condition)
            .collect();
        (!met.is_empty()).then(|| format!("rebuild {words}: {}", met.join(", ")))
    };
    let fates = [
        (Fate::Varied, "varied"),
        (Fate::Hidden, "hidden by the sandbox"),
        (Fate::Same, "not varied here"),
    ];
    fates.into_iter().filter_map(line).collect()
}

const fn varied(differs: bool) -> Fate {
    if differs { Fate::Varied } else { Fate::Same }
}

fn device(store: &Path) -> Result<u64, Error> {
    let status = stat(store).map_err(|error| Error::file("read", store)(error.into()))?;
    Ok(status.st_dev)
}

/// The order in which each store lists what both hold: as it is found, unsorted.
fn directory_order(stores: [&Path; 2]) -> Result<Condition, Error> {
    let [one, other] = [listed(stores[0])?, listed(stores[1])?];
    let both = |names: &[OsString], others: &[OsString]| -> Vec<OsString> {
        names
            .iter()
            .filter(|name| others.contains(name))
            .cloned()
            .collect()
    };
    let (first, second) = (both(&one, &other), both(&other, &one));
    let differs = first != second;
    Ok(Condition {
        condition: "directory order",
        fate: varied(differs),
        how: match differs {
            true => "the stores list the same paths in another order",
            false => "the stores list the same paths in the same order",
        }
        .to_owned(),
    })
}

/// How many entries are compared: enough to tell, and few enough to do it by comparing all with all.
const LISTED: usize = 1000;

fn listed(store: &Path) -> Result<Vec<OsString>, Error> {
    let folder = store.join("nix/store");
    let entries = fs::read_dir(&folder).map_err(Error::file("read", &folder))?;
    let names = entries.take(LISTED).map(|entry| Ok(entry?.file_name()));
    names
        .collect::<std::io::Result<_>>()
        .map_err(Error::file("read", &folder))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_condition_has_one_fate_and_the_summary_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let stores = ["a", "b"].map(|name| folder.path().join(name));
        for store in &stores {
            fs::create_dir_all(store.join("nix/store/x-a")).unwrap();
        }
        let two = TwoBuilds {
            began: ["2026-01-01T00:00:00Z", "2026-01-01T00:00:01Z"],
            stores: [&stores[0], &stores[1]],
        };
        let all = two.conditions().unwrap();
        let fate = |name: &str| {
            all.iter()
                .find(|found| found.condition == name)
                .unwrap()
                .fate
        };
        assert_eq!(fate("wall clock"), Fate::Varied);
        assert_eq!(fate("file system"), Fate::Same);
        assert_eq!(fate("directory order"), Fate::Same);
        assert_eq!(fate("hostname"), Fate::Hidden);
        let lines = summary(&all).join("\n");
        assert!(
            all.iter().all(|found| lines.contains(found.condition)),
            "{lines}"
        );
        let again = TwoBuilds {
            began: ["x", "x"],
            ..two
        };
        assert_eq!(again.conditions().unwrap()[0].fate, Fate::Same);
    }
}
