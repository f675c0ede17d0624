//! The command `seed-builder`.

use std::process::ExitCode;

use clap::{Parser, error::ErrorKind};
use seed_builder::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    match Cli::try_parse() {
        Ok(command) => command.execute().await,
        Err(error) => answer(&error),
    }
}

/// Help and version are answers; anything else is one line and exit 2, as every other error is.
fn answer(error: &clap::Error) -> ExitCode {
    use ErrorKind::{DisplayHelp, DisplayHelpOnMissingArgumentOrSubcommand, DisplayVersion};
    match error.kind() {
        DisplayHelp | DisplayVersion if error.print().is_ok() => return ExitCode::SUCCESS,
        DisplayHelp | DisplayVersion => return ExitCode::from(3),
        DisplayHelpOnMissingArgumentOrSubcommand => {
            let _ = error.print();
            return ExitCode::from(2);
        }
        _ => {}
    }
    let text = error.render().to_string();
    let words: Vec<&str> = text
        .lines()
        .map(str::trim)
        .take_while(|line| !line.starts_with("Usage:") && !line.starts_with("For more"))
        .filter(|line| !line.is_empty())
        .collect();
    let line = words.join(" ");
    let line = line.strip_prefix("error: ").unwrap_or(&line);
    eprintln!("error[usage]: {line}; see seed-builder --help");
    ExitCode::from(2)
}
