//! Writes the man pages and the completions of the packages: `cargo run --example pages -- FOLDER`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Command;
use clap_complete::{Shell, generate_to};

/// The program's name.
const NAME: &str = env!("CARGO_PKG_NAME");

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        return fail("into which folder?", 2);
    };
    match write(&folder) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("{}: {error}", folder.display()), 1),
    }
}

fn write(folder: &PathBuf) -> std::io::Result<()> {
    std::fs::create_dir_all(folder)?;
    let command = zello_gateway::cli::command();
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        generate_to(shell, &mut public(&command), NAME, folder)?;
    }
    clap_mangen::generate_to(command, folder)
}

/// What is to be completed: not the commands that only the program itself uses.
fn public(command: &Command) -> Command {
    Command::new(NAME)
        .version("")
        .disable_help_subcommand(true)
        .subcommands(command.get_subcommands().filter(|command| !command.is_hide_set()).cloned())
}

#[expect(clippy::print_stderr, reason = "a tool of the build, not of the gateway")]
fn fail(why: &str, code: u8) -> ExitCode {
    eprintln!("pages: {why}");
    ExitCode::from(code)
}
