//! Running other programs: a clean environment, a bounded wait, bounded output.

use std::{path::Path, process::Stdio, time::Duration};

use tokio::{
    io::{AsyncRead, AsyncReadExt},
    process::Command,
};

use crate::Error;

/// The most bytes of standard output that are read; more is an error, never cut.
const MAX_OUTPUT: u64 = 1 << 30;
/// The most bytes of standard error that are kept, for the log and for the last words.
const MAX_TALK: u64 = 64 << 20;

/// What a finished program left.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) success: bool,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Finished {
    /// The last lines a program said, on one line.
    pub(crate) fn last_words(&self) -> String {
        let lines: Vec<&str> = self
            .stderr
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect();
        let errors: Vec<&str> = lines
            .iter()
            .copied()
            .filter(|line| line.contains("error:") || line.starts_with("fatal:"))
            .collect();
        let pick = if errors.is_empty() { &lines } else { &errors };
        let start = pick.len().saturating_sub(3);
        let text = pick[start..].join(" | ");
        let shown: String = text.chars().filter(|c| !c.is_control()).take(600).collect();
        if shown.is_empty() {
            "it said nothing".to_owned()
        } else {
            shown
        }
    }
}

/// Runs `command` to its end, at most `limit` long; its whole talk also goes to `log`.
pub(crate) async fn run(
    mut command: Command,
    name: &str,
    limit: Duration,
    log: Option<&Path>,
) -> Result<Finished, Error> {
    command
        .kill_on_drop(true)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let fail = |error: std::io::Error| Error::Program {
        program: name.to_owned(),
        reason: error.to_string(),
    };
    let mut child = command.spawn().map_err(fail)?;
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let work = async {
        let (out, talk) = tokio::join!(drain(stdout, MAX_OUTPUT), drain(stderr, MAX_TALK));
        Ok::<_, std::io::Error>((out?, talk?, child.wait().await?))
    };
    let (stdout, stderr, status) = tokio::time::timeout(limit, work)
        .await
        .map_err(|_| Error::TimedOut {
            program: name.to_owned(),
            seconds: limit.as_secs(),
        })?
        .map_err(fail)?;
    let stderr = String::from_utf8_lossy(&stderr).into_owned();
    if let Some(log) = log {
        crate::state::write(log, stderr.as_bytes())?;
    }
    Ok(Finished {
        success: status.success(),
        stdout,
        stderr,
    })
}

async fn drain(stream: Option<impl AsyncRead + Unpin>, limit: u64) -> std::io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(stream) = stream {
        stream.take(limit + 1).read_to_end(&mut bytes).await?;
    }
    if bytes.len() as u64 > limit {
        return Err(std::io::Error::other(format!(
            "it wrote more than {limit} bytes"
        )));
    }
    Ok(bytes)
}
