//! What verifying with the network off costs: the whole process, beside one that does nothing, and its memory.
//!
//! `unplugged PROGRAM BUNDLE POLICY IMAGE`; `./scripts/bench unplugged` calls it. Exit 1 when a gate is missed.

use std::{
    env, fs,
    process::{Command, ExitCode, Stdio},
    time::{Duration, Instant},
};

const ROUNDS: usize = 300;
const MOST_TIME: Duration = Duration::from_millis(10);
const MOST_KIB: u64 = 25 * 1024;

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let [program, bundle, policy, image] = arguments.as_slice() else {
        eprintln!("usage: unplugged PROGRAM BUNDLE POLICY IMAGE");
        return ExitCode::from(2);
    };
    let verify = || {
        let mut command = Command::new(program);
        command.args(["--bundle", bundle, "--policy", policy, image]);
        command
    };
    let (mut ours, mut nothing, mut peak) = (Vec::new(), Vec::new(), 0);
    for _ in 0..ROUNDS {
        let Some((time, memory)) = run(verify()) else {
            eprintln!("{program} did not verify {image}");
            return ExitCode::FAILURE;
        };
        ours.push(time);
        peak = peak.max(memory);
        nothing.extend(run(Command::new("true")).map(|(time, _)| time));
    }
    let size = fs::metadata(bundle).map_or(0, |metadata| metadata.len());
    println!("bundle: {size} bytes");
    println!("{ROUNDS} rounds, whole process    min         median");
    let least = row("seed-verify --bundle", &mut ours);
    row("a program that does nothing", &mut nothing);
    println!("peak memory: {peak} KiB, at most {MOST_KIB} KiB");
    println!("gate on time: the least at most {MOST_TIME:?}");
    if least <= MOST_TIME && peak <= MOST_KIB {
        return ExitCode::SUCCESS;
    }
    eprintln!("a gate was missed");
    ExitCode::FAILURE
}

fn row(what: &str, times: &mut [Duration]) -> Duration {
    times.sort_unstable();
    let least = times.first().copied().unwrap_or(Duration::MAX);
    let median = times.get(times.len() / 2).copied().unwrap_or(Duration::MAX);
    println!("{what:<28} {least:>11.2?} {median:>11.2?}");
    least
}

/// The time from before the start until after the end, and the highest resident memory (KiB) that was seen; `None`
/// when it failed. Looking on costs a little of the time.
fn run(mut command: Command) -> Option<(Duration, u64)> {
    let start = Instant::now();
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .ok()?;
    let status = format!("/proc/{}/status", child.id());
    let mut peak = 0;
    loop {
        peak = peak.max(resident(&status).unwrap_or(0));
        if let Some(status) = child.try_wait().ok()? {
            return status.success().then_some((start.elapsed(), peak));
        }
    }
}

fn resident(status: &str) -> Option<u64> {
    let text = fs::read_to_string(status).ok()?;
    let line = text.lines().find(|line| line.starts_with("VmHWM:"))?;
    line.split_whitespace().nth(1)?.parse().ok()
}
