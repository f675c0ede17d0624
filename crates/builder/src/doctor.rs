use std::path::Path;

use seed_primitives::System;

use crate::{Error, Nix};

/// One thing a builder needs, and whether it is there.
#[derive(Debug)]
pub struct Check {
    /// What was looked at.
    pub what: &'static str,
    /// What was found, or why it will not do.
    pub result: Result<String, Error>,
}

/// Looks at everything a builder needs of the machine; changes nothing.
pub async fn doctor(nix: &Path, system: &System) -> Vec<Check> {
    let mut checks = vec![Check {
        what: "git",
        result: git().await,
    }];
    let work = match tempfile::tempdir() {
        Ok(work) => work,
        Err(error) => {
            let result = Err(Error::file("create", &std::env::temp_dir())(error));
            checks.push(Check {
                what: "temporary directory",
                result,
            });
            return checks;
        }
    };
    let nix = match Nix::find(nix, work.path()).await {
        Ok(nix) => nix,
        Err(error) => {
            checks.push(Check {
                what: "nix",
                result: Err(error),
            });
            return checks;
        }
    };
    let version = nix.version();
    checks.push(Check {
        what: "nix",
        result: Ok(format!("{version} at {}", nix.program().display())),
    });
    let safe = if version.is_vulnerable() {
        Err(Error::NixVulnerable(version.to_string()))
    } else {
        Ok("no known hole".to_owned())
    };
    checks.push(Check {
        what: "nix for production keys",
        result: safe,
    });
    let settings = nix
        .configure(system, 1)
        .await
        .map(|settings| format!("{} as required", settings.len()));
    checks.push(Check {
        what: "nix settings",
        result: settings,
    });
    let namespace = nix
        .check_namespace()
        .await
        .map(|()| "nothing but loopback".to_owned());
    checks.push(Check {
        what: "network namespace",
        result: namespace,
    });
    checks
}

async fn git() -> Result<String, Error> {
    let mut command = tokio::process::Command::new("git");
    command.arg("--version");
    let done =
        crate::process::run(command, "git", std::time::Duration::from_secs(10), None).await?;
    Ok(String::from_utf8_lossy(&done.stdout).trim().to_owned())
}
