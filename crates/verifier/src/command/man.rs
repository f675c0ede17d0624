use std::io;

use clap::{Command, CommandFactory as _};
use clap_mangen::{
    Man,
    roff::{Roff, bold, roman},
};

use super::{
    arguments::{Arguments, ManArguments},
    new_file::write_new,
    say,
};
use crate::Fault;

const EXIT_CODES: [(&str, &str); 5] = [
    (
        "0",
        "Verified: everything the policy demands was established. Of other commands: done.",
    ),
    (
        "1",
        "Rejected: it does not match, is forged, below quorum, or not what the policy wants.",
    ),
    (
        "2",
        "Usage: the question or the policy is wrong; nothing was fetched.",
    ),
    (
        "3",
        "Undecidable: it could not be found out. This says nothing about the image.",
    ),
    (
        "4",
        "Revoked: it was good, and what made it so is revoked, disputed or tainted.",
    ),
];

const FILES: [(&str, &str); 2] = [
    (
        crate::SYSTEM_POLICY,
        "The policy where none is named. It and its folder must be root's and writable by nobody else.",
    ),
    (
        crate::SYSTEM_STATE,
        "What is remembered, for policies with high_water.",
    ),
];

/// Prints the first page, or writes those of all commands into a folder.
pub(super) fn run(arguments: &ManArguments) -> Result<(), Fault> {
    let mut command = without_help(Arguments::command());
    command.build();
    let Some(folder) = &arguments.folder else {
        return say(&String::from_utf8_lossy(&page(&command)?));
    };
    let mut names = String::new();
    for command in with_subcommands(&command) {
        let name = format!("{}.1", display_name(command));
        write_new(&folder.join(&name), &page(command)?)?;
        names.push_str(&name);
        names.push('\n');
    }
    say(&names)
}

/// `help` is no command that needs a page.
fn without_help(command: Command) -> Command {
    command
        .disable_help_subcommand(true)
        .mut_subcommands(without_help)
}

fn with_subcommands(command: &Command) -> Vec<&Command> {
    let below = command.get_subcommands().flat_map(with_subcommands);
    std::iter::once(command).chain(below).collect()
}

fn display_name(command: &Command) -> &str {
    command.get_display_name().unwrap_or(command.get_name())
}

fn page(command: &Command) -> Result<Vec<u8>, Fault> {
    let mut text = Vec::new();
    render(command, &mut text).map_err(|error| Fault::Internal(error.to_string()))?;
    Ok(text)
}

fn render(command: &Command, text: &mut Vec<u8>) -> io::Result<()> {
    let man = Man::new(command.clone())
        .title(display_name(command).to_uppercase())
        .source(concat!("seed-verify ", env!("CARGO_PKG_VERSION")))
        .manual("Nix Seed");
    man.render_title(text)?;
    man.render_name_section(text)?;
    man.render_synopsis_section(text)?;
    man.render_description_section(text)?;
    man.render_options_section(text)?;
    if command.has_subcommands() {
        man.render_subcommands_section(text)?;
    }
    let mut roff = Roff::new();
    section(&mut roff, "EXIT STATUS", &EXIT_CODES);
    section(&mut roff, "FILES", &FILES);
    roff.to_writer(text)
}

fn section(roff: &mut Roff, name: &str, rows: &[(&str, &str)]) {
    roff.control("SH", [name]);
    for (term, meaning) in rows {
        roff.control("TP", []);
        roff.text([bold(*term)]);
        roff.text([roman(*meaning)]);
    }
}
