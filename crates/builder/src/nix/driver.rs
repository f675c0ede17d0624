use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};

use seed_nix::{NixHash, SourceAddress, StorePath};
use seed_primitives::System;
use serde::Deserialize;
use tokio::process::Command;

use super::{
    BuildOrder, Built, NixVersion, PathInfo, parse_path_info, plain_path::PlainPath, settings,
};
use crate::{
    Error,
    census::{can_watch, read_sightings},
    process, state,
};

const SHORT: Duration = Duration::from_secs(120);

/// An installed Nix, shut in: its own configuration, home and network namespace, and nothing of the caller's
/// environment but `PATH`.
#[derive(Clone, Debug)]
pub struct Nix {
    program: PathBuf,
    version: NixVersion,
    work: PathBuf,
}

impl Nix {
    /// The Nix at `program` (a path, or a name to be found in `PATH`), working in directory `work`.
    ///
    /// # Errors
    /// When it cannot be run, is not a Nix, or is older than 2.8.
    pub async fn find(program: &Path, work: &Path) -> Result<Self, Error> {
        let program = find(program)?;
        let mut command = Command::new(&program);
        command.env_clear().envs(path_variable()).arg("--version");
        let done = process::run(command, &program.display().to_string(), SHORT, None).await?;
        let version = NixVersion::of_answer(&String::from_utf8_lossy(&done.stdout))?;
        Ok(Self {
            program,
            version,
            work: work.to_owned(),
        })
    }

    /// Its version.
    #[must_use]
    pub const fn version(&self) -> NixVersion {
        self.version
    }

    /// The program.
    #[must_use]
    pub fn program(&self) -> &Path {
        &self.program
    }

    /// Writes the configuration for `system` and returns the gated effective settings, as they go into the
    /// statement. `cores` is what one build is told it may use.
    ///
    /// # Errors
    /// [`Error::NixSetting`] for the first effective setting that is not as required.
    pub async fn configure(
        &self,
        system: &System,
        cores: u32,
    ) -> Result<BTreeMap<String, String>, Error> {
        state::create_directory(&self.work.join("home"))?;
        state::create_directory(&self.work.join("conf"))?;
        state::write(
            &self.work.join("conf/nix.conf"),
            settings::conf(system, cores).as_bytes(),
        )?;
        let arguments: &[&str] = if self.version.at_least(2, 20) {
            &["config", "show", "--json"]
        } else {
            &["show-config", "--json"]
        };
        let mut command = self.command();
        command.args(arguments);
        let done = process::run(command, "nix", SHORT, None).await?;
        if !done.success {
            return Err(Error::NixAnswer {
                command: "nix config show --json",
                reason: done.last_words(),
            });
        }
        settings::gate(&done.stdout, system, self.version)
    }

    /// Proves that programs started as Nix is started see no network but their own loopback.
    ///
    /// # Errors
    /// [`Error::Namespace`] when the namespace cannot be made, or has another interface.
    pub async fn check_namespace(&self) -> Result<(), Error> {
        let mut command = shut_in(Path::new("cat"));
        command
            .env_clear()
            .envs(path_variable())
            .arg("/proc/net/dev");
        let done = process::run(command, "unshare", SHORT, None).await?;
        if !done.success {
            return Err(Error::Namespace(done.last_words()));
        }
        let text = String::from_utf8_lossy(&done.stdout);
        let interfaces: Vec<&str> = text
            .lines()
            .skip(2)
            .filter_map(|line| line.split_once(':'))
            .map(|(name, _)| name.trim())
            .collect();
        match interfaces
            .iter()
            .find(|name| **name != "lo" && !is_idle_tunnel(name))
        {
            Some(name) => Err(Error::Namespace(format!("it has the interface {name}"))),
            None => Ok(()),
        }
    }

