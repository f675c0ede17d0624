use std::{
    fs, io,
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    process::{Child, Command},
};

use super::{Login, Secret};
use crate::{Error, limits::MAX_SMALL};

/// The most time that a helper gets: some ask a service of their own.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a helper prints when it simply has no login, by the protocol.
const NOT_FOUND: &str = "credentials not found in native keychain";
/// The user name by which a helper says that the secret is an identity token.
const IS_TOKEN: &str = "<token>";
const MAX_NAME: usize = 64;

/// A credential helper: the program `docker-credential-NAME`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Helper {
    program: String,
}

/// What a helper prints for a registry it knows.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    username: String,
    secret: String,
}

impl Helper {
    /// The helper called `name`, 1 to 64 characters of a-z, 0-9 and `-`.
    pub(super) fn new(name: &str) -> Option<Self> {
        let fine = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        let named = (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(fine);
        named.then(|| Self {
            program: format!("docker-credential-{name}"),
        })
    }

    /// Asks for the login to `host`; `None` where the helper says that it has none. Looks in `folders`, or in those of
    /// `PATH`.
    pub(super) async fn get(
        &self,
        host: &str,
        folders: Option<&[PathBuf]>,
    ) -> Result<Option<Secret>, Error> {
        let failed = |why: &str| Error::CredentialHelper {
            place: host.to_owned(),
            helper: self.program.clone(),
            why: why.to_owned(),
        };
        let program = match folders {
            Some(folders) => self.program(folders.iter().cloned()),
            None => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                self.program(std::env::split_paths(&path))
            }
        };
        let program = program.ok_or_else(|| failed("is not installed in any folder of PATH"))?;
        let child = Command::new(program)
            .arg("get")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // What it complains about may have secrets in it.
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn();
        let child = child.map_err(|error| failed(&format!("does not start ({})", error.kind())))?;
        let answer = tokio::time::timeout(PATIENCE, talk(child, key_of(host))).await;
        let answer = answer
            .map_err(|_| failed(&format!("gave no answer in {} seconds", PATIENCE.as_secs())))?;
        let (fine, text) =
            answer.map_err(|error| failed(&format!("broke off ({})", error.kind())))?;
        if text.len() as u64 > MAX_SMALL {
            return Err(failed(&format!("said more than {MAX_SMALL} bytes")));
        }
        match fine {
            true => read(&text)
                .map(Some)
                .ok_or_else(|| failed("gave no login in the agreed form")),
            false if text.trim_ascii() == NOT_FOUND.as_bytes() => Ok(None),
            false => Err(failed("failed")),
        }
    }

    /// The program in the first absolute folder that has it: never one of the working directory.
    fn program(&self, folders: impl Iterator<Item = PathBuf>) -> Option<PathBuf> {
        folders
            .filter(|folder| folder.is_absolute())
            .map(|folder| folder.join(&self.program))
            .find(|path| is_program(path))
    }
}

fn is_program(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    fs::metadata(path).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
}

/// The name under which helpers know a registry.
fn key_of(host: &str) -> &str {
    match host {
        "docker.io" => "https://index.docker.io/v1/",
        host => host,
    }
}

/// Says `key`, and reads what comes back: whether the helper ended well, and its output, cut beyond its bound.
async fn talk(mut child: Child, key: &str) -> io::Result<(bool, Vec<u8>)> {
    let (input, output) = (child.stdin.take(), child.stdout.take());
    let say = async {
        if let Some(mut input) = input {
            // One that does not want to hear it is judged by its answer.
            let _ = input.write_all(key.as_bytes()).await;
        }
    };
    let listen = async {
        let mut text = Vec::new();
        match output {
            Some(output) => output.take(MAX_SMALL + 1).read_to_end(&mut text).await,
            None => Ok(0),
        }
        .map(|_| text)
    };
    let ((), text) = tokio::join!(say, listen);
    let text = text?;
    if text.len() as u64 > MAX_SMALL {
        return Ok((false, text));
    }
    Ok((child.wait().await?.success(), text))
}

