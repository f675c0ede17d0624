//! `seed-adversary`: seeded lies against the real verifier; see the README.

use std::{ops::ControlFlow, path::PathBuf, process::ExitCode, time::Instant};

use clap::Parser;
use eyre::Result;
use seed_adversary::{Journal, Truth, World, generation, missed, play, table};

/// Lets registries and endpoints lie to the verifier, and compares what it says with what is right.
#[derive(Debug, Parser)]
#[command(name = "seed-adversary", version)]
struct Arguments {
    /// How many runs there are to be in the file in the end
    #[arg(long, value_name = "N")]
    runs: u64,
    /// From which all lies are made
    #[arg(long, value_name = "S")]
    seed: u64,
    /// One line of JSON for each run; runs that are in it are not run again
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// How many runs are under way at once
    #[arg(long, value_name = "N", default_value_t = 24)]
    lanes: usize,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse()).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            eprintln!("error[adversary]: {error:?}");
            ExitCode::from(3)
        }
    }
}

async fn run(arguments: &Arguments) -> Result<bool> {
    let mut journal = Journal::open(&arguments.out, arguments.seed)?;
    let todo: Vec<u64> = (0..arguments.runs)
        .filter(|run| !journal.done.contains_key(run))
        .collect();
    let start = Instant::now();
    if !todo.is_empty() {
        runs(arguments, todo, &mut journal).await?;
    }
    let lines = journal.done.range(..arguments.runs).map(|(_, line)| line);
    print!("{}", table(lines.clone()));
    let controls = lines
        .clone()
        .filter(|line| line.lies.is_empty() && line.expected == "verified");
    println!(
        "{} honest controls; {} s; generation {}",
        controls.count(),
        start.elapsed().as_secs(),
        generation()
    );
    let missed = missed(lines.clone());
    if !missed.is_empty() {
        println!("rows hit fewer than 100 times: {}", missed.join(", "));
    }
    for line in lines
        .clone()
        .filter(|line| line.is_wrong_allow() || line.is_wrong_denial())
        .take(50)
    {
        println!("{}", serde_json::to_string(line)?);
    }
    let allows = lines.clone().filter(|line| line.is_wrong_allow()).count();
    let denials = lines.clone().filter(|line| line.is_wrong_denial()).count();
    println!(
        "{} runs, {allows} wrong allows, {denials} wrong denials",
        lines.count()
    );
    Ok(allows + denials == 0)
}

async fn runs(arguments: &Arguments, todo: Vec<u64>, journal: &mut Journal) -> Result<()> {
    let truth = Truth::new(World::start().await?)?;
    let (start, all) = (Instant::now(), todo.len());
    let mut count = 0_u64;
    play(&truth, arguments.seed, todo, arguments.lanes, |line| {
        journal.add(line)?;
        count += 1;
        if count.is_multiple_of(500) {
            journal.flush()?;
            let rate = count as f64 / start.elapsed().as_secs_f64();
            eprintln!("{count} of {all} runs, {rate:.0} a second");
        }
        Ok(ControlFlow::Continue(()))
    })
    .await?;
    journal.flush()
}
