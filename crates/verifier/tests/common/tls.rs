//! TLS on this machine: an authority, a front that shows one certificate, and a proxy that leads any name to it.

#![allow(dead_code, reason = "each test file uses a part of it")]
#![allow(unreachable_pub, reason = "shared between test files")]
#![allow(missing_debug_implementations, reason = "only tests see it")]

use std::{
    collections::BTreeMap,
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
    sync::{Arc, Mutex},
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{
        ServerConfig,
        pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _},
    },
};

/// A certificate with its key, as files.
pub struct Shown {
    certificate: PathBuf,
    key: PathBuf,
}

/// A certificate authority of a test.
pub struct Authority {
    folder: TempDir,
}

impl Authority {
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        openssl(
            folder.path(),
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=test -days 2 -keyout ca.key -out ca.pem",
        );
        Self { folder }
    }

    /// What `SSL_CERT_FILE` names to trust this authority.
    pub fn file(&self) -> String {
        self.folder.path().join("ca.pem").display().to_string()
    }

    /// A certificate for `name` that is good for `days` from now; one of -1 ended yesterday.
    pub fn issue(&self, name: &str, days: i32) -> Shown {
        let (folder, shown) = (self.folder.path(), self.shown(name, days));
        let stem = shown.key.file_stem().unwrap().to_str().unwrap();
        openssl(
            folder,
            &format!(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -addext subjectAltName=DNS:{name} \
                 -keyout {stem}.key -out {stem}.csr"
            ),
        );
        openssl(
            folder,
            &format!(
                "x509 -req -in {stem}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days {days} \
                 -copy_extensions copyall -out {stem}.pem"
            ),
        );
        shown
    }

    /// A certificate for `name` that nobody but itself vouches for.
    pub fn self_signed(&self, name: &str) -> Shown {
        let shown = self.shown(name, 0);
        let stem = shown.key.file_stem().unwrap().to_str().unwrap();
        openssl(
            self.folder.path(),
            &format!(
                "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=x -days 2 \
                 -addext subjectAltName=DNS:{name} -keyout {stem}.key -out {stem}.pem"
            ),
        );
        shown
    }

    fn shown(&self, name: &str, days: i32) -> Shown {
        let at = |end: &str| {
            self.folder
                .path()
                .join(format!("{name} {days}.{end}").replace(' ', "_"))
        };
        Shown {
            certificate: at("pem"),
            key: at("key"),
        }
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let mut command = Command::new("openssl");
    command
        .current_dir(folder)
        .args(arguments.split_whitespace());
    let output = command.output().unwrap();
    assert!(output.status.success(), "openssl {arguments}: {output:?}");
}

/// A server that speaks TLS on one side and, to an address of this machine, plain text on the other.
pub struct Front {
    pub address: SocketAddr,
    task: JoinHandle<()>,
}

impl Front {
    pub async fn before(upstream: &str, shown: &Shown) -> Self {
        let chain = CertificateDer::pem_file_iter(&shown.certificate).unwrap();
        let key = PrivateKeyDer::from_pem_file(&shown.key).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(chain.map(Result::unwrap).collect(), key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, upstream) = (listener.local_addr().unwrap(), upstream.to_owned());
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, upstream) = (acceptor.clone(), upstream.clone());
                tokio::spawn(async move {
                    let mut inside = acceptor.accept(stream).await.ok()?;
                    let mut outside = TcpStream::connect(upstream).await.ok()?;
                    copy_bidirectional(&mut inside, &mut outside).await.ok()
                });
            }
        });
        Self { address, task }
    }

    /// `https://localhost:PORT`.
    pub fn url(&self) -> String {
        format!("https://localhost:{}", self.address.port())
    }
}

impl Drop for Front {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A proxy on this machine, as `HTTPS_PROXY` names one.
pub struct Proxy {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<String>>>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// A proxy that leads each `name:port` to an address of this machine, and any other nowhere.
    pub async fn to(names: &[(&str, SocketAddr)]) -> Self {
        let names: BTreeMap<String, SocketAddr> = names
            .iter()
            .map(|(name, to)| ((*name).to_owned(), *to))
            .collect();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (names, log) = (Arc::new(names), Arc::clone(&seen));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(lead(stream, Arc::clone(&names), Arc::clone(&log)));
            }
        });
        Self {
            address,
            seen,
            task,
        }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The first line of every request so far.
    pub fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn lead(
    mut stream: TcpStream,
    names: Arc<BTreeMap<String, SocketAddr>>,
    log: Arc<Mutex<Vec<String>>>,
) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") && head.len() < 8192 {
        head.push(stream.read_u8().await.ok()?);
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let line = text.lines().next()?.to_owned();
    log.lock().unwrap().push(line.clone());
    let asked = line
        .strip_prefix("CONNECT ")
        .and_then(|rest| rest.split(' ').next());
    let Some(to) = asked.and_then(|asked| names.get(asked)) else {
        let refusal = b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        stream.write_all(refusal).await.ok()?;
        return None;
    };
    let mut outside = TcpStream::connect(to).await.ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
    copy_bidirectional(&mut stream, &mut outside)
        .await
        .ok()
        .map(drop)
}

/// A file with `text` in it, in `folder`.
pub fn write(folder: &Path, name: &str, text: &str) {
    let file = folder.join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(file, text).unwrap();
}
