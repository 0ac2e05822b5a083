//! `halfopen fuzz`: drawn runs instead of scripts.

#[cfg(target_os = "linux")]
mod diff;
mod findings;
mod list;
pub mod run;
mod seeds;
pub mod sim;

use crate::args::{FuzzArgs, FuzzCommand};
use crate::fault::Fault;
use std::path::Path;

/// Does what the command line says, and returns the exit code.
pub fn fuzz(args: &FuzzArgs, specs: Option<&Path>) -> Result<u8, Fault> {
    match &args.command {
        FuzzCommand::Replay(args) => findings::replay(args),
        FuzzCommand::Min(args) => findings::min(args),
        FuzzCommand::List => list::list(),
        #[cfg(target_os = "linux")]
        FuzzCommand::Diff(args) => diff::diff(args, specs),
        FuzzCommand::Run(args) => run::run(args),
        FuzzCommand::Seeds(args) => seeds::seeds(args, specs),
        FuzzCommand::Sim(args) => sim::sim(args),
    }
}