fn read(text: &[u8]) -> Option<Secret> {
    let answer: Answer = serde_json::from_slice(text).ok()?;
    if answer.secret.is_empty() {
        return None;
    }
    Some(match answer.username.as_str() {
        IS_TOKEN => Secret::IdentityToken(answer.secret),
        _ => Secret::Login(Login {
            user: answer.username,
            password: answer.secret,
        }),
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    /// A folder with a helper called `docker-credential-test` that runs `script`.
    fn helper(script: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("docker-credential-test");
        // Written by another process: a descriptor of ours that a child of another test inherits would keep the
        // program from being run.
        let draft = folder.path().join("draft");
        fs::write(&draft, format!("#!/bin/sh\n{script}\n")).unwrap();
        let copied = std::process::Command::new("cp")
            .arg(&draft)
            .arg(&path)
            .status();
        assert!(copied.unwrap().success());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
        folder
    }

    async fn ask(script: &str) -> Result<Option<Secret>, Error> {
        let folder = helper(script);
        let folders = [folder.path().to_owned()];
        let test = Helper::new("test").unwrap();
        test.get("a.example:5000", Some(&folders)).await
    }

    #[tokio::test]
    async fn speaks_the_protocol() {
        let echo =
            r#"[ "$1" = get ] && printf '{"ServerURL":"x","Username":"u","Secret":"%s"}' "$(cat)""#;
        let login = Login {
            user: "u".into(),
            password: "a.example:5000".into(),
        };
        assert_eq!(ask(echo).await.unwrap(), Some(Secret::Login(login)));
        let token = r#"echo '{"ServerURL":"x","Username":"<token>","Secret":"t"}'"#;
        let expected = Some(Secret::IdentityToken("t".into()));
        assert_eq!(ask(token).await.unwrap(), expected);
        let none = format!("echo {NOT_FOUND}; exit 1");
        assert_eq!(ask(&none).await.unwrap(), None);
        assert_eq!(key_of("docker.io"), "https://index.docker.io/v1/");
    }

    #[tokio::test]
    async fn what_fails_is_an_error_that_tells_no_secret() {
        for (script, why) in [
            ("echo hunter2; echo hunter2 >&2; exit 1", "failed"),
            ("echo hunter2", "agreed form"),
            (r#"echo '{"Username":"hunter2"}'"#, "agreed form"),
            (r#"echo '{"Username":"u","Secret":""}'"#, "agreed form"),
            ("yes hunter2", "more than"),
            ("exec 0<&- 1>&-; exit 3", "failed"),
            ("kill -9 $$", "failed"),
        ] {
            let error = ask(script).await.unwrap_err();
            let text = error.to_string();
            assert_eq!(error.code(), "credential-helper");
            assert!(
                text.contains(why) && !text.contains("hunter2"),
                "{script}: {text}"
            );
            assert!(text.contains("docker-credential-test") && !error.is_retryable());
        }
    }

    #[tokio::test]
    async fn a_helper_is_found_in_absolute_folders_and_has_to_be_a_program() {
        let folder = helper("exit 1");
        let path = folder.path().join("docker-credential-test");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
        let test = Helper::new("test").unwrap();
        for folder in [folder.path().to_owned(), PathBuf::from("."), PathBuf::new()] {
            assert_eq!(test.program([folder].into_iter()), None);
        }
        let error = test.get("a.example", Some(&[])).await.unwrap_err();
        assert!(error.to_string().contains("not installed"), "{error}");
    }

    #[test]
    fn refuses_names_that_are_no_names() {
        for name in [
            "",
            "../x",
            "a/b",
            "a b",
            "A",
            "a.b",
            "a\0",
            "é",
            &"a".repeat(65),
        ] {
            assert_eq!(Helper::new(name), None, "{name:?}");
        }
        assert!(Helper::new("ecr-login2").is_some());
    }
}
