use std::{
    env,
    fs::{self, File},
    io::{self, Read as _, Write as _},
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use seed_primitives::Digest;
use tempfile::TempDir;
use thiserror::Error;

const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);

/// Why a local registry did not start.
#[derive(Debug, Error)]
pub enum RegistryError {
    /// There is no docker-registry on this machine.
    #[error("no docker-registry found: run `scripts/setup registry`, or name it in SEED_REGISTRY")]
    Missing,
    /// The file system or the process table failed.
    #[error("cannot start the registry: {0}")]
    Io(#[from] io::Error),
    /// It ended, or did not answer in time. The text is what it wrote.
    #[error("the registry did not come up; it wrote:\n{0}")]
    Silent(String),
}

/// A real docker-registry on 127.0.0.1, with a port that the system chose and storage of its own.
///
/// It is killed, and its storage removed, when this is dropped. It has no referrers API (version 2.8).
#[derive(Debug)]
pub struct LocalRegistry {
    child: Child,
    folder: TempDir,
    port: u16,
}

/// The user of a registry started with [`LocalRegistry::start_with_login`].
pub const REGISTRY_USER: &str = "tester";
/// The password of [`REGISTRY_USER`].
pub const REGISTRY_PASSWORD: &str = "open sesame";
/// The name of the service and issuer of a registry started with [`LocalRegistry::start_with_token_service`].
pub const TOKEN_SERVICE: &str = "tokens.test";
/// The bcrypt hash of [`REGISTRY_PASSWORD`], at the least cost.
const REGISTRY_PASSWORD_HASH: &str = "$2b$04$abcdefghijklmnopqrstuu/LVz6MZlItEy42I2juLihZ66HnQx/cy";

impl LocalRegistry {
    /// Starts an open registry and waits until it answers.
    ///
    /// # Errors
    /// [`RegistryError`] when there is none, or it does not come up.
    pub fn start() -> Result<Self, RegistryError> {
        Self::start_as("")
    }

    /// Starts a registry that wants [`REGISTRY_USER`] and [`REGISTRY_PASSWORD`] as a basic login.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn start_with_login() -> Result<Self, RegistryError> {
        Self::start_as("auth: {htpasswd: {realm: test, path: FOLDER/users}}\n")
    }

    /// Starts a registry that wants tokens of the service called [`TOKEN_SERVICE`] at `realm`, signed by the key of the
    /// PEM file `certificate`.
    ///
    /// # Errors
    /// Those of [`Self::start`].
    pub fn start_with_token_service(
        realm: &str,
        certificate: &Path,
    ) -> Result<Self, RegistryError> {
        let certificate = certificate.to_string_lossy();
        Self::start_as(&format!(
            "auth: {{token: {{realm: {realm:?}, service: {TOKEN_SERVICE}, issuer: {TOKEN_SERVICE}, \
             rootcertbundle: {certificate:?}}}}}\n"
        ))
    }

    fn start_as(auth: &str) -> Result<Self, RegistryError> {
        let program = find().ok_or(RegistryError::Missing)?;
        let folder = tempfile::tempdir()?;
        fs::write(
            folder.path().join("config.yml"),
            config(folder.path(), auth),
        )?;
        fs::write(
            folder.path().join("users"),
            format!("{REGISTRY_USER}:{REGISTRY_PASSWORD_HASH}\n"),
        )?;
        let child = Command::new(program)
            .arg("serve")
            .arg(folder.path().join("config.yml"))
            // Variables called REGISTRY_… would change the configuration.
            .env_clear()
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(folder.path().join("log"))?)
            .spawn()?;
        let mut registry = Self {
            child,
            folder,
            port: 0,
        };
        registry.wait()?;
        Ok(registry)
    }

    /// Waits for the port in the log and then for an answer on it.
    fn wait(&mut self) -> Result<(), RegistryError> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && self.child.try_wait()?.is_none() {
            if let Some(port) = port_in(&self.log())
                && answers(port)
            {
                self.port = port;
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        Err(RegistryError::Silent(self.log()))
    }

    /// `127.0.0.1:PORT`, as it stands in a reference.
    #[must_use]
    pub fn host(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.host())
    }

    /// The file in which the registry keeps the content of `digest`: the place to tamper with it.
    #[must_use]
    pub fn blob_file(&self, digest: &Digest) -> PathBuf {
        let hex = digest.to_hex();
        let (prefix, _) = hex.split_at(2);
        self.folder
            .path()
            .join("data/docker/registry/v2/blobs/sha256")
            .join(prefix)
            .join(&hex)
            .join("data")
    }

    /// What the registry has written so far.
    #[must_use]
    pub fn log(&self) -> String {
        let bytes = fs::read(self.folder.path().join("log")).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for LocalRegistry {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn config(folder: &Path, auth: &str) -> String {
    let quoted = |name: &str| format!("{:?}", folder.join(name).to_string_lossy());
    let auth = auth.replace("FOLDER/users", &quoted("users"));
    format!(
        "version: 0.1\n\
         log: {{level: info, formatter: text, accesslog: {{disabled: true}}}}\n\
         storage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n\
         http: {{addr: \"127.0.0.1:0\"}}\n{}",
        quoted("data"),
        auth,
    )
}

/// The port in the line that the registry writes once it listens.
fn port_in(log: &str) -> Option<u16> {
    let (_, rest) = log.split_once("listening on 127.0.0.1:")?;
    let end = rest.find(|c: char| !c.is_ascii_digit())?;
    rest.get(..end)?.parse().ok()
}

fn answers(port: u16) -> bool {
    let ask = || -> io::Result<String> {
        let mut stream = TcpStream::connect(("127.0.0.1", port))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.write_all(b"GET /v2/ HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        stream.take(1 << 10).read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.contains("registry/2.0"))
}

/// The program: `SEED_REGISTRY`, what `scripts/setup registry` unpacked, or `docker-registry` on PATH.
fn find() -> Option<PathBuf> {
    if let Some(named) = env::var_os("SEED_REGISTRY") {
        return Some(PathBuf::from(named));
    }
    let cached =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../.cache/registry/bin/docker-registry");
    let on_path = env::var_os("PATH").into_iter().flat_map(|path| {
        env::split_paths(&path)
            .map(|folder| folder.join("docker-registry"))
            .collect::<Vec<_>>()
    });
    std::iter::once(cached)
        .chain(on_path)
        .find(|path| path.is_file())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_port_only_in_a_whole_line() {
        let line = r#"msg="listening on 127.0.0.1:45375" go.version=x"#;
        assert_eq!(port_in(line), Some(45375));
        assert_eq!(port_in("listening on 127.0.0.1:453"), None);
        assert_eq!(port_in(""), None);
    }

    #[test]
    fn two_registries_run_side_by_side() {
        let (one, two) = (
            LocalRegistry::start().unwrap(),
            LocalRegistry::start().unwrap(),
        );
        assert_ne!(one.host(), two.host());
    }
}
