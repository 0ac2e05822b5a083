//! The commands, one file each.

pub mod check;
pub mod compare;
pub mod coverage;
#[cfg(target_os = "linux")]
pub mod doctor;
pub mod expand;
pub mod explain;
pub mod fmt;
pub mod fuzz;
pub mod list;
pub mod pages;
pub mod replay;
pub mod report;
pub mod run;
pub mod shell;
pub mod stack;

use crate::args::{Cli, Command, SelectArgs};
use crate::fault::Fault;
use crate::select::Filter;

/// Does what the command line says, and returns the exit code.
pub fn dispatch(cli: &Cli) -> Result<u8, Fault> {
    let specs = cli.specs.as_deref();
    match &cli.command {
        Command::Run(args) => run::run(args, specs),
        Command::List(args) => list::list(args, specs),
        Command::Check(args) => check::check(args, specs),
        Command::Coverage(args) => coverage::coverage(args, specs),
        #[cfg(target_os = "linux")]
        Command::Doctor(args) => doctor::doctor(args, specs),
        #[cfg(not(target_os = "linux"))]
        Command::Doctor(_) => {
            Err(Fault::Environment("the kernel of this host is no Linux, which is the only one tested".into()))
        }
        Command::Fmt(args) => fmt::fmt(args),
        Command::Expand(args) => expand::expand(args, specs),
        Command::Explain(args) => explain::explain(args, specs),
        Command::Pages(args) => pages::pages(args, specs),
        Command::Report(args) => report::report(args),
        Command::Replay(args) => replay::replay(args),
        Command::Compare(args) => compare::compare(args, specs),
        Command::Stack(args) => stack::stack(args),
        Command::Fuzz(args) => fuzz::fuzz(args, specs),
        Command::Completions(args) => shell::completions(args),
        Command::Man(args) => shell::man(args),
    }
}

/// The part of a selection that `run` and `list` share, so that their counts agree.
fn filter(args: &SelectArgs, sut: &str) -> Filter {
    let families = args.family.iter().map(|family| (*family).into()).collect();
    let expressions = args.expression.clone();
    let (level, sut) = (args.level.map(Into::into), Some(sut.to_string()));
    Filter { level, families, sut, expressions, partition: args.partition }
}
