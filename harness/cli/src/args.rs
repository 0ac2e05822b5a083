//! The command line.

mod format;
mod runs;

pub use format::{Format, Style, on_stdout};
pub use runs::{CompareArgs, CompareFormat, CompletionsArgs, ManArgs, ReportArgs, RunReplayArgs};

use crate::adapter::Adapters;
use crate::captures::Keep;
use crate::partition::Partition;
use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use halfopen_script::ast::Level;
use halfopen_script::test::Family;
use halfopen_stack_os::services::Service;
use halfopen_stack_os::{Impairment, InterfaceAddress};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

/// The seed of a run that names none: one run is like the next.
pub const SEED: u64 = 0x5eed;

/// Runs that stay below `target/halfopen`: of the whole suite they are about 80 MB.
const KEPT: u16 = 20;

/// Does a TCP stack do what the RFCs say? One command, one answer per rule
///
/// Scripts inject segments into a TCP stack and say what must come back; each stands for a rule of an RFC. `halfopen run`
/// alone runs every one of them against the reference stack, on a virtual clock.
///
/// Exit codes: 0 as expected; 1 a test failed unexpectedly or is flaky; 2 usage or script error; 3 environment or harness
/// error; 4 nothing selected; 5 only the expectation file no longer holds; 6 only inconclusive results stand in the way; 7 `compare` or
/// `replay` found a difference; 9 `doctor`: no test of the kernel can run. `fuzz`: 8 an oracle is violated; 10 something that must happen
/// does not; 11 the stack crashes or hangs.
#[derive(Debug, Parser)]
#[command(name = "halfopen", version = crate::VERSION, disable_help_subcommand = true)]
pub struct Cli {
    /// What to do
    #[command(subcommand)]
    pub command: Command,

    /// Folder of the specs: registers, scripts, fixtures, expectations
    ///
    /// Without it: `specs/` of the current folder or of one above it, otherwise the copy in the binary.
    #[arg(long, global = true, env = "HALFOPEN_SPECS", value_name = "DIR")]
    pub specs: Option<PathBuf>,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run tests against a SUT
    Run(Box<RunArgs>),
    /// List the tests that `run` would run with the same arguments
    List(ListArgs),
    /// Print a run that is over, in any format
    Report(ReportArgs),
    /// Run a test of a stored run again as it was run, and say whether it comes to the same
    ///
    /// With the recorded seed, SUT, runner, profile and options. Exit code 0 when verdict and way of failing are the same, 7 when they
    /// are not.
    Replay(RunReplayArgs),
    /// Say what differs between two runs, or between two SUTs
    ///
    /// Verdicts, ways of failing, and the first segment where two exchanges part, without what differs from run to run anyway:
    /// initial sequence numbers, ports, timestamps, by how much a time was missed. Exit code 7 when anything differs.
    Compare(CompareArgs),
    /// Check scripts: grammar, rule ids, fixtures, expansion of every variant
    Check(CheckArgs),
    /// Put scripts in the canonical layout; comments, blank lines and what they say stay
    Fmt(FmtArgs),
    /// Print a test as a plain packetdrill script
    Expand(ExpandArgs),
    /// Say what a rule asks for, which tests ask it, and who is known to deviate
    Explain(ExplainArgs),
    /// Say which rules of the RFCs are decided, by which tests, and which are not
    ///
    /// A rule is tested when a script cites it on its first line. The others are not decidable from outside or not applicable,
    /// for a reason that the register gives, or missing.
    Coverage(CoverageArgs),
    /// Write the pages of docs/ that are made from the specs
    #[command(hide = true)]
    Pages(PagesArgs),
    /// What this host lacks for tests of its kernel, and which tests that makes untestable
    ///
    /// Everything is tried, in a namespace of its own: privilege, TUN, timers, IPv6, congestion controls, queues, socket options, each
    /// sysctl that the selected tests set. Exit code 9 when no test of the kernel can run.
    Doctor(DoctorArgs),
    /// Run the reference stack as a host on a TUN device or an Ethernet interface
    ///
    /// It answers ARP, neighbour solicitations and echo requests, offers services and may connect to others. SIGINT and SIGTERM
    /// stop it: connections are closed and may say goodbye for two seconds.
    Stack(Box<StackArgs>),
    /// Look for violations of what must always hold, by drawn runs instead of scripts
    Fuzz(FuzzArgs),
    /// Print the completions of a shell
    Completions(CompletionsArgs),
    /// Print the manual page
    Man(ManArgs),
}

