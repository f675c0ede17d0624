use std::{
    ops::ControlFlow,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use eyre::{Result, ensure, eyre};
use seed_proof::RawHeader;
use tokio::{runtime::Builder, sync::mpsc, task::LocalSet};

use crate::{Lane, Line, Scenario, Subject, Truth, generation, rows_around};

/// Plays `runs` of `seed` with so many lanes at once and gives each line to `take`, in the order in which they end,
/// until there are no more or it breaks off; runs that are under way then are played to their end and dropped.
///
/// # Errors
/// When a run cannot be played, or those of `take`.
pub async fn play(
    truth: &Truth,
    seed: u64,
    runs: Vec<u64>,
    lanes: usize,
    mut take: impl FnMut(Line) -> Result<ControlFlow<()>>,
) -> Result<()> {
    grow_old(truth).await?;
    let (sender, mut lines) = mpsc::channel::<Result<Line>>(64);
    let todo = Arc::new(Todo {
        runs,
        next: AtomicUsize::new(0),
        seed,
    });
    let lanes = lanes.max(1);
    let threads = std::thread::available_parallelism()?.get().min(lanes);
    let mut under_way = Vec::new();
    for at in 0..threads {
        let lanes = (at..lanes).step_by(threads).count();
        let (truth, todo, sender) = (truth.clone(), Arc::clone(&todo), sender.clone());
        // The verifier's futures stay on one thread.
        let runtime = Builder::new_current_thread().enable_all().build()?;
        under_way.push(std::thread::spawn(move || {
            let set = LocalSet::new();
            for _ in 0..lanes {
                set.spawn_local(lane(truth.clone(), Arc::clone(&todo), sender.clone()));
            }
            drop(sender);
            runtime.block_on(set);
        }));
    }
    drop(sender);
    let mut over = false;
    // To the end in any case: what is still under way belongs to these runs and to no others.
    while let Some(line) = lines.recv().await {
        if !over && take(line?)?.is_break() {
            over = true;
            todo.next.store(todo.runs.len(), Ordering::Relaxed);
        }
    }
    // They hold the truth: whoever ends before them leaves its chain and its registry running.
    for thread in under_way {
        thread
            .join()
            .map_err(|_| eyre!("a thread of runs panicked"))?;
    }
    Ok(())
}

/// Waits until even the newest block is older than a policy may want at the strictest, which is a second. A chain that
/// is mined in a hurry is ahead of the clock, by as many seconds as it has more blocks.
async fn grow_old(truth: &Truth) -> Result<()> {
    let newest = truth.world.chain.endpoint()?.latest_header().await?;
    let old = UNIX_EPOCH + Duration::from_secs(RawHeader::parse(&newest.rlp)?.timestamp() + 2);
    if let Ok(left) = old.duration_since(SystemTime::now()) {
        ensure!(
            left < Duration::from_secs(600),
            "the chain is in the future"
        );
        tokio::time::sleep(left).await;
    }
    Ok(())
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

impl Scenario {
    /// Whether it is about something that one check alone notices.
    #[must_use]
    pub const fn is_pointed(&self) -> bool {
        matches!(
            self.subject,
            Subject::Flawed(_)
                | Subject::Copied { .. }
                | Subject::Values(_)
                | Subject::Withheld(_)
                | Subject::Blemished(_)
        )
    }

    /// Whether endpoints or registries are asked anything.
    #[must_use]
    pub fn is_online(&self) -> bool {
        !matches!(&self.subject, Subject::Bundle(case) if !case.online)
    }
}
