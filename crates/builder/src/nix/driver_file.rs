use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, Read},
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use seed_primitives::Digest;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::Command,
};

use super::Nix;
use crate::Error;

const LIMIT: Duration = Duration::from_secs(30);

/// One file of machine code that drove the build: Nix itself or a library it loads.
#[derive(Clone, Debug, Deserialize, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(deny_unknown_fields)]
pub struct DriverFile {
    /// Its file name, without the directory.
    pub name: String,
    /// SHA-256 of the file.
    pub digest: Digest,
    /// Its length in bytes.
    pub size: u64,
}

/// The program files and libraries that `nix` loads, by asking a running one and looking at what it mapped.
///
/// They are trusted without being built from source, and so belong into every honest report.
///
/// # Errors
/// When the program cannot be asked, or its memory map or files cannot be read.
pub async fn driver_files(nix: &Nix, store: &Path) -> Result<Vec<DriverFile>, Error> {
    let program = nix.program().with_file_name("nix-store");
    let name = program.display().to_string();
    let fail = |error: io::Error| Error::Program {
        program: name.clone(),
        reason: error.to_string(),
    };
    let mut command = Command::new(&program);
    nix.close(&mut command);
    command
        .arg("--store")
        .arg(store)
        .arg("--serve")
        .kill_on_drop(true);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().map_err(fail)?;
    // The greeting of the serve protocol: once it is answered, everything is loaded and the process waits.
    let greeting = [0x390c_9deb_u64.to_le_bytes(), 0x205_u64.to_le_bytes()].concat();
    let exchange = async {
        let missing = || io::Error::other("no pipe");
        child
            .stdin
            .as_mut()
            .ok_or_else(missing)?
            .write_all(&greeting)
            .await?;
        let mut answer = [0; 8];
        child
            .stdout
            .as_mut()
            .ok_or_else(missing)?
            .read_exact(&mut answer)
            .await?;
        let id = child.id().ok_or_else(missing)?;
        std::fs::read_to_string(format!("/proc/{id}/maps"))
    };
    let maps = tokio::time::timeout(LIMIT, exchange)
        .await
        .map_err(|_| Error::TimedOut {
            program: name.clone(),
            seconds: LIMIT.as_secs(),
        })?
        .map_err(fail)?;
    child.kill().await.map_err(fail)?;
    mapped_code(&maps)
        .iter()
        .map(|path| describe(path))
        .collect()
}

/// The files of which some part is mapped as executable.
fn mapped_code(maps: &str) -> BTreeSet<PathBuf> {
    maps.lines()
        .filter_map(|line| {
            let path = line.get(line.find('/')?..)?;
            let flags = line.split(' ').nth(1)?;
            flags.contains('x').then(|| PathBuf::from(path))
        })
        .collect()
}

fn describe(path: &Path) -> Result<DriverFile, Error> {
    let read = || -> io::Result<DriverFile> {
        let mut file = File::open(path)?;
        let (mut hasher, mut size, mut buffer) = (Sha256::new(), 0, vec![0; 1 << 16]);
        loop {
            let read = file.read(&mut buffer)?;
            if read == 0 {
                break;
            }
            hasher.update(&buffer[..read]);
            size += read as u64;
        }
        let digest = Digest::from_bytes(hasher.finalize().into())
            .ok_or_else(|| io::Error::other("a file hashes to zero"))?;
        let name = path
            .file_name()
            .unwrap_or_default()
            .to_string_lossy()
            .into_owned();
        Ok(DriverFile { name, digest, size })
    };
    read().map_err(Error::file("read", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_mapped_code_and_nothing_else() {
        let maps = "7f00-7f10 r--p 00000000 08:01 1 /usr/lib/libx.so\n\
                    7f10-7f20 r-xp 00001000 08:01 1 /usr/lib/libx.so\n\
                    7f20-7f30 r--p 00000000 08:01 2 /usr/lib/locale/locale-archive\n\
                    7f30-7f40 r-xp 00000000 00:00 0 [vdso]\n\
                    7f40-7f50 r-xp 00000000 08:01 3 /opt/my nix/nix\n";
        let found: Vec<_> = mapped_code(maps).into_iter().collect();
        assert_eq!(
            found,
            [
                PathBuf::from("/opt/my nix/nix"),
                PathBuf::from("/usr/lib/libx.so")
            ]
        );
    }
}
