use std::{path::Path, time::Duration};

use tokio::process::Command;

use crate::{Error, process};

const LIMIT: Duration = Duration::from_secs(600);
/// How much of its answer is shown.
const SHOWN: usize = 64 << 10;

/// What diffoscope says of two trees; `None` where no program was named and none is installed.
pub(super) async fn explain(
    program: Option<&Path>,
    first: &Path,
    second: &Path,
) -> Result<Option<String>, Error> {
    let mut command = Command::new(program.unwrap_or(Path::new("diffoscope")));
    command
        .args(["--text", "-", "--max-report-size"])
        .arg(SHOWN.to_string())
        .arg("--")
        .args([first, second]);
    let done = match process::run(command, "diffoscope", LIMIT, None).await {
        Ok(done) => done,
        Err(Error::Program { .. }) if program.is_none() => return Ok(None),
        Err(error) => return Err(error),
    };
    // It ends with 1 when there are differences, and says nothing only when it failed.
    let text = String::from_utf8_lossy(&done.stdout);
    let shown: String = text
        .chars()
        .filter(|c| matches!(c, '\n' | '\t') || !c.is_control())
        .take(SHOWN)
        .collect();
    if shown.trim().is_empty() {
        return Err(Error::Program {
            program: "diffoscope".to_owned(),
            reason: done.last_words(),
        });
    }
    Ok(Some(shown))
}
