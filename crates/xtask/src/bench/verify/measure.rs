use std::{
    env,
    ffi::{OsStr, OsString},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use eyre::{OptionExt as _, WrapErr as _, ensure};
use serde::{Deserialize, Serialize};
use unix::sys::{
    resource::{UsageWho, getrusage},
    time::TimeValLike as _,
};

/// What one process and everything it started cost, from before its start until after its end.
#[derive(Clone, Copy, Debug, Deserialize, Serialize)]
pub(crate) struct Cost {
    wall_us: u64,
    /// User and system time.
    cpu_us: u64,
    peak_kib: u64,
}

/// A program that is run again and again in one folder.
#[derive(Clone, Debug)]
pub(crate) struct Contestant {
    name: String,
    command: Vec<OsString>,
    folder: PathBuf,
}

/// What all rounds of one contestant came to, beside the reference of the same rounds.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) wall_us: Figures,
    pub(crate) cpu_us: Figures,
    pub(crate) peak_kib: Figures,
    /// Medians over the rounds of this over the reference.
    pub(crate) wall_ratio: f64,
    pub(crate) cpu_ratio: f64,
    pub(crate) peak_ratio: f64,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Figures {
    pub(crate) least: f64,
    pub(crate) median: f64,
}

impl Contestant {
    pub(crate) fn new(name: &str, folder: &Path, program: &Path, arguments: &[&str]) -> Self {
        let arguments = arguments.iter().map(OsString::from);
        Self {
            name: name.to_owned(),
            command: std::iter::once(program.into()).chain(arguments).collect(),
            folder: folder.to_owned(),
        }
    }

    /// Runs it once; its failure is one of the whole measurement.
    pub(crate) fn run(&self) -> eyre::Result<Cost> {
        let output = bare(env::current_exe()?.as_os_str(), &self.folder)
            .args(["once", "--"])
            .args(&self.command)
            .output()?;
        let words = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{}: {words}", self.name);
        Ok(serde_json::from_slice(&output.stdout)?)
    }
}

/// A command with an environment of its own: what is on this machine's is nobody's advantage.
pub(crate) fn bare(program: &OsStr, folder: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .envs(env::var_os("PATH").map(|path| ("PATH", path)))
        .env("HOME", folder)
        .env("COSIGN_PASSWORD", "")
        .current_dir(folder)
        .stdin(Stdio::null());
    command
}

/// Runs one program and prints its [`Cost`].
pub(crate) fn once(command: &[OsString]) -> eyre::Result<()> {
    let (program, arguments) = command.split_first().ok_or_eyre("no program")?;
    let start = Instant::now();
    let status = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .status()
        .wrap_err_with(|| format!("running {}", program.display()))?;
    let wall = start.elapsed();
    ensure!(
        status.success(),
        "{} ended with {status}",
        program.display()
    );
    let used = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let cpu = used.user_time().num_microseconds() + used.system_time().num_microseconds();
    let cost = Cost {
        wall_us: u64::try_from(wall.as_micros())?,
        cpu_us: u64::try_from(cpu)?,
        peak_kib: u64::try_from(used.max_rss())?,
    };
    println!("{}", serde_json::to_string(&cost)?);
    Ok(())
}

/// Runs all by turns, each round in another order, and one round more that does not count. The first is the
/// reference of the others.
pub(crate) fn contest(contestants: &[Contestant], rounds: usize) -> eyre::Result<Vec<Row>> {
    let mut costs: Vec<Vec<Cost>> = vec![Vec::new(); contestants.len()];
    for round in 0..=rounds {
        for turn in 0..contestants.len() {
            let at = (turn + round) % contestants.len();
            let cost = contestants[at].run()?;
            if round > 0 {
                costs[at].push(cost);
            }
        }
    }
    let reference = costs.first().ok_or_eyre("nothing to measure")?.clone();
    let row = |(contestant, costs): (&Contestant, &Vec<Cost>)| {
        let figures = |of: fn(&Cost) -> u64| Figures::of(costs.iter().map(|cost| of(cost) as f64));
        let ratio = |of: fn(&Cost) -> u64| {
            let pairs = costs.iter().zip(&reference);
            Figures::of(pairs.map(|(cost, other)| of(cost) as f64 / of(other) as f64)).median
        };
        Row {
            name: contestant.name.clone(),
            wall_us: figures(|cost| cost.wall_us),
            cpu_us: figures(|cost| cost.cpu_us),
            peak_kib: figures(|cost| cost.peak_kib),
            wall_ratio: ratio(|cost| cost.wall_us),
            cpu_ratio: ratio(|cost| cost.cpu_us),
            peak_ratio: ratio(|cost| cost.peak_kib),
        }
    };
    Ok(contestants.iter().zip(&costs).map(row).collect())
}

impl Figures {
    /// NaN of nothing.
    fn of(values: impl Iterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.collect();
        values.sort_by(f64::total_cmp);
        let at = |at: usize| values.get(at).copied().unwrap_or(f64::NAN);
        Self {
            least: at(0),
            median: at(values.len() / 2),
        }
    }
}

/// Time in a fitting unit.
pub(crate) fn time(microseconds: f64) -> String {
    format!("{:.1?}", Duration::from_secs_f64(microseconds / 1e6))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_the_least_and_the_middle() {
        let figures = Figures::of([3.0, 1.0, 2.0].into_iter());
        assert_eq!((figures.least, figures.median), (1.0, 2.0));
        assert!(Figures::of(std::iter::empty()).median.is_nan());
    }
}
