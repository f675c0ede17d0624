//! The command line: arguments in, one answer on standard output and one exit code out.

mod arguments;
mod bundle;
mod completions;
mod help;
mod man;
mod network;
mod new_file;
mod policy;
mod policy_update;
mod record;
mod registries;
mod verify;

use std::{
    ffi::OsString,
    io::{self, IsTerminal as _, Write as _},
    process::ExitCode,
};

use clap::{Parser as _, error::ErrorKind};
use seed_primitives::usage_line;
use tokio::runtime::Builder;

use crate::{Fault, Format, Report, explain, moment::now, threads};
use arguments::{Arguments, Command};

/// Runs the command and returns its exit code.
///
/// Exit code 0 is returned in the last step only: after the answer was computed, written and flushed. A panic
/// prints one line and ends with 3, whatever was printed before.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        complain(&Fault::Internal(place.unwrap_or_default()).line());
        std::process::exit(3);
    }));
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    let code = match dispatch(&arguments) {
        Ok(code) => code,
        Err(fault) => {
            complain(&fault.line());
            if wants_json(&arguments) {
                print_as_json(&fault);
            }
            fault.exit_code()
        }
    };
    ExitCode::from(code)
}

/// Whether a program reads the answer, even where the command line says nothing else that can be done.
fn wants_json(arguments: &[OsString]) -> bool {
    let pairs = arguments.windows(2);
    arguments.iter().any(|one| one == "--output=json")
        || pairs
            .into_iter()
            .any(|two| two[0] == "--output" && two[1] == "json")
}

/// The document about a command that got nowhere: a report without images. The exit code says it as well, so that
/// nothing hangs on whether it can be written.
fn print_as_json(fault: &Fault) {
    let report = Report {
        policy: None,
        time: now(),
        outcomes: &[],
        fault: Some(fault),
    };
    // Standard output that failed once may hold half a document already.
    if !matches!(fault, Fault::Output { .. }) {
        let _ = report.write(Format::Json, false, &mut io::stdout().lock());
    }
}

fn dispatch(arguments: &[OsString]) -> Result<u8, Fault> {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(error) => return not_a_question(&error),
    };
    if let Some(code) = &arguments.verify.explain {
        return say(&explain(code)?).map(|()| 0);
    }
    match arguments.command {
        None => verify::run(&arguments.verify),
        Some(Command::Record(arguments)) => record::run(&arguments),
        Some(Command::Bundle(arguments)) => bundle::run(&arguments),
        Some(Command::Policy(arguments)) => policy::run(&arguments).map(|()| 0),
        Some(Command::Network(arguments)) => network::run(&arguments).map(|()| 0),
        Some(Command::Completions(arguments)) => completions::run(&arguments).map(|()| 0),
        Some(Command::Man(arguments)) => man::run(&arguments).map(|()| 0),
    }
}

/// Help and version are answers; anything else is a usage fault in one line.
fn not_a_question(error: &clap::Error) -> Result<u8, Fault> {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => say(&help::folded(&text)).map(|()| 0),
        _ => Err(Fault::Usage(usage_line(&text))),
    }
}

/// Writes the answer to standard output and flushes it.
fn say(text: &str) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| not_written(&error))
}

fn not_written(error: &io::Error) -> Fault {
    Fault::Output {
        place: "standard output".to_owned(),
        why: error.to_string(),
    }
}

/// Writes one line to standard error. Nobody may be listening; the exit code says it too.
fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether to colour: on a terminal, unless `NO_COLOR` is set or the terminal is dumb.
fn colour() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal()
        && !set("NO_COLOR")
        && std::env::var_os("TERM").is_some_and(|term| term != "dumb")
}

/// Runs `work` to its end, with threads for layers where it is `deep`. Whatever it left behind, such as a read that never
/// returns, is not waited for.
fn block_on<T>(deep: bool, work: impl Future<Output = T>) -> Result<T, Fault> {
    let runtime = threads::runtime(deep, Builder::enable_all)?;
    let result = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(result)
}