/// Which tests.
#[derive(Debug, Args)]
pub struct SelectArgs {
    /// Ids, globs over ids (`*`, `?`), folders of ids, rule ids, aliases, or paths of .pkt files and folders
    ///
    /// Each must select something; without any, the whole suite is selected. A folder of ids (`rfc5961/4.2`) selects the tests
    /// in it and those with a rule in it. In a glob `[` is an ordinary character, so
    /// `'*[v6*'` selects the IPv6 tests. A script of your own needs no header; its id is its path as you give it.
    #[arg(value_name = "SELECT")]
    pub select: Vec<String>,

    /// Only tests of this set, e.g. 'rfc(9293:3.10.7.4) & state(TIME-WAIT)'; repeatable, any of them
    ///
    /// Sets: id(GLOB) rfc(N:SECTION) rule(GLOB) must(N) shld(N) may(N) tc8(GLOB) anvl(GLOB) packetimpact(GLOB) alias(GLOB) tag(NAME) state(STATE)
    /// family(v4) level(must) profile(NAME) needs(NAME) sut(NAME) slow(SECONDS) status(fail) all() none(). Operators, the strongest first: `()`;
    /// `not` `!`; `and` `&` `-` (A without B); `or` `|` `+`. A set that names what no test has is an error (exit code 4).
    #[arg(short = 'E', long, value_name = "EXPR")]
    pub expression: Vec<String>,

    /// Only tests of this level and above
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub level: Option<LevelArg>,

    /// Only these address families: v4, v6, mapped
    ///
    /// `--ip-version` is the same option, and `ipv4`, `ipv6`, `ipv4-mapped-ipv6` are the same families, in packetdrill's words. A
    /// script from disk that fixes no family is run in those named here; without the option over IPv4 and IPv6, with `--compat
    /// packetdrill` in all three.
    #[arg(
        long,
        visible_alias = "ip-version",
        value_enum,
        value_delimiter = ',',
        value_name = "FAMILIES",
        hide_possible_values = true
    )]
    pub family: Vec<FamilyArg>,

    /// Only one part of the tests: hash:1/4 or count:1/4 is the first of four
    ///
    /// By `hash` of its id a test stays in its part when others come or go; by `count` the parts are equally large.
    #[arg(long, value_name = "hash:M/N")]
    pub partition: Option<Partition>,

    /// Judge as another tool does: packetdrill
    ///
    /// packetdrill looks away where this tool does not: at segments of connections that the script has left, and at everything that
    /// comes after the last line. Scripts from disk get the command line that its own runner gives them: families, addresses and
    /// symbols (`TFO_COOKIE`, `CODE`, `CMSG_LEVEL_IP`, `CMSG_TYPE_RECVERR`).
    #[arg(long, value_enum, value_name = "TOOL")]
    pub compat: Option<Compat>,

    /// Give a symbol of scripts from disk a value, whatever their own `--define` lines say; repeatable
    #[arg(short = 'D', long = "define", value_name = "SYMBOL=VALUE", value_parser = parse_definition)]
    pub define: Vec<String>,
}

/// Who is tested.
#[derive(Debug, Clone, Args)]
pub struct SutArgs {
    /// Who is tested: reference, linux, smoltcp
    #[arg(long, default_value = "reference", value_name = "NAME")]
    pub sut: String,

