use clap::CommandFactory as _;

use super::{
    arguments::{Arguments, CompletionsArguments, Shell},
    say,
};
use crate::Fault;

/// Prints the script that completes commands and options in a shell.
pub(super) fn run(arguments: &CompletionsArguments) -> Result<(), Fault> {
    let shell = match arguments.shell {
        Shell::Bash => clap_complete::Shell::Bash,
        Shell::Fish => clap_complete::Shell::Fish,
        Shell::Zsh => clap_complete::Shell::Zsh,
    };
    let mut script = Vec::new();
    let mut command = Arguments::command();
    clap_complete::generate(shell, &mut command, "seed-verify", &mut script);
    // clap_complete 4.6 walks to `seed__verify…` and waits at `seed__subcmd__verify…`, because of the dash.
    let script = String::from_utf8_lossy(&script).replace("seed__subcmd__verify", "seed__verify");
    say(&script)
}
