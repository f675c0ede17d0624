use std::{
    collections::BTreeMap,
    fs::File,
    io::{BufWriter, Read as _, Write as _},
    path::Path,
};

use eyre::{Result, WrapErr as _};
use serde::{Deserialize, Serialize};

/// One run, as a line of JSON.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
#[serde(deny_unknown_fields)]
pub struct Line {
    /// The number of the run, from 0.
    pub run: u64,
    /// The seed of all runs.
    pub seed: u64,
    /// By which program the lies were chosen and the right words computed: see [`generation`].
    #[serde(default)]
    pub generation: String,
    /// What was asked.
    pub subject: String,
    /// Who lied, and how.
    pub lies: Vec<String>,
    /// The words that are right, joined by `|`.
    pub expected: String,
    /// What was said.
    pub got: String,
    /// The stable code of a refusal.
    pub code: String,
    /// The rows of the threat model.
    pub rows: Vec<String>,
}

impl Line {
    /// A yes where there must be none, or a login that went astray.
    #[must_use]
    pub fn is_wrong_allow(&self) -> bool {
        self.got == "leak" || (self.got == "verified" && !self.is_right())
    }

    /// A no, or another no, where the lies allow none of that kind.
    #[must_use]
    pub fn is_wrong_denial(&self) -> bool {
        !self.is_right() && !self.is_wrong_allow()
    }

    fn is_right(&self) -> bool {
        self.expected.split('|').any(|word| word == self.got)
    }
}

/// Everything from which a run and its right words are made, as the digest of the sources: run number 7 of one
/// generation is another than that of the next, and the two must not be counted together.
#[must_use]
pub fn generation() -> String {
    let sources: &[&str] = &[
        include_str!("archive_lie.rs"),
        include_str!("blemish.rs"),
        include_str!("bundle_case.rs"),
        include_str!("bundle_lie.rs"),
        include_str!("bundles.rs"),
        include_str!("copy.rs"),
        include_str!("flaw.rs"),
        include_str!("images.rs"),
        include_str!("oracle.rs"),
        include_str!("parts.rs"),
        include_str!("policy.rs"),
        include_str!("registry_lie.rs"),
        include_str!("release.rs"),
        include_str!("rlp.rs"),
        include_str!("scenario.rs"),
        include_str!("seed.rs"),
        include_str!("subject.rs"),
        include_str!("voice.rs"),
        include_str!("words.rs"),
        include_str!("world.rs"),
    ];
    let digest = seed_primitives::Digest::of(sources.concat().as_bytes()).to_hex();
    digest[..12].to_owned()
}

/// The file of all runs under one seed. Runs that are in it are not run again.
#[derive(Debug)]
pub struct Journal {
    file: BufWriter<File>,
    /// The runs that are done, by number.
    pub done: BTreeMap<u64, Line>,
}

impl Drop for Journal {
    /// Closing alone would leave it locked while a child process, on its way to its own program, shares the file.
    fn drop(&mut self) {
        let _ = self.file.flush();
        let _ = self.file.get_ref().unlock();
    }
}

impl Journal {
    /// Opens or creates `file`; a line torn by an end in its middle is dropped.
    ///
    /// # Errors
    /// When the file cannot be used, is used by another process, or is of another seed or generation.
    pub fn open(path: &Path, seed: u64) -> Result<Self> {
        let named = || path.display().to_string();
        let mut file = File::options()
            .create(true)
            .append(true)
            .read(true)
            .open(path)
            .wrap_err_with(named)?;
        // Lines of two writers would run into each other.
        file.try_lock()
            .wrap_err_with(|| format!("{}: another process writes to it", path.display()))?;
        let mut text = String::new();
        file.read_to_string(&mut text).wrap_err_with(named)?;
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        let mut done = BTreeMap::new();
        for line in text[..whole].lines() {
            let line: Line = serde_json::from_str(line)
                .wrap_err_with(|| format!("{}: {line}", path.display()))?;
            eyre::ensure!(
                line.seed == seed,
                "{} holds runs of seed {}: name another file",
                path.display(),
                line.seed
            );
            eyre::ensure!(
                line.generation == generation(),
                "{} holds runs of generation {:?}, and this program makes {:?}: they do not add up; name another \
                 file, or remove this one",
                path.display(),
                line.generation,
                generation()
            );
            done.insert(line.run, line);
        }
        file.set_len(whole as u64)?;
        let file = BufWriter::new(file);
        Ok(Self { file, done })
    }

    /// Adds a run.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn add(&mut self, line: Line) -> Result<()> {
        serde_json::to_writer(&mut self.file, &line)?;
        self.file.write_all(b"\n")?;
        self.done.insert(line.run, line);
        Ok(())
    }

    /// Brings everything to the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn flush(&mut self) -> Result<()> {
        Ok(self.file.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn line(run: u64, expected: &str, got: &str) -> Line {
        Line {
            run,
            seed: 7,
            generation: generation(),
            subject: "Index".to_owned(),
            lies: vec![],
            expected: expected.to_owned(),
            got: got.to_owned(),
            code: String::new(),
            rows: vec![],
        }
    }

    #[test]
    fn resumes_after_a_torn_line_and_refuses_another_seed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs");
        let mut journal = Journal::open(&path, 7).unwrap();
        journal.add(line(0, "verified", "verified")).unwrap();
        journal.add(line(1, "verified", "verified")).unwrap();
        journal.flush().unwrap();
        assert!(Journal::open(&path, 7).is_err(), "two writers");
        drop(journal);
        let text = fs::read_to_string(&path).unwrap();
        fs::write(&path, &text[..text.len() - 3]).unwrap();
        let mut journal = Journal::open(&path, 7).unwrap();
        assert_eq!(journal.done.keys().collect::<Vec<_>>(), [&0]);
        journal.add(line(1, "verified", "verified")).unwrap();
        journal.flush().unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
        drop(journal);
        assert!(Journal::open(&path, 8).is_err());
    }

    #[test]
    fn refuses_the_runs_of_another_generation() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("runs");
        let good = serde_json::to_string(&line(0, "verified", "verified")).unwrap();
        let marker = format!("\"generation\":\"{}\",", generation());
        assert!(good.contains(&marker));
        for other in ["", "\"generation\":\"000000000000\","] {
            fs::write(&path, good.replace(&marker, other) + "\n").unwrap();
            let error = Journal::open(&path, 7).unwrap_err().to_string();
            assert!(error.contains("holds runs of generation"), "{error}");
        }
    }

    #[test]
    fn tells_wrong_allows_from_wrong_denials() {
        let cases = [
            ("verified", "verified", (false, false)),
            ("verified", "undecidable", (false, true)),
            ("verified|undecidable", "undecidable", (false, false)),
            ("verified|undecidable", "rejected", (false, true)),
            ("rejected", "verified", (true, false)),
            ("rejected", "undecidable", (false, true)),
            ("verified", "panic", (false, true)),
            ("verified", "leak", (true, false)),
        ];
        for (expected, got, verdict) in cases {
            let line = line(0, expected, got);
            assert_eq!(
                (line.is_wrong_allow(), line.is_wrong_denial()),
                verdict,
                "{expected} {got}"
            );
        }
    }
}