    /// How it is reached: sim (in-process, virtual clock), tun, veth (the reference stack in a process of its own, or the kernel's); by default what the SUT has first
    #[arg(long, value_name = "RUNNER")]
    pub runner: Option<String>,

    /// Configuration of the SUT by name: rfc9293, rfc793, ... as far as it has any
    #[arg(long, value_name = "PROFILE")]
    pub profile: Option<String>,

    /// SUTs of other crates, as their `main` has given them
    #[arg(skip)]
    pub adapters: Adapters,
}

impl SutArgs {
    /// The reference stack as it is.
    pub fn reference() -> Self {
        Self { sut: "reference".into(), runner: None, profile: None, adapters: Adapters::default() }
    }
}

/// `halfopen run`
#[derive(Debug, Args)]
pub struct RunArgs {
    /// Which tests
    #[command(flatten)]
    pub select: SelectArgs,
    /// Who is tested
    #[command(flatten)]
    pub sut: SutArgs,

    /// Tests at once; by default one per core on a virtual clock, on a real one as many as it can be punctual for, up to 64
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// Expectation file; by default expect/NAME.toml of the specs, for a SUT of your own the file that its adapter names
    #[arg(long, value_name = "FILE")]
    pub expect: Option<PathBuf>,

    /// Repeat a failed test up to N times; if it then passes it is flaky
    ///
    /// On a real clock tests are repeated without being asked to, among few and then alone: up to eight times a failure that
    /// lateness of the harness or of the machine could have caused, and a test without a verdict; once one that failed by its
    /// time alone. docs/real-time.md says more.
    #[arg(long, value_name = "N")]
    pub retries: Option<u32>,

    /// On a real clock, leave out tests that take longer than this by their script, as `unsupported`: seconds
    ///
    /// Without it there is no limit, but for the reference stack on a real clock: there it is 60, as the virtual clock has all of
    /// them for nothing.
    #[arg(long, value_name = "SECONDS", value_parser = parse_seconds)]
    pub longest: Option<Duration>,

    /// Stop after the first unexpected failure: tests under way come to their end, and none is begun or repeated
    #[arg(long)]
    pub fail_fast: bool,

    /// Report: human, jsonl, junit, ktap, md, html, json, each also with =FILE; repeatable
    ///
    /// With one for programs on standard output the human report is written only if asked for with `--format human`, and then to
    /// standard error. With `=FILE` standard output is left to the human report.
    #[arg(long, value_name = "FORMAT[=FILE]")]
    pub format: Vec<Format>,

    /// Folder of the run: its parameters, results and captures; by default a new one below target/halfopen, to which target/halfopen/latest points
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Keep nothing of the run: no folder, no captures
    #[arg(long, conflicts_with = "out")]
    pub no_out: bool,

    /// How many runs to keep below target/halfopen, this one too: the oldest are removed when one begins
    ///
    /// A run with --out, a folder of another name and one whose process is still there are never removed.
    #[arg(long, default_value_t = KEPT, value_name = "N", conflicts_with_all = ["out", "no_out"], value_parser = clap::value_parser!(u16).range(1..))]
    pub keep_runs: u16,

    /// Which captures to keep
    #[arg(long, value_enum, default_value = "fail", value_name = "WHEN")]
    pub pcap: Keep,

    /// Seed of everything random in an in-process SUT
    #[arg(long, default_value_t = SEED, value_name = "N")]
    pub seed: u64,

    /// Say more: -v a line for each test, -vv the exchange of each test
    #[arg(short, long, action = ArgAction::Count)]
    pub verbose: u8,

    /// Say only what failed, and the summary
    #[arg(short, long, conflicts_with = "verbose")]
    pub quiet: bool,

    /// Congestion control that every test begins with, until its script sets another; without it the SUT's own (linux: cubic)
    ///
    /// Where the kernel refuses it to a namespace it is set on each socket.
    #[arg(long, value_name = "NAME", value_parser = parse_word)]
    pub congestion_control: Option<String>,

