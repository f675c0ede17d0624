//! Checks switched off one at a time: `scripts/ablate`.

use std::{
    collections::BTreeMap, fs::File, io::Write as _, ops::ControlFlow, path::PathBuf,
    process::ExitCode,
};

use clap::{Parser, Subcommand};
use eyre::{Result, WrapErr as _, ensure};
use seed_adversary::{Scenario, Truth, Word, World, generation, names, play, switch, take_off};
use serde::{Deserialize, Serialize};

/// Switches at every check of crates/verdict and crates/proof, in a scratch copy of the sources.
#[derive(Debug, Parser)]
#[command(name = "seed-ablate", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Puts the switches in, and prints the names
    Switch {
        /// The scratch copy; never the checkout itself
        tree: PathBuf,
    },
    /// Plays runs without each of the checks, until the first wrong allow; only in the scratch copy
    Runs(RunsArguments),
}

#[derive(Debug, Parser)]
struct RunsArguments {
    /// The most runs without one check
    #[arg(long, value_name = "N")]
    runs: u64,
    /// From which all lies are made
    #[arg(long, value_name = "S")]
    seed: u64,
    /// One line of JSON for each check; what is in it is not done again, unless there are more runs now
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How many runs are under way at once
    #[arg(long, value_name = "N", default_value_t = 24)]
    lanes: usize,
    /// The checks; all of them where none is named
    checks: Vec<String>,
}

/// What came of the runs without one check.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Found {
    check: String,
    seed: u64,
    generation: String,
    /// How many of those in which a yes would be wrong were played.
    runs: u64,
    /// The number of the wrong allow, and of what.
    wrong_allow: Option<(u64, String, Vec<String>)>,
}

impl Found {
    /// Whether these runs could tell no more: a wrong allow is one, and none among fewer runs says nothing of the rest.
    const fn is_final(&self, numbers: &[u64]) -> bool {
        self.wrong_allow.is_some() || self.runs >= numbers.len() as u64
    }
}

#[tokio::main]
async fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Switch { tree } => put_switches(&tree),
        Command::Runs(arguments) => runs(&arguments).await,
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error[ablate]: {error:?}");
            ExitCode::from(3)
        }
    }
}

fn put_switches(tree: &std::path::Path) -> Result<()> {
    let moved = switch(tree)?;
    for name in names() {
        let state = if moved.contains(&name) {
            "moved"
        } else {
            "there"
        };
        println!("{state} {name}");
    }
    Ok(())
}

async fn runs(arguments: &RunsArguments) -> Result<()> {
    ensure!(
        take_off(""),
        "there are no switches in this program; see scripts/ablate"
    );
    let mut done = BTreeMap::new();
    let text = std::fs::read_to_string(&arguments.out).unwrap_or_default();
    for line in text.lines() {
        let found: Found = serde_json::from_str(line).wrap_err("another file than of this")?;
        ensure!(
            found.seed == arguments.seed && found.generation == generation(),
            "{} holds what came of other runs: name another file",
            arguments.out.display()
        );
        done.insert(found.check.clone(), found);
    }
    let mut file = File::options()
        .create(true)
        .append(true)
        .open(&arguments.out)?;
    let all: Vec<String> = match arguments.checks.as_slice() {
        [] => names().into_iter().map(str::to_owned).collect(),
        some => some.to_vec(),
    };
    // With every check in its place first: what is wrong then says nothing about any of them.
    let checks = std::iter::once(String::new()).chain(all);
    let truth = Truth::new(World::start().await?)?;
    let numbers = worth_it(arguments, &truth.world);
    for check in checks {
        if done
            .get(&check)
            .is_some_and(|found| found.is_final(&numbers))
        {
            continue;
        }
        let found = without(arguments, &truth, &numbers, &check).await?;
        serde_json::to_writer(&mut file, &found)?;
        file.write_all(b"\n")?;
        eprintln!("{}", told(&found));
        done.insert(check, found);
    }
    for found in done.values() {
        println!("{}", told(found));
    }
    Ok(())
}

/// The runs that could show a wrong allow, because a yes would be wrong; first those that one check alone notices, then
/// those without a network, which take no time.
fn worth_it(arguments: &RunsArguments, world: &World) -> Vec<u64> {
    let scenarios = (0..arguments.runs).filter_map(|run| {
        let scenario = Scenario::new(arguments.seed, run, world, "");
        let wrong = !scenario.expected().has(Word::Verified);
        wrong.then(|| (!scenario.is_pointed(), scenario.is_online(), run))
    });
    let mut worth: Vec<_> = scenarios.collect();
    worth.sort_unstable();
    worth.into_iter().map(|(.., run)| run).collect()
}

async fn without(
    arguments: &RunsArguments,
    truth: &Truth,
    numbers: &[u64],
    check: &str,
) -> Result<Found> {
    ensure!(
        check.is_empty() || names().contains(&check),
        "there is no check {check}"
    );
    let _ = take_off(check);
    let (mut count, mut wrong_allow) = (0, None);
    let numbers = numbers.to_vec();
    play(truth, arguments.seed, numbers, arguments.lanes, |line| {
        count += 1;
        if !line.is_wrong_allow() {
            return Ok(ControlFlow::Continue(()));
        }
        wrong_allow = Some((line.run, line.subject, line.lies));
        Ok(ControlFlow::Break(()))
    })
    .await?;
    let _ = take_off("");
    Ok(Found {
        check: check.to_owned(),
        seed: arguments.seed,
        generation: generation(),
        runs: count,
        wrong_allow,
    })
}

fn told(found: &Found) -> String {
    let check = match found.check.as_str() {
        "" => "every check on",
        check => check,
    };
    match &found.wrong_allow {
        None => format!("| {check} | no wrong allow in {} runs |", found.runs),
        Some((run, subject, lies)) => {
            format!("| {check} | run {run}: {subject} {} |", lies.join(", "))
        }
    }
}
