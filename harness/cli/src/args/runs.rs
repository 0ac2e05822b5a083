//! Arguments of the commands about runs that are over.

use super::Format;
use crate::adapter::Adapters;
use clap::{ArgAction, Args, ValueEnum};
use std::path::PathBuf;

/// `halfopen report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// A run: its folder, its file of JSON lines, its name below target/halfopen, or `latest`
    #[arg(value_name = "RUN", default_value = "latest")]
    pub run: String,
    /// human, jsonl, junit, ktap, md, html, json, each also with =FILE; repeatable
    #[arg(long, value_name = "FORMAT[=FILE]")]
    pub format: Vec<Format>,
    /// Say more: -v a line for each test, -vv the exchange of each test that has one
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,
    /// Say only what failed, and the summary
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,
}

/// `halfopen replay`
#[derive(Debug, Args)]
pub struct RunReplayArgs {
    /// A run and a test of it, e.g. 'latest::rfc9293/3.10.7.4/rst/exact[v4,FIN-WAIT-1]'
    #[arg(value_name = "RUN::TEST")]
    pub what: String,
    /// On another SUT than in the run
    #[arg(long, value_name = "NAME")]
    pub sut: Option<String>,
    /// By another runner than in the run
    #[arg(long, value_name = "RUNNER")]
    pub runner: Option<String>,
    /// SUTs of other crates, as their `main` has given them
    #[arg(skip)]
    pub adapters: Adapters,
    /// Folder of the new run; by default a new one below target/halfopen
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// `halfopen compare`
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Two runs (folders, files of JSON lines, names below target/halfopen, `latest`); with two --sut: which tests
    #[arg(value_name = "A B | SELECT")]
    pub what: Vec<String>,
    /// Run the tests on this SUT; twice
    #[arg(long, value_name = "NAME")]
    pub sut: Vec<String>,
    /// For people, or one JSON object
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    pub format: CompareFormat,
}

/// How `compare` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CompareFormat {
    /// Lines
    Human,
    /// One JSON object
    Json,
}

/// `halfopen completions`
#[derive(Debug, Args)]
pub struct CompletionsArgs {
    /// Which shell's
    #[arg(value_enum, value_name = "SHELL")]
    pub shell: clap_complete::Shell,
}

/// `halfopen man`
#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write a page for each command into this folder, instead of the first page to standard output
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}
