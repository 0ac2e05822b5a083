//! What came of a test: verdict, mismatch, trace. Reports are made from these values and nothing else.

use crate::sut::Micros;
use halfopen_script::FileId;
use halfopen_script::ast::Span;
use serde::{Deserialize, Serialize};

/// The engine's verdict on one test, before expectations are applied.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Verdict {
    /// The SUT did what the script says.
    Pass,
    /// It did not.
    Fail,
    /// It did not, and the rule is a SHOULD.
    Nonstrict,
    /// The evidence does not carry a verdict: capture incomplete, controls failed, host too slow.
    Inconclusive,
    /// The SUT declared that it lacks what the script needs.
    Unsupported,
    /// Script or environment is at fault, not the SUT.
    Error,
}

/// Everything about one execution of one test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// Verdict.
    pub verdict: Verdict,
    /// First difference, for `Fail` and `Nonstrict`.
    pub mismatch: Option<Mismatch>,
    /// One line for `Inconclusive`, `Unsupported` and `Error`.
    pub reason: Option<String>,
    /// The exchange, in order.
    pub trace: Vec<Entry>,
    /// The SUT's own view of its connections at the first difference, in lines for people, when it tells.
    pub snapshot: Vec<String>,
    /// Time on the SUT's clock from start to end.
    pub elapsed: Micros,
    /// How late the harness was; nothing on a virtual clock.
    pub lateness: Lateness,
}

/// How late the harness was during a test, at worst. What the SUT does late is no part of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Lateness {
    /// Its own turns, segments and calls, begun after their scripted moments. The timers of the SUT ran meanwhile, so that any
    /// difference from then on may be its doing. How long a call takes is the SUT's affair.
    #[serde(rename = "turns_us")]
    pub turns: Micros,
    /// Datagrams seen after they had left the SUT.
    #[serde(rename = "sight_us")]
    pub sight: Micros,
    /// The machine: for so long its processor did nothing, although something was due. The host of a virtual machine does that, and the SUT's timers
    /// expire late then. Of the last second.
    #[serde(rename = "machine_us", default)]
    pub machine: Micros,
    /// The same of any processor, as far as a tick of the kernel fell into it: timers expire with ticks, and one processor counts them for all.
    #[serde(rename = "ticks_us", default)]
    pub ticks: Micros,
}

/// The first place where SUT and script differ.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Mismatch {
    /// What sort of difference.
    pub kind: MismatchKind,
    /// Where in the script; `None` for a segment after the last line.
    #[serde(skip)]
    pub span: Option<Span>,
    /// 1-based line of `span` in its file.
    pub line: Option<u32>,
    /// What the script asks for, in script notation, names resolved.
    pub expected: String,
    /// What the SUT did, in script notation.
    pub got: String,
    /// Every differing field, not only the first.
    pub fields: Vec<FieldDiff>,
    /// Last rule that the SUT cited before the difference, when it tells.
    pub cited: Option<&'static str>,
    /// Script line at which that rule was cited.
    pub cited_line: Option<u32>,
    /// The verdict may be the harness's own lateness: worth a retry alone.
    pub timing: bool,
    /// Why packetdrill would have let this pass, when it is our strictness alone that does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub packetdrill: Option<&'static str>,
}

/// Sorts of differences. The names appear in JSON and in expectation files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MismatchKind {
    /// A segment came and differs.
    Segment,
    /// A segment was due and none came.
    Missing,
    /// A segment came where none was expected, also after the last line.
    Unexpected,
    /// It came at the wrong time.
    Time,
    /// A system call returned something else.
    Call,
    /// A call that should return blocked, or the other way round.
    Blocking,
    /// Octets of payload differ, on the wire or as read.
    Payload,
    /// A checksum does not verify.
    Checksum,
    /// An assertion of a `%{ }%` block is false.
    Assertion,
    /// The SUT crashed or hung.
    Broken,
}

/// One differing field.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldDiff {
    /// `flags`, `seq`, `ack`, `win`, `len`, `options`, `time`, `result`, `errno`, ...
    pub field: String,
    /// As the script has it.
    pub expected: String,
    /// As the SUT had it.
    pub got: String,
}

/// One line of the exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// When, on the SUT's clock; 0 is when the script's first line could begin.
    pub at: Micros,
    /// Script line (1-based) it belongs to, when it belongs to one.
    pub line: Option<u32>,
    /// The file of that line: the script's own, or a fixture's.
    pub file: Option<FileId>,
    /// Who did it.
    pub lane: Lane,
    /// Script notation.
    pub text: String,
    /// The datagram, for packets.
    pub octets: Vec<u8>,
    /// Rules the SUT cited while handling it.
    pub cited: Vec<&'static str>,
    /// How it stands to the script.
    pub mark: Mark,
}

/// Which side of the ladder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lane {
    /// The harness, playing the peer.
    Peer,
    /// The SUT.
    Stack,
    /// The application on the SUT: system calls and their results.
    Call,
    /// The harness itself: commands, assertions, controls.
    Note,
}

/// How an entry stands to the script.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Mark {
    /// As scripted.
    #[default]
    Ok,
    /// What the script asked for and did not get.
    Expected,
    /// What came instead.
    Got,
}
