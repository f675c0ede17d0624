use std::collections::BTreeMap;

use seed_nix::Step;

use crate::Error;

const SCHEME: &str = "mirror://";
/// The most places of one source, after mirrors have been put in.
const MAX_PLACES: usize = 32;

/// Lists of mirrors by name.
type Lists = BTreeMap<String, Vec<String>>;

/// What `mirror://NAME/PATH` stands for: first what this builder was told, then the lists that the derivation itself
/// brings along. Neither is trusted, as only the hash decides.
pub(super) struct Mirrors<'a> {
    told: &'a Lists,
    brought: BTreeMap<String, &'a Lists>,
}

impl<'a> Mirrors<'a> {
    /// Over the lists among the derivations of a graph.
    pub(super) fn new(told: &'a Lists, steps: &'a [Step]) -> Self {
        let lists = steps.iter().filter(|step| !step.mirrors.is_empty());
        let brought = lists.flat_map(|step| {
            let outputs = step.outputs.values();
            outputs.map(|output| (output.to_string(), &step.mirrors))
        });
        Self {
            told,
            brought: brought.collect(),
        }
    }

    /// The places behind `urls`, each `mirror://` replaced by what is known of it. One of which nothing is known stays
    /// as it is: to be named in the error.
    pub(super) fn explain(&self, step: &Step, urls: &[String]) -> Vec<String> {
        let own = step.mirrors_file.as_ref();
        let own = own.and_then(|file| self.brought.get(file)).copied();
        let mut places = Vec::new();
        for url in urls {
            let Some((name, path)) = split(url) else {
                places.push(url.clone());
                continue;
            };
            let lists = [Some(self.told), own].into_iter().flatten();
            let bases = lists.filter_map(|lists| lists.get(name)).flatten();
            let found: Vec<String> = bases.map(|base| joined(base, path)).collect();
            if found.is_empty() {
                places.push(url.clone());
            }
            places.extend(found);
        }
        places.truncate(MAX_PLACES);
        places
    }
}

/// Name and path of a `mirror://` URL.
pub(super) fn split(url: &str) -> Option<(&str, &str)> {
    url.strip_prefix(SCHEME)?.split_once('/')
}

fn joined(base: &str, path: &str) -> String {
    format!("{}/{path}", base.trim_end_matches('/'))
}

/// Reads `NAME=URL` of the command line or the configuration.
pub(crate) fn parse_mirrors(given: &[String]) -> Result<Lists, Error> {
    let mut lists = Lists::new();
    for text in given {
        let parsed = text.split_once('=').filter(|(name, base)| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
            let name = !name.is_empty() && name.bytes().all(plain);
            name && reqwest::Url::parse(base)
                .is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
        });
        let (name, base) = parsed.ok_or_else(|| {
            Error::Usage(format!(
                "--mirror: `{}` is not NAME=URL with an http or https URL",
                text.escape_debug()
            ))
        })?;
        lists
            .entry(name.to_owned())
            .or_default()
            .push(base.to_owned());
    }
    Ok(lists)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_mirrors_and_nothing_that_is_none() {
        let told = ["gnu=https://a.example/gnu/", "gnu=http://b.example"].map(str::to_owned);
        let lists = parse_mirrors(&told).unwrap();
        assert_eq!(lists["gnu"], ["https://a.example/gnu/", "http://b.example"]);
        for bad in [
            "",
            "gnu",
            "=https://a",
            "gnu=",
            "gnu=file:///etc",
            "g/u=https://a",
            "gnu=mirror://x/",
        ] {
            assert!(parse_mirrors(&[bad.to_owned()]).is_err(), "{bad}");
        }
    }

    #[test]
    fn splits_and_joins_without_losing_a_slash() {
        assert_eq!(
            split("mirror://gnu/hello/h.tar.gz"),
            Some(("gnu", "hello/h.tar.gz"))
        );
        assert_eq!(split("https://gnu/hello"), None);
        for base in ["https://a/gnu", "https://a/gnu/"] {
            assert_eq!(joined(base, "h/x"), "https://a/gnu/h/x");
        }
    }
}