    /// Longest time a test may take beyond its scripted duration before its SUT counts as hung
    #[arg(long, hide = true, default_value = "30", value_parser = parse_seconds)]
    pub patience: Duration,
}

/// `halfopen list`
#[derive(Debug, Args)]
pub struct ListArgs {
    /// Which tests
    #[command(flatten)]
    pub select: SelectArgs,
    /// Who is tested: scripts that are for other SUTs only are left out
    #[command(flatten)]
    pub sut: SutArgs,
    /// Scripts with their sentences, ids of tests one per line, or a JSON array
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    pub format: ListFormat,
}

/// `halfopen check`
#[derive(Debug, Args)]
pub struct CheckArgs {
    /// Scripts, or folders of scripts; without any, the whole suite
    #[arg(value_name = "FILE")]
    pub files: Vec<String>,

    /// With the symbols that the runner of another tool defines: packetdrill
    #[arg(long, value_enum, value_name = "TOOL")]
    pub compat: Option<Compat>,

    /// Give a symbol of scripts from disk a value, as `run` does; repeatable
    #[arg(short = 'D', long = "define", value_name = "SYMBOL=VALUE", value_parser = parse_definition)]
    pub define: Vec<String>,

    /// SUTs that this tool was started with
    #[arg(skip)]
    pub adapters: Adapters,
}

/// `halfopen fmt`
#[derive(Debug, Args)]
pub struct FmtArgs {
    /// Scripts, or folders of scripts; `-` alone is standard input, laid out to standard output
    #[arg(value_name = "FILE", required = true)]
    pub files: Vec<PathBuf>,

    /// Write nothing; show what would change, and exit with 1 if anything would
    #[arg(long)]
    pub check: bool,
}

/// `halfopen expand`
#[derive(Debug, Args)]
pub struct ExpandArgs {
    /// A selection of one test
    #[arg(value_name = "ID")]
    pub id: String,
    /// Whose named values are put in (`$time_wait`)
    #[command(flatten)]
    pub sut: SutArgs,
}

/// `halfopen explain`
#[derive(Debug, Args)]
pub struct ExplainArgs {
    /// Id of a test, script or rule, the RFC's label of a rule (MUST-12), or an alias (tc8:...)
    #[arg(value_name = "ID|RULE|ALIAS")]
    pub id: String,
}

/// `halfopen coverage`
#[derive(Debug, Args)]
pub struct CoverageArgs {
    /// Only these RFCs, with a line for each level and section; repeatable
    #[arg(long, value_name = "N", value_delimiter = ',')]
    pub rfc: Vec<u32>,
    /// Only rules of this level and above; text without a keyword counts as must
    #[arg(long, value_enum, value_name = "LEVEL")]
    pub level: Option<LevelArg>,
    /// Only the rules that are missing: their ids, one per line
    #[arg(long)]
    pub missing: bool,
    /// Exit with 1 if a MUST of an RFC that coverage.toml calls complete is missing, or a rule is both tested and excepted
    #[arg(long)]
    pub check: bool,
    /// Tables for people, Markdown, or one JSON object with every rule
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    pub format: CoverageFormat,
}

/// `halfopen pages`
#[derive(Debug, Args)]
pub struct PagesArgs {
    /// Where they are
    #[arg(value_name = "DIR", default_value = "docs")]
    pub folder: PathBuf,
    /// Also those that tell what the reference stack and this machine's kernel do
    #[arg(long)]
    pub observed: bool,
    /// Write nothing; exit with 1 if one is out of date
    #[arg(long)]
    pub check: bool,
}

