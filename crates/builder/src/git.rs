use std::{
    fs::{self, File},
    io::{BufReader, Seek, Write},
    path::{Path, PathBuf},
    time::Duration,
};

use seed_nix::{NarHash, Node, nar_hash};
use seed_primitives::{Commit, Digest};
use tokio::process::Command;

use crate::{
    Error, disk,
    git_tree::{Entry, parse, write_entry},
    process, state,
};

const FETCH_LIMIT: Duration = Duration::from_secs(1800);
const LOCAL_LIMIT: Duration = Duration::from_secs(600);
const MAX_LISTING: u64 = 256 << 20;
/// What git may be told by the caller's environment: how to reach the network, nothing else.
const PASSED: [&str; 7] = [
    "PATH",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "SSL_CERT_FILE",
    "GIT_SSL_CAINFO",
];

/// The raw tree of one commit on disk.
#[derive(Clone, Debug)]
pub struct SourceTree {
    /// The directory with the tree and nothing else.
    pub path: PathBuf,
    /// The NAR hash of the tree.
    pub nar: NarHash,
}

impl SourceTree {
    /// SHA-256 of the flake's lock file, of the empty string where there is none. `directory` is that of the
    /// flake inside the repository.
    ///
    /// # Errors
    /// When there is no `flake.nix` in it, or one of the two is not a plain file.
    pub fn flake_lock(&self, directory: Option<&str>) -> Result<Digest, Error> {
        let directory =
            directory.map_or_else(|| self.path.clone(), |inside| self.path.join(inside));
        let plain = |name: &str| match fs::symlink_metadata(directory.join(name)) {
            Ok(metadata) if metadata.is_file() => Ok(true),
            Ok(_) => Err(Error::Tree(format!("a {name} that is not a plain file"))),
            Err(_) => Ok(false),
        };
        if !plain("flake.nix")? {
            return Err(Error::Tree("no flake.nix where the target says".to_owned()));
        }
        if !plain("flake.lock")? {
            return Ok(Digest::of(b""));
        }
        Ok(Digest::of(&state::read(
            &directory.join("flake.lock"),
            64 << 20,
        )?))
    }

    /// The NAR hash of the flake's own directory.
    pub(crate) fn flake_nar(&self, directory: Option<&str>) -> Result<NarHash, Error> {
        let Some(inside) = directory else {
            return Ok(self.nar);
        };
        let path = self.path.join(inside);
        hash(&disk::read_tree(&path)?, &path)
    }
}

/// Fetches `commit` of `repository` (a path or an https or file URL) into `work` and writes its raw tree
/// there: no filters, no export attributes, no submodules, every time stamp one second after the epoch.
///
/// A tree that is already there is hashed again and used.
///
/// # Errors
/// When git cannot deliver the commit, or the tree holds a submodule or a name that no tree can have.
pub async fn export(repository: &str, commit: &Commit, work: &Path) -> Result<SourceTree, Error> {
    let path = work.join("sources").join(commit.to_string());
    if !path.exists() {
        let git = Git::new(repository, commit, work);
        git.fetch().await?;
        state::create_directory(state::parent(&path))?;
        let partial = path.with_extension("partial");
        state::remove_tree(&partial)?;
        git.unpack(&partial).await?;
        state::rename(&partial, &path)?;
    }
    let nar = hash(&disk::read_tree(&path)?, &path)?;
    Ok(SourceTree { path, nar })
}

fn hash(tree: &Node<disk::DiskFile>, path: &Path) -> Result<NarHash, Error> {
    nar_hash(tree).map_err(Error::file("hash", path))
}

struct Git<'a> {
    repository: &'a str,
    commit: &'a Commit,
    home: PathBuf,
    bare: PathBuf,
}

