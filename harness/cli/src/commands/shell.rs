//! `halfopen completions` and `halfopen man`: what a shell and a reader of manual pages want, made from the command line itself.

use crate::args::{Cli, CompletionsArgs, ManArgs};
use crate::fault::{AS_EXPECTED, Fault};
use clap::CommandFactory;
use std::fs;
use std::io::{self, Write};

/// The completions of a shell.
pub fn completions(args: &CompletionsArgs) -> Result<u8, Fault> {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "halfopen", &mut text);
    write(&text)
}

/// The manual page, or one for each command.
pub fn man(args: &ManArgs) -> Result<u8, Fault> {
    let Some(folder) = &args.out else {
        let mut page = Vec::new();
        clap_mangen::Man::new(Cli::command()).render(&mut page)?;
        return write(&page);
    };
    let shown = folder.display();
    let cannot = |fault: io::Error| Fault::Environment(format!("cannot write {shown}: {fault}"));
    fs::create_dir_all(folder).map_err(cannot)?;
    clap_mangen::generate_to(Cli::command(), folder).map_err(cannot)?;
    Ok(AS_EXPECTED)
}

fn write(text: &[u8]) -> Result<u8, Fault> {
    let mut out = io::stdout().lock();
    out.write_all(text)?;
    out.flush()?;
    Ok(AS_EXPECTED)
}
