use std::{
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use seed_chain::KeySource;
use seed_primitives::System;

use crate::{Error, Key, Nix, can_watch, process};

/// The least room a builder must have: two stores, an image, and the sources.
const LEAST_FREE: u64 = 10 << 30;
/// 2026-01-01: no clock that is right shows an earlier time.
const EARLIEST: u64 = 1_767_225_600;

/// One thing a builder needs, and whether it is there.
#[derive(Debug)]
pub struct Check {
    /// What was looked at.
    pub what: &'static str,
    /// What was found, or why it will not do.
    pub result: Result<String, Error>,
}

impl Check {
    const fn new(what: &'static str, result: Result<String, Error>) -> Self {
        Self { what, result }
    }
}

/// What to look at.
#[derive(Clone, Debug)]
pub struct Patient {
    /// The Nix.
    pub nix: PathBuf,
    /// The system to build for.
    pub system: System,
    /// Where stores and images will be.
    pub state: PathBuf,
    /// The key, if one is named. Its password may be asked for.
    pub key: Option<KeySource>,
}

/// Looks at everything a builder needs of the machine; changes nothing.
///
/// The last check is whether a production key may sign here: it fails whenever one of the others does.
pub async fn doctor(patient: &Patient) -> Vec<Check> {
    let mut checks = vec![
        Check::new("git", git().await),
        Check::new("user namespaces", user_namespaces().await),
        Check::new("disk", disk(&patient.state)),
        Check::new("clock", clock(SystemTime::now())),
    ];
    checks.extend(nix(patient).await);
    checks.push(Check::new("key", key(patient.key.as_ref())));
    let failed: Vec<&str> = checks
        .iter()
        .filter(|check| check.result.is_err())
        .map(|check| check.what)
        .collect();
    let production = if failed.is_empty() {
        Ok("may sign here".to_owned())
    } else {
        Err(Error::UnsafeHost(failed.join(", ")))
    };
    checks.push(Check::new("production keys", production));
    // Nobody must have it: what it says is never a fault.
    let census = can_watch(&patient.state).map_or_else(
        |why| format!("not here, so --census will refuse: {why}"),
        |()| "possible".to_owned(),
    );
    checks.push(Check::new("execution census (optional)", Ok(census)));
    checks
}

async fn nix(patient: &Patient) -> Vec<Check> {
    let work = match tempfile::tempdir() {
        Ok(work) => work,
        Err(error) => {
            let result = Err(Error::file("create", &std::env::temp_dir())(error));
            return vec![Check::new("temporary directory", result)];
        }
    };
    let nix = match Nix::find(&patient.nix, work.path()).await {
        Ok(nix) => nix,
        Err(error) => return vec![Check::new("nix", Err(error))],
    };
    let version = nix.version();
    let settings = nix.configure(&patient.system, 1).await;
    let namespace = nix.check_namespace().await;
    let holes = version
        .refusal()
        .map_or_else(|| Ok("none is known".to_owned()), Err);
    vec![
        Check::new(
            "nix",
            Ok(format!("{version} at {}", nix.program().display())),
        ),
        Check::new("holes of nix", holes),
        Check::new(
            "nix settings",
            settings.map(|settings| format!("{} as required", settings.len())),
        ),
        Check::new(
            "network namespace",
            namespace.map(|()| "nothing but loopback".to_owned()),
        ),
    ]
}

/// Nix builds its sandbox from one, whoever starts it.
async fn user_namespaces() -> Result<String, Error> {
    let mut command = tokio::process::Command::new("unshare");
    command.args(["--user", "--map-current-user", "--", "true"]);
    let done = process::run(command, "unshare", Duration::from_secs(10), None).await?;
    if done.success {
        Ok("can be made".to_owned())
    } else {
        Err(Error::UserNamespace(done.last_words()))
    }
}

/// Room where `state` is, or will be.
fn disk(state: &Path) -> Result<String, Error> {
    let state = std::path::absolute(state).map_err(Error::file("read", state))?;
    let mut above = state.ancestors();
    let place = above.find(|path| path.exists()).unwrap_or(Path::new("/"));
    let room =
        rustix::fs::statvfs(place).map_err(|error| Error::file("read", place)(error.into()))?;
    let free = room.f_bavail.saturating_mul(room.f_frsize);
    if free < LEAST_FREE {
        return Err(Error::Disk {
            path: place.to_owned(),
            free,
            least: LEAST_FREE,
        });
    }
    Ok(format!("{} GiB free at {}", free >> 30, place.display()))
}

/// A time that is impossible is wrong; of any other this machine alone cannot tell.
fn clock(now: SystemTime) -> Result<String, Error> {
    let seconds = now
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    if seconds < EARLIEST {
        return Err(Error::Clock(seconds));
    }
    let shown = i64::try_from(seconds)
        .ok()
        .and_then(|seconds| jiff::Timestamp::from_second(seconds).ok())
        .ok_or(Error::Clock(seconds))?;
    Ok(format!(
        "{shown}, which is possible; compare it with another clock"
    ))
}

fn key(source: Option<&KeySource>) -> Result<String, Error> {
    let Some(source) = source else {
        return Ok("none was named (--keystore)".to_owned());
    };
    let (KeySource::Keystore { path, .. } | KeySource::Development(path)) = source;
    let unusable = |reason: String| Error::Key {
        path: path.clone(),
        reason,
    };
    let metadata = std::fs::metadata(path).map_err(Error::file("read", path))?;
    let mode = metadata.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(unusable(format!(
            "others may use it (mode {mode:03o}); make it 600"
        )));
    }
    if source.is_development() {
        return Err(unusable(
            "it is not encrypted, so it is for development only".to_owned(),
        ));
    }
    let key = Key::open(source)?;
    Ok(format!("encrypted keystore of {}", key.builder()))
}

async fn git() -> Result<String, Error> {
    let mut command = tokio::process::Command::new("git");
    command.arg("--version");
    let done = process::run(command, "git", Duration::from_secs(10), None).await?;
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_impossible_time_is_no_time() {
        for seconds in [0, EARLIEST - 1] {
            let then = UNIX_EPOCH + Duration::from_secs(seconds);
            assert!(matches!(clock(then), Err(Error::Clock(found)) if found == seconds));
        }
        let good = clock(UNIX_EPOCH + Duration::from_secs(EARLIEST)).unwrap();
        assert!(good.starts_with("2026-01-01T00:00:00Z"), "{good}");
    }

    #[test]
    fn room_is_looked_for_where_the_state_will_be() {
        let folder = tempfile::tempdir().unwrap();
        let found = disk(&folder.path().join("not/there/yet"));
        let shown = match found {
            Ok(found) => found,
            Err(Error::Disk { path, free, .. }) => {
                assert!(free < LEAST_FREE);
                path.display().to_string()
            }
            Err(other) => panic!("{other}"),
        };
        assert!(shown.contains(folder.path().to_str().unwrap()), "{shown}");
    }
}
