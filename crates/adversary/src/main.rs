//! `seed-adversary`: seeded lies against the real verifier; see the README.

use std::{
    path::PathBuf,
    process::ExitCode,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use clap::Parser;
use eyre::Result;
use seed_adversary::{
    Journal, Lane, Line, Scenario, Truth, World, generation, missed, rows_around, table,
};
use tokio::{runtime::Builder, sync::mpsc, task::LocalSet};

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
        play(arguments, todo, &mut journal).await?;
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

async fn play(arguments: &Arguments, todo: Vec<u64>, journal: &mut Journal) -> Result<()> {
    let truth = Truth::new(World::start().await?)?;
    let (sender, mut lines) = mpsc::channel::<Result<Line>>(64);
    let todo = Arc::new(Todo {
        runs: todo,
        next: AtomicUsize::new(0),
        seed: arguments.seed,
    });
    let threads = std::thread::available_parallelism()?
        .get()
        .min(arguments.lanes.max(1));
    for at in 0..threads {
        let lanes = (at..arguments.lanes.max(1)).step_by(threads).count();
        let (truth, todo, sender) = (truth.clone(), Arc::clone(&todo), sender.clone());
        // The verifier's futures stay on one thread.
        let runtime = Builder::new_current_thread().enable_all().build()?;
        std::thread::spawn(move || {
            let set = LocalSet::new();
            for _ in 0..lanes {
                set.spawn_local(lane(truth.clone(), Arc::clone(&todo), sender.clone()));
            }
            drop(sender);
            runtime.block_on(set);
        });
    }
    drop(sender);
    let start = Instant::now();
    let mut count = 0_u64;
    while let Some(line) = lines.recv().await {
        journal.add(line?)?;
        count += 1;
        if count.is_multiple_of(500) {
            journal.flush()?;
            let rate = count as f64 / start.elapsed().as_secs_f64();
            eprintln!("{count} of {} runs, {rate:.0} a second", todo.runs.len());
        }
    }
    journal.flush()
}

/// The runs that are still to be done.
#[derive(Debug)]
struct Todo {
    runs: Vec<u64>,
    next: AtomicUsize,
    seed: u64,
}

async fn lane(truth: Truth, todo: Arc<Todo>, sender: mpsc::Sender<Result<Line>>) {
    let lane = match Lane::start(truth.clone()).await {
        Ok(lane) => lane,
        Err(error) => return drop(sender.send(Err(error)).await),
    };
    while let Some(run) = todo.runs.get(todo.next.fetch_add(1, Ordering::Relaxed)) {
        let line = one(&lane, &truth, todo.seed, *run).await;
        if sender.send(line).await.is_err() {
            return;
        }
    }
}

async fn one(lane: &Lane, truth: &Truth, seed: u64, run: u64) -> Result<Line> {
    let scenario = Scenario::new(seed, run, &truth.world, &lane.canary());
    let got = lane.play(&scenario).await?;
    Ok(Line {
        run,
        seed,
        generation: generation(),
        subject: format!("{:?}", scenario.subject),
        lies: scenario.lies(),
        expected: scenario.expected().to_string(),
        got: got.word,
        code: got.code,
        rows: rows_around(scenario.rows()),
    })
}