    /// Builds what `order` says in a store of its own. Nix checks the flake's NAR hash once more.
    ///
    /// # Errors
    /// [`Error::Build`] with Nix's last words, [`Error::Census`] when what is started was to be watched and was not.
    pub async fn build(&self, order: &BuildOrder<'_>) -> Result<Built, Error> {
        let verb = ["build", "--no-link", "--json", "--print-build-logs"];
        let done = self.of_flake(order, &verb, "").await?;
        let mut built: Vec<BuildAnswer> =
            serde_json::from_slice(&done.stdout).map_err(|error| Error::NixAnswer {
                command: "nix build --json",
                reason: error.to_string(),
            })?;
        match (built.pop(), built.is_empty()) {
            (Some(only), true) if !only.outputs.is_empty() => Ok(Built {
                derivation: only.drv_path,
                outputs: only.outputs,
            }),
            _ => Err(order.failed("it is not exactly one derivation with outputs".to_owned())),
        }
    }

    /// Evaluates what `order` says, and builds nothing: the derivation, which with all that it needs is then in
    /// the store.
    ///
    /// # Errors
    /// [`Error::Build`] with Nix's last words.
    pub async fn evaluate(&self, order: &BuildOrder<'_>) -> Result<StorePath, Error> {
        let done = self.of_flake(order, &["eval", "--raw"], ".drvPath").await?;
        let text = String::from_utf8_lossy(&done.stdout);
        text.trim().parse().map_err(|_| Error::NixAnswer {
            command: "nix eval --raw",
            reason: format!("`{}` is no store path", text.escape_debug()),
        })
    }

    /// Runs Nix with `verb` on the target of `order`, or on the attribute `inside` it.
    async fn of_flake(
        &self,
        order: &BuildOrder<'_>,
        verb: &[&str],
        inside: &str,
    ) -> Result<process::Finished, Error> {
        let plain = PlainPath::of(order.flake)?;
        let hash = percent(&NixHash::Sha256(*order.nar.digest.as_bytes()).to_sri_string());
        let attribute = format!("packages.{}.{}", order.system, order.target.attribute());
        let watched = order.sightings.filter(|_| verb.contains(&"build"));
        let mut command = match watched {
            Some(out) => self.watched(order.store, out)?,
            None => self.command(),
        };
        command
            .args(verb)
            .arg("--store")
            .arg(order.store)
            .args(["--no-write-lock-file", "--no-update-lock-file"])
            .arg("--no-registries")
            .arg(format!(
                "path:{}?narHash={hash}#{attribute}{inside}",
                plain.text
            ));
        let done = process::run(command, "nix", order.limit, Some(order.log)).await?;
        if done.success {
            return Ok(done);
        }
        // A watch that failed has ended the build: that is the reason then.
        if let Some(out) = watched
            && out.exists()
        {
            read_sightings(out, "")?;
        }
        Err(order.failed(done.last_words()))
    }

    /// Adds the file or tree at `path` to `store` as a fixed output with the algorithm and kind of `address`.
    /// The store path Nix makes of it is the result.
    ///
    /// # Errors
    /// When Nix refuses, or answers with something else than a store path.
    pub async fn add_fixed(
        &self,
        store: &Path,
        path: &Path,
        address: &SourceAddress,
    ) -> Result<StorePath, Error> {
        // The old command line is the only one that knows every algorithm in every version.
        let mut command = shut_in(&find(&self.program.with_file_name("nix-store"))?);
        self.close(&mut command);
        command.arg("--store").arg(store).arg("--add-fixed");
        if address.is_recursive() {
            command.arg("--recursive");
        }
        command.arg(address.algorithm()).arg(path);
        let done = process::run(command, "nix-store", SHORT * 10, None).await?;
        let bad = |reason| Error::NixAnswer {
            command: "nix-store --add-fixed",
            reason,
        };
        if !done.success {
            return Err(bad(done.last_words()));
        }
        let text = String::from_utf8_lossy(&done.stdout);
        let parsed = text.trim().parse();
        parsed.map_err(|_| bad(format!("`{}` is no store path", text.escape_debug())))
    }

