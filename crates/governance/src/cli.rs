use std::{ffi::OsString, process::ExitCode};

use clap::{Parser, Subcommand, error::ErrorKind};
use seed_primitives::usage_line;

use crate::{
    Fault, commands,
    output::{complain, say},
};

/// Governance of a release ledger: plan, review, sign and execute changes of its rules.
#[derive(Debug, Parser)]
#[command(name = "seed-gov", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Check, plan and compile the file that says who builds
    #[command(subcommand)]
    Federation(commands::federation::Command),
    Decode(Box<commands::decode::Arguments>),
    Deploy(Box<commands::deploy::Arguments>),
    VerifyCode(Box<commands::verify_code::Arguments>),
    Execute(Box<commands::execute::Arguments>),
    Hash(commands::hash::Arguments),
    /// Write an act of governance down, to be reviewed, hashed and signed
    #[command(subcommand)]
    Propose(Box<commands::propose::Command>),
    Queue(Box<commands::queue::Arguments>),
    Revoke(Box<commands::revoke::Arguments>),
    Sign(Box<commands::sign::Arguments>),
    Simulate(Box<commands::simulate::Arguments>),
}

/// Runs the command and returns its exit code: 0 done, 1 refused, 2 wrong question, 3 could not be found out.
///
/// Standard output carries the answer and nothing else, standard error one line per thing that is wrong. Exit
/// code 0 is returned last, after the answer was written and flushed.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        complain(&Fault::Machine(format!("failed at {}", place.unwrap_or_default())).line());
        std::process::exit(3);
    }));
    let result = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => dispatch(arguments.command),
        Err(error) => not_a_command(&error),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            complain(&fault.line());
            ExitCode::from(fault.exit_code())
        }
    }
}

fn dispatch(command: Command) -> Result<(), Fault> {
    match command {
        Command::Federation(command) => commands::federation::run(&command),
        Command::Decode(arguments) => commands::decode::run(&arguments),
        Command::Deploy(arguments) => commands::deploy::run(&arguments),
        Command::VerifyCode(arguments) => commands::verify_code::run(&arguments),
        Command::Execute(arguments) => commands::execute::run(&arguments),
        Command::Hash(arguments) => commands::hash::run(&arguments),
        Command::Propose(command) => commands::propose::run(&command),
        Command::Queue(arguments) => commands::queue::run(&arguments),
        Command::Revoke(arguments) => commands::revoke::run(&arguments),
        Command::Sign(arguments) => commands::sign::run(&arguments),
        Command::Simulate(arguments) => commands::simulate::run(&arguments),
    }
}

/// Help and version are answers; anything else is a usage fault in one line.
fn not_a_command(error: &clap::Error) -> Result<(), Fault> {
    let text = error.render().to_string();
    if matches!(
        error.kind(),
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion
    ) {
        return say(&text);
    }
    Err(Fault::Usage(usage_line(&text)))
}