/// `halfopen doctor`
#[derive(Debug, Args)]
pub struct DoctorArgs {
    /// Which tests; without any, those of the suite that are for linux
    #[command(flatten)]
    pub select: SelectArgs,
    /// A page for people, or JSON
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    pub format: DoctorFormat,
    /// Take what was found from a file: the `host` of a JSON report
    #[arg(long, hide = true, value_name = "FILE")]
    pub probe: Option<PathBuf>,
}

/// How `doctor` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DoctorFormat {
    /// A page
    Human,
    /// One JSON object
    Json,
}

/// `halfopen fuzz`
#[derive(Debug, Args)]
#[command(disable_help_subcommand = true)]
pub struct FuzzArgs {
    /// What to do
    #[command(subcommand)]
    pub command: FuzzCommand,
}

/// `halfopen fuzz COMMAND`
#[derive(Debug, Subcommand)]
pub enum FuzzCommand {
    /// List the targets: what an input is, and what is asked of it
    List,
    /// Run inputs of a target of the stack, and say what each violates
    ///
    /// Findings with the same oracle, state and event are one. Exit codes: 0 nothing is violated; 8 an oracle is; 11 the stack panics.
    Replay(ReplayArgs),
    /// Make a finding small: an input, a script, a capture
    ///
    /// Fewer events, then simpler values, as long as the same oracle fails in the same state, or the stack panics with the same words. The script
    /// repeats the exchange on any SUT (`halfopen run FILE.pkt`) and expects what the violated rule asks for. Exit codes: 0 nothing is
    /// violated; 8 an oracle is; 11 the stack panics.
    Min(MinArgs),
    /// Write conformance tests as programs of the target `state_machine`
    ///
    /// One test of each script runs on the reference stack; what the peer and the application did becomes a program. Says how many
    /// did, how many of those draw the same segments again, and why others could not.
    Seeds(FuzzSeedsArgs),
    /// Two endpoints of the reference stack over a hostile network, one run for each seed
    ///
    /// A seed draws everything: profiles, options, what the applications do, and what the network does to datagrams. It then gets
    /// well, and everything that was written has to arrive. A finding prints the seed, all that it draws, and the command that
    /// repeats it to the octet.
    ///
    /// Exit codes: 0 no finding; 8 an oracle is violated; 10 something that must happen does not; 11 the stack crashes or hangs.
    /// When several apply: 11, 8, 10, in this order.
    Sim(SimArgs),
    /// The reference stack and the Linux kernel with the same programs: where do they differ?
    ///
    /// Programs without timers, so that the kernel needs no time of its own: everything that it answers is there when the system call
    /// returns. Each runs against the profile `linux` of the reference stack and in a network namespace of the kernel, with root or in a
    /// user namespace. Programs at which the reference stack does something new are kept and changed.
    ///
    /// Exit codes: 0 no divergence; 8 a divergence; 3 this host cannot run its kernel as a SUT.
    #[cfg(target_os = "linux")]
    Diff(DiffArgs),
    /// Run a coverage-guided target for a while, over cargo-fuzz
    ///
    /// From the source tree. What the engine learns, findings, a log and a page stay in target/fuzz/TARGET; the next campaign goes
    /// on from there.
    ///
    /// Exit codes: 0 no finding; 8 an oracle is violated; 11 a target crashes, hangs or takes too much memory.
    Run(FuzzRunArgs),
}

/// `halfopen fuzz diff`
#[derive(Debug, Args)]
pub struct DiffArgs {
    /// Only this program in its byte form; see --repeat
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,

    /// The other opinion: linux, this host's kernel
    #[arg(long, default_value = "linux", value_name = "SUT", value_parser = ["linux"], hide_possible_values = true)]
    pub against: String,

    /// fast: programs that wait for nothing; slow: programs that wait for timers, some seconds each at most, many at once
    #[arg(long, default_value = "fast", value_name = "LANE", hide_possible_values = true)]
    pub lane: LaneName,

    /// Decides every program
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub seed: u64,

