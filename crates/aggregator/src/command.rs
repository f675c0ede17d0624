use std::{
    ffi::OsString,
    io::{self, Write as _},
    process::ExitCode,
};

use clap::{Parser as _, error::ErrorKind};
use seed_primitives::{ascii_json, shown, usage_line};
use serde_json::json;

use crate::{
    Fault, Names, Outcome, Output, Settings,
    arguments::{Arguments, Command, OnceArguments},
    claim::{Told, post, prove},
    once::once,
    sender::SendArguments,
};

/// Runs the command and returns its exit code.
///
/// Standard output carries the answer and nothing else, standard error one line per thing that is wrong. Exit
/// code 0 is returned last, after the answer was written and flushed.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        complain(&Fault::Machine(format!("failed at {}", place.unwrap_or_default())).line());
        std::process::exit(3);
    }));
    let code = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => match arguments.command {
            Command::Once(once) => run_once(*once),
            Command::Equivocation(asked) => run_one(&asked.send, prove(&asked)),
            Command::Post(asked) => run_one(&asked.send, post(&asked)),
        },
        Err(error) => not_a_command(&error),
    };
    ExitCode::from(code)
}

fn run_once(arguments: OnceArguments) -> u8 {
    let asked = arguments.output;
    let settings = match Settings::read(arguments) {
        Ok(settings) => settings,
        Err(fault) => return fail(&fault, asked.unwrap_or_default()),
    };
    match decide(&settings) {
        Ok(code) => code,
        Err(fault) => fail(&fault, settings.output),
    }
}

/// Runs a command that sends one transaction, within its time.
fn run_one(asked: &SendArguments, command: impl Future<Output = Result<Told, Fault>>) -> u8 {
    let output = asked.output.unwrap_or_default();
    let told = asked.timeout().and_then(|timeout| {
        runtime()?.block_on(async {
            let late = |_| Fault::Deadline(timeout.as_secs());
            tokio::time::timeout(timeout, command).await.map_err(late)?
        })
    });
    match told.and_then(|told| say(&told.render(output))) {
        Ok(()) => 0,
        Err(fault) => fail(&fault, output),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, Fault> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Fault::Machine(error.to_string()))
}

fn decide(settings: &Settings) -> Result<u8, Fault> {
    let names = match &settings.names {
        Some(path) => Names::load(path)?,
        None => Names::default(),
    };
    let report = runtime()?.block_on(once(settings, &names))?;
    match settings.output {
        Output::Text => say(&report.to_text(&names))?,
        Output::Json => say(&report.to_json())?,
    }
    for line in report.releases.iter().filter_map(|one| one.error_line()) {
        complain(&line);
    }
    if report.releases.is_empty() {
        complain(&nothing_found(report.exit_code(), &report.troubles));
    }
    Ok(report.exit_code())
}

fn nothing_found(exit_code: u8, troubles: &[String]) -> String {
    match troubles.first() {
        Some(trouble) if exit_code == 3 => {
            let outcome = Outcome::PlaceUnreachable(trouble.clone());
            format!(
                "error[{}]: {}; {}",
                outcome.code(),
                shown(trouble),
                outcome.help()
            )
        }
        _ => {
            let outcome = Outcome::NothingFound;
            format!(
                "error[{}]: there is no valid attestation of any release; {}",
                outcome.code(),
                outcome.help()
            )
        }
    }
}

/// Says what is wrong, on standard error, and as JSON where that was asked for.
fn fail(fault: &Fault, output: Output) -> u8 {
    complain(&fault.line());
    if output == Output::Json {
        let answer = json!({
            "schemaVersion": 1,
            "result": Outcome::class(fault.exit_code()),
            "code": fault.code(),
            "message": fault.to_string(),
            "releases": [],
        });
        if let Err(fault) = say(&(ascii_json(&answer.to_string()) + "\n")) {
            complain(&fault.line());
        }
    }
    fault.exit_code()
}

/// Help and version are answers; anything else is a usage fault in one line.
fn not_a_command(error: &clap::Error) -> u8 {
    let text = error.render().to_string();
    let asked = matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    );
    if asked {
        return match say(&text) {
            Ok(()) => 0,
            Err(fault) => fail(&fault, Output::Text),
        };
    }
    fail(&Fault::Usage(usage_line(&text)), Output::Text)
}

fn say(text: &str) -> Result<(), Fault> {
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .map_err(|error| Fault::Machine(format!("standard output cannot be written: {error}")))
}

/// Writes one line to standard error. Nobody may be listening; the exit code says it too.
fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}