    /// Everything the database of `store` says.
    ///
    /// # Errors
    /// When Nix cannot say, or says it in an unknown form.
    pub async fn path_info(&self, store: &Path) -> Result<BTreeMap<StorePath, PathInfo>, Error> {
        let mut command = self.command();
        command
            .arg("path-info")
            .arg("--store")
            .arg(store)
            .args(["--json", "--all"]);
        if self.version.at_least(2, 33) {
            command.args(["--json-format", "1"]);
        }
        let done = process::run(command, "nix", SHORT * 10, None).await?;
        if !done.success {
            return Err(Error::NixAnswer {
                command: "nix path-info --json",
                reason: done.last_words(),
            });
        }
        parse_path_info(&done.stdout)
    }

    /// Nix under the eyes of a process of our own, which leaves in `out` what was started.
    fn watched(&self, store: &Path, out: &Path) -> Result<Command, Error> {
        can_watch(store)?;
        if out.exists() {
            std::fs::remove_file(out).map_err(Error::file("remove", out))?;
        }
        let own = std::env::current_exe().map_err(|error| Error::Program {
            program: "seed-builder".to_owned(),
            reason: error.to_string(),
        })?;
        let mut command = shut_in_and_alone(&own);
        self.close(&mut command);
        command.args(["watch", "--store"]).arg(store);
        command.arg("--out").arg(out).arg("--").arg(&self.program);
        Ok(command)
    }

    fn command(&self) -> Command {
        let mut command = shut_in(&self.program);
        self.close(&mut command);
        command
    }

    /// Clears the environment of `command` down to what Nix is given.
    pub(super) fn close(&self, command: &mut Command) {
        command
            .env_clear()
            .envs(path_variable())
            .env("HOME", self.work.join("home"))
            .env("NIX_CONF_DIR", self.work.join("conf"))
            .env("NIX_USER_CONF_FILES", "")
            .env("LC_ALL", "C")
            .current_dir(&self.work);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct BuildAnswer {
    drv_path: String,
    outputs: BTreeMap<String, String>,
}

/// `program` in a network namespace of its own. As root the namespace is all; as an ordinary user it needs a
/// user namespace, with the user's own id, because Nix takes id 0 for the right to change ids.
fn shut_in(program: &Path) -> Command {
    let mut command = Command::new("unshare");
    if !rustix::process::geteuid().is_root() {
        command.args(["--user", "--map-current-user"]);
    }
    // What we started must not outlive us and go on writing where the next run works.
    command
        .args(["--net", "--", "setpriv", "--pdeathsig", "KILL", "--"])
        .arg(program);
    command
}

/// `program` as the first process of a pid namespace, besides: the kernel shows it the number of a process that
/// was started there, and of no other. When it ends, everything else in there ends.
fn shut_in_and_alone(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "unshare", "--net"]);
    command.args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"]);
    command.arg(program);
    command
}

/// Tunnel devices that the kernel puts into every namespace; they are down and lead nowhere.
fn is_idle_tunnel(name: &str) -> bool {
    [
        "tunl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "sit0", "ip6tnl0", "ip6gre0",
    ]
    .contains(&name)
}

fn path_variable() -> Option<(&'static str, std::ffi::OsString)> {
    Some(("PATH", std::env::var_os("PATH")?))
}

fn find(program: &Path) -> Result<PathBuf, Error> {
    let missing = || Error::Program {
        program: program.display().to_string(),
        reason: "there is no such program".to_owned(),
    };
    if program.components().count() > 1 {
        // Not resolved further: what a link is called decides what Nix does.
        return std::path::absolute(program)
            .ok()
            .filter(|path| path.is_file())
            .ok_or_else(missing);
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
        .ok_or_else(missing)
}

fn percent(text: &str) -> String {
    text.replace('+', "%2B")
        .replace('/', "%2F")
        .replace('=', "%3D")
}