    /// How long at most: 90s, 10m, 2h
    #[arg(long = "for", default_value = "10m", value_name = "TIME", value_parser = parse_span)]
    pub time: Duration,

    /// Programs of each job at most
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub programs: Option<u64>,

    /// Threads, each with a namespace of its own; by default one per core, in the slow lane 24
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// How often the kernel runs the one program: all traces have to be the same
    #[arg(long, default_value_t = 100, value_name = "N", requires = "file", value_parser = clap::value_parser!(u64).range(1..))]
    pub repeat: u64,

    /// Folder for what is found: each as a program, a script and a capture
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// File that gets a JSON object for the start, each divergence and the summary
    #[arg(long, value_name = "FILE")]
    pub log: Option<PathBuf>,
}

/// What kind of programs `halfopen fuzz diff` compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LaneName {
    /// They wait for nothing.
    Fast,
    /// They wait for timers.
    Slow,
}

/// `halfopen fuzz run`
#[derive(Debug, Args)]
pub struct FuzzRunArgs {
    /// Its name, as `cargo fuzz list --fuzz-dir fuzz/fuzz_targets` has it
    #[arg(value_name = "TARGET")]
    pub target: String,

    /// How long: 90s, 10m, 2h
    #[arg(long = "for", default_value = "10m", value_name = "TIME", value_parser = parse_span)]
    pub time: Duration,

    /// Processes at once; by default one per core
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// none: debug assertions and overflow checks on the stable compiler; address: AddressSanitizer, which needs a nightly one
    #[arg(long, value_enum, default_value = "none", value_name = "NAME", hide_possible_values = true)]
    pub sanitizer: SanitizerArg,

    /// At the end keep of the corpus what covers as much with fewer inputs
    #[arg(long)]
    pub minimise: bool,

    /// Folder of all campaigns; by default target/fuzz of the source tree
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
}

/// How a target is instrumented.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SanitizerArg {
    /// Coverage alone
    None,
    /// AddressSanitizer
    Address,
}

/// `halfopen fuzz replay`
#[derive(Debug, Args)]
pub struct ReplayArgs {
    /// Inputs: programs in their byte form, or octets
    #[arg(required = true, value_name = "FILE")]
    pub files: Vec<PathBuf>,

    /// Whose inputs they are; by default the target that the path names, else state_machine
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,
}

/// `halfopen fuzz min`
#[derive(Debug, Args)]
pub struct MinArgs {
    /// An input: a program in its byte form, or octets
    #[arg(value_name = "FILE", required_unless_present = "seed")]
    pub file: Option<PathBuf>,

    /// Whose input it is: state_machine, endpoint_pair, listener, reassembly or retransmission; by default the one that the path names, else
    /// state_machine
    #[arg(long, value_name = "TARGET")]
    pub target: Option<String>,

    /// A seed of `halfopen fuzz sim` in the place of a file
    #[arg(long, value_name = "S", conflicts_with_all = ["file", "target"])]
    pub seed: Option<u64>,

    /// Folder for the files that are written; by default the current one
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,

    /// Keep the input in the source tree as fuzz/regressions/TARGET/NAME too, and its script as
    /// fuzz/regressions/scripts/TARGET/NAME.pkt; `cargo test` replays both
    #[arg(long, value_name = "NAME")]
    pub keep: Option<String>,
}

/// `halfopen fuzz seeds`
#[derive(Debug, Args)]
pub struct FuzzSeedsArgs {
    /// Tests, as `run` selects them; without any, the suite
    #[arg(value_name = "SELECT")]
    pub select: Vec<String>,

    /// Every variant, not one of each script
    #[arg(long)]
    pub all: bool,

    /// Folder for the programs
    #[arg(long, default_value = "target/fuzz/state_machine/corpus", value_name = "DIR")]
    pub out: PathBuf,
}

/// `halfopen fuzz sim`
#[derive(Debug, Args)]
pub struct SimArgs {
    /// How many seeds
    #[arg(long, default_value_t = 10_000, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: u64,

