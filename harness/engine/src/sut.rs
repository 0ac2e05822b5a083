//! The seam between the engine and whoever is tested: octets in, octets out, system calls, a clock.

use crate::call::{Reply, SysCall};
use halfopen_script::test::{Family, Test};
use std::net::IpAddr;

/// Microseconds on the SUT's clock since [`Sut::start`].
pub type Micros = i64;

/// Whose clock it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ClockKind {
    /// Advancing costs nothing and nothing happens between two events.
    Virtual,
    /// Wall-clock time; lateness is possible.
    Real,
}

/// What a SUT says about itself before any test runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description {
    /// `reference`, `linux`, ...
    pub name: String,
    /// `sim`, `tun`, ...
    pub runner: String,
    /// Version for reports, e.g. the kernel release.
    pub version: String,
    /// Clock kind.
    pub clock: ClockKind,
    /// Named parameters that scripts may use as `$name` in times, in microseconds, e.g. `time_wait` (the 2MSL of this SUT).
    pub params: Vec<(String, i64)>,
}

/// What a test needs before its first event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setup {
    /// Address family.
    pub family: Family,
    /// The SUT's own address and prefix length.
    pub local: (IpAddr, u8),
    /// The address that the harness plays, on the far side of the SUT's only interface, and its prefix length.
    pub remote: (IpAddr, u8),
    /// The SUT's next hop towards the remote prefix.
    pub gateway: IpAddr,
    /// Octets of the largest IP datagram.
    pub mtu: u32,
    /// Segmentation offload between stack and harness: the stack may hand down segments longer than the MTU allows, with checksums
    /// left to the device, as packetdrill has it. Only a SUT that has such a device knows a difference.
    pub offload: bool,
    /// Injected segments with more text than this many octets count as a train of segments of this size (`--mss`).
    pub train: Option<u16>,
    /// Seed of everything random in an in-process SUT.
    pub seed: u64,
    /// Configuration by name that the test asks about, whatever the SUT was opened with: `Err(Unsupported)` from [`Sut::start`] when
    /// it has none of this name.
    pub profile: Option<String>,
}

/// What came next from the SUT.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happening {
    /// A datagram left the SUT at this time (kernel timestamp where there is one).
    Datagram {
        /// When.
        at: Micros,
        /// IPv4 or IPv6 datagram, no link header.
        octets: Vec<u8>,
    },
    /// The pending blocking call returned.
    Returned {
        /// When.
        at: Micros,
        /// What it returned.
        reply: Reply,
    },
    /// The deadline passed and neither happened. The clock is now at the deadline or later.
    Deadline,
}

/// How complete the evidence of a test is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Evidence {
    /// Datagrams captured.
    pub captured: u64,
    /// Datagrams known to be lost between SUT and harness; more than 0 makes silence worthless.
    pub dropped: u64,
    /// The longest time of late in which the machine itself did nothing, so that the SUT's timers were late: microseconds, 0 on a virtual clock.
    pub absent: Micros,
    /// The longest of these times, on any processor, that a tick of the SUT's kernel fell into; microseconds.
    pub tickless: Micros,
}

/// Why the SUT could not do what was asked of it. Never the SUT's verdict.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, serde::Serialize, serde::Deserialize)]
pub enum SutError {
    /// This SUT does not have it and says so: the verdict is `unsupported`.
    #[error("{0}")]
    Unsupported(String),
    /// The environment refused (no namespace, no device, no permission): the verdict is `error`.
    #[error("{0}")]
    Environment(String),
    /// The SUT died or stopped answering: the verdict is `fail`.
    #[error("{0}")]
    Broken(String),
}

/// What a SUT says of a capability that a script needs (`//: needs NAME`, `//: needs NAME>=N`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Capability {
    /// Nothing: the script runs, and its exchange shows.
    Untold,
    /// It does not have it. A script that needs it is `unsupported`.
    Lacked,
    /// It has it, in this version or number, the most significant part first (`6.18`: 6, 18). A script that needs more is `unsupported`.
    Version(Vec<u32>),
}

/// One system under test. The engine calls it from one thread; a value serves many tests, one after the other.
pub trait Sut {
    /// Who this is.
    fn describe(&self) -> &Description;

    /// The order and the padding of its TCP options are its own affair, of which no RFC says anything: they are compared without. Scripts
    /// are written in the layout of Linux.
    fn has_own_option_layout(&self) -> bool {
        false
    }

    /// What it says of a capability by its name (`sack`, `ecn`, ... in docs/script-language.md). A stack that lacks one should say so: it
    /// is never inferred from a failure.
    fn capability(&self, _name: &str) -> Capability {
        Capability::Untold
    }

    /// Says which test comes next, before [`Sut::start`]: for logs and for fakes. A SUT that behaves by it cannot be tested.
    fn announce(&mut self, _test: &Test) {}

    /// Makes a fresh SUT (new namespace, new stack) with these addresses and sets its clock to 0.
    fn start(&mut self, setup: &Setup) -> Result<(), SutError>;

    /// Everything is prepared, and the script begins when this returns: a SUT whose timers tick may wait for the same place between
    /// two ticks each time, so that equal tests have equal times.
    fn align(&mut self) -> Result<(), SutError> {
        Ok(())
    }

    /// Time since [`Sut::start`].
    fn now(&mut self) -> Micros;

    /// Gives the SUT a datagram now. The time it took effect is returned.
    fn inject(&mut self, datagram: &[u8]) -> Result<Micros, SutError>;

    /// Waits for the next happening, at most until `deadline`. Never spins; on a virtual clock it jumps.
    fn next(&mut self, deadline: Micros) -> Result<Happening, SutError>;

    /// Makes a system call. [`Reply::Pending`] when it blocks: then it stays the one pending call, whose end
    /// [`Sut::next`] reports, and no other call may be made before that.
    fn call(&mut self, call: &SysCall) -> Result<Reply, SutError>;

    /// Runs a backtick command inside the SUT's environment. `Err(Unsupported)` when it means nothing to this SUT.
    fn command(&mut self, line: &str) -> Result<(), SutError>;

    /// `tcpi_*` values of a socket, by Linux's names, for `%{ }%` blocks.
    fn tcp_info(&mut self, fd: i32) -> Result<Vec<(String, i64)>, SutError>;

    /// Ids of the rules that the SUT applied since the last call, in order; empty for a SUT that does not tell.
    fn citations(&mut self) -> Vec<&'static str> {
        Vec::new()
    }

    /// The SUT's own view of its connections, in lines for people, to show beside a failure. Never judged; empty for a SUT
    /// that does not tell.
    fn snapshot(&mut self) -> Vec<String> {
        Vec::new()
    }

    /// Ends the test: closes every socket, drops the namespace, cancels a pending call.
    fn finish(&mut self) -> Result<Evidence, SutError>;
}
