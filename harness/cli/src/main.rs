//! `halfopen`: does a TCP stack do what the RFCs say?

use clap::Parser;
use halfopen_cli::args::Cli;
use halfopen_cli::commands::dispatch;
use std::io::Write;
use std::process::exit;

fn main() {
    let cli = Cli::parse();
    let code = match dispatch(&cli) {
        Ok(code) => code,
        Err(fault) => {
            if !fault.is_silent() {
                // Carets bring their own "error:".
                let prefix = if fault.is_script() { "" } else { "error: " };
                let _ = writeln!(anstream::stderr(), "{prefix}{fault}");
            }
            fault.exit()
        }
    };
    // Not a return: a thread whose SUT hangs must not keep the process.
    exit(code.into());
}