    /// The first of them
    #[arg(long, default_value_t = 1, value_name = "S")]
    pub first: u64,

    /// Only this seed, twice: the two must not differ. With -v its exchange is printed
    #[arg(long, value_name = "S", conflicts_with_all = ["seeds", "first"])]
    pub seed: Option<u64>,

    /// Runs at once; by default one per core
    #[arg(short, long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,

    /// Stop after so many findings
    #[arg(long, default_value_t = 10, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub findings: u64,

    /// Text for people, or one JSON object for each finding and one for the summary
    #[arg(long, value_enum, default_value = "human", value_name = "FORMAT")]
    pub format: FuzzFormat,

    /// Break each run on purpose, to see that it is found
    ///
    /// oracle: the network changes text and mends the checksum; liveness: it carries no text when it is well again; crash: the run
    /// panics.
    #[arg(long, value_enum, value_name = "SORT", hide_possible_values = true)]
    pub canary: Option<CanaryArg>,

    /// Print every datagram of the one seed
    #[arg(short, long, requires = "seed")]
    pub verbose: bool,
}

/// What `--canary` breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CanaryArg {
    /// What must not happen happens
    Oracle,
    /// What must happen does not
    Liveness,
    /// A panic
    Crash,
}

/// How `fuzz` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FuzzFormat {
    /// Text
    Human,
    /// JSON, an object a line
    Json,
}

/// `halfopen stack`
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, disable_help_subcommand = true)]
pub struct StackArgs {
    /// Something else than running one
    #[command(subcommand)]
    pub command: Option<StackCommand>,
    /// The host
    #[command(flatten)]
    pub host: HostArgs,
}

/// `halfopen stack COMMAND`
#[derive(Debug, Subcommand)]
pub enum StackCommand {
    /// Show sockets, queues, timers and counters of a running host, as `ss -tino` and `nstat` do
    Status(StatusArgs),
}

/// `halfopen stack status`
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// Its control socket; by default the only host of this network namespace is asked
    #[arg(long, value_name = "PATH", conflicts_with = "device")]
    pub control: Option<PathBuf>,
    /// The host on this device of this network namespace
    #[arg(value_name = "DEVICE")]
    pub device: Option<String>,
    /// JSON instead of text
    #[arg(long)]
    pub json: bool,
}

/// A host: where it is, what it offers, whom it connects to.
#[derive(Debug, Args)]
pub struct HostArgs {
    /// TUN device: made if there is none, for as long as the host runs
    #[arg(long, value_name = "NAME", conflicts_with = "veth")]
    pub tun: Option<String>,
    /// Ethernet interface that exists, e.g. an end of a veth pair
    #[arg(long, value_name = "NAME")]
    pub veth: Option<String>,
    /// Address and prefix length, e.g. 192.0.2.2/24; repeatable
    #[arg(long, value_name = "ADDR/LEN")]
    pub address: Vec<InterfaceAddress>,
    /// Next hop to everywhere else, one of each family; on Ethernet only
    #[arg(long, value_name = "ADDR")]
    pub gateway: Vec<IpAddr>,
    /// Octets of the largest datagram; by default the device's
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(68..))]
    pub mtu: Option<u16>,
    /// Configuration by name: rfc9293, rfc793, linux
    #[arg(long, default_value = "rfc9293", value_name = "PROFILE")]
    pub profile: String,
    /// A tunable by Linux's name, e.g. net.ipv4.tcp_synack_retries=2; repeatable
    #[arg(long, value_name = "NAME=VALUE")]
    pub sysctl: Vec<String>,
    /// Seed of everything random
    #[arg(long, default_value_t = SEED, value_name = "N")]
    pub seed: u64,
    /// Services: echo:7, discard:9, chargen:19, http:80=FOLDER
    #[arg(long, value_name = "SERVICE", value_delimiter = ',')]
    pub service: Vec<Service>,
    /// Connect; without services the host ends with this connection
    #[arg(long, value_name = "ADDR:PORT")]
    pub connect: Option<SocketAddr>,
    /// What to send there: a file, - for standard input, or a number of octets of a pattern; then the sending side is closed
    #[arg(long, value_name = "FILE|-|N", requires = "connect")]
    pub send: Option<String>,
    /// Where to put what comes back: a file or - for standard output; by default it is counted
    #[arg(long, value_name = "FILE|-", requires = "connect")]
    pub receive: Option<PathBuf>,
    /// Make the way between stack and device worse, e.g. loss=1%,dup=1%,reorder=1%,delay=5ms,seed=7; also corrupt=, jitter=, rate=10mbit, limit=
    #[arg(long, value_name = "WHAT")]
    pub impair: Option<Impairment>,
    /// Where `halfopen stack status` asks; by default a name in this network namespace
    #[arg(long, value_name = "PATH")]
    pub control: Option<PathBuf>,
    /// Also in the machine's own network namespace
    #[arg(long)]
    pub here: bool,
    /// Serve the socket calls of a harness at standard input
    #[arg(long, hide = true)]
    pub calls: bool,
}