impl<'a> Git<'a> {
    fn new(repository: &'a str, commit: &'a Commit, work: &Path) -> Self {
        let bare = work.join(if commit.as_bytes().len() == 20 {
            "git-sha1"
        } else {
            "git-sha256"
        });
        Self {
            repository,
            commit,
            home: work.join("home"),
            bare,
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("git");
        command.env_clear().envs(
            PASSED
                .iter()
                .filter_map(|name| Some((*name, std::env::var_os(name)?))),
        );
        command
            .env("HOME", &self.home)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ALLOW_PROTOCOL", "file:https")
            .arg("--git-dir")
            .arg(&self.bare)
            .args(arguments);
        command
    }

    fn error(&self, reason: impl ToString) -> Error {
        Error::Git {
            repository: self.repository.to_owned(),
            commit: self.commit.to_string(),
            reason: reason.to_string(),
        }
    }

    async fn run(&self, arguments: &[&str], limit: Duration) -> Result<Vec<u8>, Error> {
        let done = process::run(self.command(arguments), "git", limit, None).await?;
        if !done.success {
            return Err(self.error(done.last_words()));
        }
        Ok(done.stdout)
    }

    async fn fetch(&self) -> Result<(), Error> {
        state::create_directory(&self.home)?;
        let commit = self.commit.to_string();
        if !self.bare.join("HEAD").exists() {
            let format = if commit.len() == 40 { "sha1" } else { "sha256" };
            let format = format!("--object-format={format}");
            self.run(
                &["init", "--quiet", "--bare", &format, "--template="],
                LOCAL_LIMIT,
            )
            .await?;
        }
        let name = format!("{commit}^{{commit}}");
        let there = process::run(
            self.command(&["cat-file", "-e", &name]),
            "git",
            LOCAL_LIMIT,
            None,
        )
        .await?;
        if there.success {
            return Ok(());
        }
        let repository = self.location()?;
        let arguments = [
            "-c",
            "protocol.version=2",
            "-c",
            "fetch.fsckObjects=true",
            "fetch",
            "--quiet",
            "--depth=1",
            "--no-tags",
            "--no-write-fetch-head",
            "--no-recurse-submodules",
            "--",
            &repository,
            &commit,
        ];
        self.run(&arguments, FETCH_LIMIT).await?;
        self.run(&["cat-file", "-e", &name], LOCAL_LIMIT)
            .await
            .map(drop)
    }

    fn location(&self) -> Result<String, Error> {
        if self.repository.contains("://") {
            return Ok(self.repository.to_owned());
        }
        let path = fs::canonicalize(self.repository)
            .map_err(Error::file("read", Path::new(self.repository)))?;
        path.into_os_string()
            .into_string()
            .map_err(|_| self.error("its path is not UTF-8"))
    }

    async fn unpack(&self, tree: &Path) -> Result<(), Error> {
        let commit = self.commit.to_string();
        let listing = self
            .run(
                &["ls-tree", "-r", "-t", "-z", "--full-tree", &commit],
                LOCAL_LIMIT,
            )
            .await?;
        if listing.len() as u64 > MAX_LISTING {
            return Err(Error::Tree("too many files".to_owned()));
        }
        let entries = listing
            .split(|byte| *byte == 0)
            .filter(|line| !line.is_empty())
            .map(|line| {
                parse(line).ok_or_else(|| self.error("git lists a tree in an unknown form"))
            })
            .collect::<Result<Vec<_>, _>>()?;
        let blobs = self.blobs(&entries, state::parent(tree)).await?;
        fs::create_dir(tree).map_err(Error::file("create", tree))?;
        let mut reader = BufReader::new(blobs);
        for entry in &entries {
            write_entry(tree, entry, &mut reader)?;
        }
        disk::forget_times(tree)
    }

    /// The contents of all blobs in the order of `entries`, in `cat-file --batch` form, in a nameless file.
    async fn blobs(&self, entries: &[Entry], directory: &Path) -> Result<File, Error> {
        let nameless = || tempfile::tempfile_in(directory).map_err(Error::file("write", directory));
        let (mut list, contents) = (nameless()?, nameless()?);
        for entry in entries.iter().filter(|entry| !entry.is_directory()) {
            writeln!(list, "{}", entry.object).map_err(Error::file("write", directory))?;
        }
        rewind(&mut list, directory)?;
        let mut output = contents
            .try_clone()
            .map_err(Error::file("write", directory))?;
        let mut command = self.command(&["cat-file", "--batch"]);
        command
            .kill_on_drop(true)
            .stdin(list)
            .stdout(contents)
            .stderr(std::process::Stdio::null());
        let mut child = command.spawn().map_err(|error| Error::Program {
            program: "git".to_owned(),
            reason: error.to_string(),
        })?;
        let status = tokio::time::timeout(LOCAL_LIMIT, child.wait())
            .await
            .map_err(|_| Error::TimedOut {
                program: "git".to_owned(),
                seconds: LOCAL_LIMIT.as_secs(),
            })?;
        if !status.is_ok_and(|status| status.success()) {
            return Err(self.error("git cat-file failed"));
        }
        rewind(&mut output, directory)?;
        Ok(output)
    }
}

fn rewind(file: &mut File, directory: &Path) -> Result<(), Error> {
    file.rewind().map_err(Error::file("read", directory))
}
