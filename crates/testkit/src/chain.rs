use std::{
    env,
    fs::{self, File},
    io,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use alloy::signers::local::PrivateKeySigner;
use alloy_primitives::B256;
use seed_chain::{ChainError, Endpoint, Options, Wallet};
use serde_json::{Value, json};
use tempfile::TempDir;
use thiserror::Error;

const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(10);
/// The chain id of a local chain.
pub const CHAIN_ID: u64 = 31337;
/// The first account that anvil funds; public knowledge, worthless anywhere else.
const FUNDED: &str = "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";

/// Why a local chain did not start or answer.
#[derive(Debug, Error)]
pub enum LocalChainError {
    /// There is no anvil on this machine.
    #[error("no anvil found: run `scripts/setup contracts`, or name it in SEED_ANVIL")]
    Missing,
    /// The file system or the process table failed.
    #[error("cannot start the chain: {0}")]
    Io(#[from] io::Error),
    /// It ended, or did not answer in time. The text is what it wrote.
    #[error("the chain did not come up; it wrote:\n{0}")]
    Silent(String),
    /// It answers with something else than expected.
    #[error(transparent)]
    Chain(#[from] ChainError),
    /// A request of the test itself failed.
    #[error("the chain cannot be asked: {0}")]
    Http(#[from] reqwest::Error),
}

/// A real anvil on 127.0.0.1, with a port that the system chose, mining one block per transaction and calling
/// the block two before the newest finalised. Killed when dropped.
#[derive(Debug)]
pub struct LocalChain {
    child: Child,
    folder: TempDir,
    port: u16,
}

impl LocalChain {
    /// Starts a chain and waits until it listens.
    ///
    /// # Errors
    /// [`LocalChainError`] when there is no anvil, or it does not come up.
    pub fn start() -> Result<Self, LocalChainError> {
        let folder = tempfile::tempdir()?;
        let child = Command::new(find().ok_or(LocalChainError::Missing)?)
            .args([
                "--host",
                "127.0.0.1",
                "--port",
                "0",
                "--slots-in-an-epoch",
                "1",
            ])
            .args(["--chain-id", &CHAIN_ID.to_string(), "--hardfork", "prague"])
            .stdin(Stdio::null())
            .stdout(File::create(folder.path().join("log"))?)
            .stderr(Stdio::null())
            .spawn()?;
        let mut chain = Self {
            child,
            folder,
            port: 0,
        };
        chain.wait()?;
        Ok(chain)
    }

    fn wait(&mut self) -> Result<(), LocalChainError> {
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && self.child.try_wait()?.is_none() {
            let log = self.log();
            let port = log
                .split("Listening on 127.0.0.1:")
                .nth(1)
                .and_then(|rest| rest.lines().next());
            if let Some(port) = port.and_then(|text| text.trim().parse().ok()) {
                self.port = port;
                return Ok(());
            }
            std::thread::sleep(PAUSE);
        }
        Err(LocalChainError::Silent(self.log()))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }

    /// `http://127.0.0.1:PORT`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// The key of an account with plenty of worthless money.
    ///
    /// # Panics
    /// Never: the key is fixed.
    #[must_use]
    pub fn funded() -> PrivateKeySigner {
        FUNDED.parse().expect("a fixed key")
    }

    /// A wallet of that account.
    ///
    /// # Errors
    /// Never in practice: the URL is loopback.
    pub fn wallet(&self) -> Result<Wallet, ChainError> {
        let options = Options::default();
        Wallet::new(
            &self.url(),
            &options,
            CHAIN_ID,
            Self::funded(),
            u128::MAX,
            PATIENCE,
        )
    }

    /// The chain as an endpoint.
    ///
    /// # Errors
    /// Never in practice: the URL is loopback.
    pub fn endpoint(&self) -> Result<Endpoint, ChainError> {
        Endpoint::new(&self.url(), &Options::default())
    }

    /// Mines `blocks` empty blocks; two make everything before them final.
    ///
    /// # Errors
    /// When the chain does not answer.
    pub async fn mine(&self, blocks: u64) -> Result<(), LocalChainError> {
        self.ask("anvil_mine", json!([blocks])).await?;
        Ok(())
    }

    /// Asks any JSON-RPC method and returns the whole answer.
    ///
    /// # Errors
    /// When the chain does not answer.
    pub async fn ask(&self, method: &str, params: Value) -> Result<Value, LocalChainError> {
        let question = json!({ "jsonrpc": "2.0", "id": 1, "method": method, "params": params });
        // It is on this machine, whatever proxy the environment names.
        let client = reqwest::Client::builder().no_proxy().build()?;
        let answer = client.post(self.url()).json(&question).send().await?;
        Ok(answer.json().await?)
    }

    /// The hash of block 0.
    ///
    /// # Errors
    /// When the chain does not answer.
    pub async fn genesis_hash(&self) -> Result<B256, ChainError> {
        self.endpoint()?.genesis_hash().await
    }
}

impl Drop for LocalChain {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `SEED_ANVIL`, or the one that `npm ci` put below `contracts`.
fn find() -> Option<PathBuf> {
    let installed = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil");
    env::var_os("SEED_ANVIL")
        .map(PathBuf::from)
        .into_iter()
        .chain([installed])
        .find(|path| path.is_file())
}