/// A level on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LevelArg {
    /// MUST
    Must,
    /// MUST and SHOULD
    Should,
    /// All
    May,
}

impl From<LevelArg> for Level {
    fn from(level: LevelArg) -> Self {
        match level {
            LevelArg::Must => Self::Must,
            LevelArg::Should => Self::Should,
            LevelArg::May => Self::May,
        }
    }
}

/// An address family on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum FamilyArg {
    /// IPv4
    #[value(alias = "ipv4")]
    V4,
    /// IPv6
    #[value(alias = "ipv6")]
    V6,
    /// IPv6 sockets, IPv4 datagrams
    #[value(alias = "ipv4-mapped-ipv6")]
    Mapped,
}

impl From<FamilyArg> for Family {
    fn from(family: FamilyArg) -> Self {
        match family {
            FamilyArg::V4 => Self::V4,
            FamilyArg::V6 => Self::V6,
            FamilyArg::Mapped => Self::V4Mapped,
        }
    }
}

/// Whose laxness to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Compat {
    /// google/packetdrill
    Packetdrill,
}

/// How `list` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ListFormat {
    /// Scripts with level, number of tests and sentence
    Human,
    /// Ids of tests, one per line
    Ids,
    /// A JSON array of tests
    Json,
}

/// How `coverage` prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum CoverageFormat {
    /// Tables
    Human,
    /// Markdown
    Md,
    /// One JSON object
    Json,
}

fn parse_definition(text: &str) -> Result<String, String> {
    match text.split_once('=') {
        Some((symbol, _)) if !symbol.is_empty() => Ok(text.to_string()),
        _ => Err(format!("`{text}` is no SYMBOL=VALUE")),
    }
}

fn parse_word(text: &str) -> Result<String, String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    if !text.is_empty() && text.chars().all(plain) { Ok(text.to_string()) } else { Err(format!("`{text}` is no name")) }
}

fn parse_span(text: &str) -> Result<Duration, String> {
    let (number, unit) = text.split_at(text.trim_end_matches(['s', 'm', 'h']).len());
    let seconds = match unit {
        "" | "s" => 1,
        "m" => 60,
        "h" => 3600,
        _ => return Err(format!("`{text}` is no time such as 90s, 10m, 2h")),
    };
    match number.parse::<u64>() {
        Ok(number @ 1..=1_000_000) => Ok(Duration::from_secs(number * seconds)),
        Ok(_) | Err(_) => Err(format!("`{text}` is no time such as 90s, 10m, 2h")),
    }
}

fn parse_seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| format!("`{text}` is no number of seconds"))?;
    Duration::try_from_secs_f64(seconds).map_err(|fault| fault.to_string())
}
