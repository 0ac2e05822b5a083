//! The whole tool with one more SUT: what the `main` of a stack author's crate calls.
//!
//! ```no_run
//! # struct MyStack;
//! # impl halfopen_cli::polled::PolledStack for MyStack {
//! #     type Socket = ();
//! #     fn start(_: &halfopen_cli::Setup) -> Result<Self, halfopen_cli::SutError> { Ok(Self) }
//! #     fn ingress(&mut self, _: i64, _: &[u8]) {}
//! #     fn poll(&mut self, _: i64) -> Vec<Vec<u8>> { Vec::new() }
//! #     fn poll_at(&mut self, _: i64) -> Option<i64> { None }
//! # }
//! halfopen_cli::main_with(vec![halfopen_cli::Adapter::polled::<MyStack>("mystack", "1.0")]);
//! ```

use crate::args::{Cli, Command};
use crate::commands::dispatch;
use crate::fault::{AS_EXPECTED, Fault, USAGE};
use clap::{CommandFactory, FromArgMatches};
use halfopen_engine::sut::{Sut, SutError};
use halfopen_sut::polled::{Polled, PolledStack};
use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::exit;
use std::sync::Arc;

/// How a SUT is opened, with the profile that the command line names.
type Open = dyn Fn(Option<&str>) -> Result<Box<dyn Sut>, SutError> + Send + Sync;

/// A SUT that is no part of this repository.
#[derive(Clone)]
pub struct Adapter {
    name: String,
    expect: PathBuf,
    open: Arc<Open>,
}

impl Adapter {
    /// Any [`Sut`], chosen by `--sut NAME`. Each worker thread opens its own.
    pub fn new(
        name: &str,
        open: impl Fn(Option<&str>) -> Result<Box<dyn Sut>, SutError> + Send + Sync + 'static,
    ) -> Self {
        Self { name: name.to_owned(), expect: format!("expect/{name}.toml").into(), open: Arc::new(open) }
    }

    /// A stack that its caller drives, in this process and on a virtual clock; `version` is for reports.
    pub fn polled<S: PolledStack + 'static>(name: &str, version: &str) -> Self {
        let (own, version) = (name.to_owned(), version.to_owned());
        Self::new(name, move |profile| Ok(Box::new(Polled::<S>::new(&own, &version, profile)?)))
    }

    /// The expectation file of runs without `--expect`; otherwise `expect/NAME.toml` of the folder that the tool runs in. It need not
    /// exist.
    #[must_use]
    pub fn expect(self, path: impl Into<PathBuf>) -> Self {
        Self { expect: path.into(), ..self }
    }
}

impl fmt::Debug for Adapter {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.debug_struct("Adapter").field("name", &self.name).field("expect", &self.expect).finish_non_exhaustive()
    }
}

/// The SUTs that were added.
#[derive(Debug, Clone, Default)]
pub struct Adapters(Arc<[Adapter]>);

impl Adapters {
    fn named(&self, name: &str) -> Option<&Adapter> {
        self.0.iter().find(|adapter| adapter.name == name)
    }

    /// Whether one has this name.
    pub fn has(&self, name: &str) -> bool {
        self.named(name).is_some()
    }

    /// Their names.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|adapter| adapter.name.as_str())
    }

    /// Opens one of them; `None` when there is none of this name.
    pub fn open(
        &self,
        name: &str,
        runner: Option<&str>,
        profile: Option<&str>,
    ) -> Option<Result<Box<dyn Sut>, SutError>> {
        let adapter = self.named(name)?;
        Some(match runner {
            None | Some("sim") => (adapter.open)(profile),
            Some(runner) => {
                Err(SutError::Unsupported(format!("the SUT `{name}` has no runner `{runner}`; it has sim")))
            }
        })
    }

    /// Where the expectations of a SUT are, when it is one of them.
    pub fn expectations(&self, name: &str) -> Option<&Path> {
        self.named(name).map(|adapter| adapter.expect.as_path())
    }

    /// What a person types to start this tool.
    pub fn program(&self) -> String {
        let own = std::env::args_os().next().filter(|_| !self.0.is_empty());
        own.map_or_else(|| "halfopen".to_owned(), |own| own.to_string_lossy().into_owned())
    }

    /// `, mystack`
    pub fn listed(&self) -> String {
        self.names().map(|name| format!(", {name}")).collect()
    }
}

/// The command line of this process, with these SUTs beside the tool's own. It does not come back.
pub fn main_with(adapters: Vec<Adapter>) -> ! {
    // Not a return: a thread whose SUT hangs must not keep the process.
    exit(run_with(std::env::args_os(), adapters).into())
}

/// Does what a command line says (the first word is the program's name), and returns the exit code. What it has to say goes to
/// standard output and standard error.
pub fn run_with<W>(words: impl IntoIterator<Item = W>, adapters: Vec<Adapter>) -> u8
where
    W: Into<OsString> + Clone,
{
    let adapters = Adapters(adapters.into());
    let cli = match parse(words, adapters) {
        Ok(cli) => cli,
        Err(refusal) => {
            let _ = refusal.print();
            return if refusal.use_stderr() { USAGE } else { AS_EXPECTED };
        }
    };
    match dispatch(&cli) {
        Ok(code) => code,
        Err(fault) => {
            tell(&fault);
            fault.exit()
        }
    }
}

fn tell(fault: &Fault) {
    if !fault.is_silent() {
        // Carets bring their own "error:".
        let prefix = if fault.is_script() { "" } else { "error: " };
        let _ = writeln!(anstream::stderr(), "{prefix}{fault}");
    }
}

/// Reads the words, with the names of the adapters in the help of `--sut`.
fn parse<W>(words: impl IntoIterator<Item = W>, adapters: Adapters) -> Result<Cli, clap::Error>
where
    W: Into<OsString> + Clone,
{
    let mut command = Cli::command();
    if !adapters.0.is_empty() {
        for name in ["run", "list", "expand"] {
            command = command.mut_subcommand(name, |sub| {
                sub.mut_arg("sut", |sut| {
                    let help = sut.get_help().map(ToString::to_string).unwrap_or_default();
                    sut.help(help + &adapters.listed())
                })
            });
        }
    }
    let mut cli = Cli::from_arg_matches_mut(&mut command.try_get_matches_from(words)?)?;
    // Other commands speak of the tool's own SUTs or of none.
    if let Command::Run(args) = &mut cli.command {
        args.sut.adapters = adapters;
    } else if let Command::List(args) = &mut cli.command {
        args.sut.adapters = adapters;
    } else if let Command::Expand(args) = &mut cli.command {
        args.sut.adapters = adapters;
    } else if let Command::Check(args) = &mut cli.command {
        args.adapters = adapters;
    } else if let Command::Replay(args) = &mut cli.command {
        args.adapters = adapters;
    }
    Ok(cli)
}
