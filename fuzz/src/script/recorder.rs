//! What happened in a run, kept for a script.

use crate::datagram;
use crate::machine::{Made, Watch};
use crate::program::{Damage, Event, Icmp};
use halfopen_stack::Errno;

/// What a recorder keeps of a run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A datagram of the peer, and what is wrong with it.
    In(u64, Vec<u8>, Damage),
    /// An ICMP error about the segment before.
    Icmp(u64, Vec<u8>, Icmp),
    /// A datagram of the host.
    Out(u64, Vec<u8>),
    /// A call, as the script has it.
    Call(u64, String),
    /// Something that the notation has no words for.
    Lost(u64, &'static str),
}

impl Entry {
    /// When, in microseconds.
    pub(super) const fn at(&self) -> u64 {
        match self {
            Self::In(at, ..) | Self::Icmp(at, ..) | Self::Out(at, _) | Self::Call(at, _) | Self::Lost(at, _) => *at,
        }
    }
}

/// Records a run.
#[derive(Debug, Default)]
pub struct Recorder {
    /// What happened, in order.
    pub entries: Vec<Entry>,
    /// Where the last stimulus stands.
    pub last: usize,
    /// Where the events are over and the end of the run begins.
    pub over: usize,
    damage: Damage,
    icmp: Option<(Icmp, bool)>,
    listening: Option<i32>,
}

impl Watch for Recorder {
    fn event(&mut self, event: &Event) {
        self.damage = if let Event::Segment { segment, .. } = event { segment.damage } else { Damage::None };
        self.icmp = if let Event::Icmp { error, forged, .. } = event { Some((*error, *forged)) } else { None };
    }

    fn over(&mut self) {
        self.over = self.entries.len();
        // What the end of a run sends, it sends well.
        (self.damage, self.icmp) = (Damage::None, None);
    }

    fn datagram_in(&mut self, at: u64, octets: &[u8]) {
        self.last = self.entries.len();
        self.entries.push(match self.icmp {
            Some((_, true)) => Entry::Lost(at, "an ICMP error about a number that was not sent"),
            Some((error, false)) => Entry::Icmp(at, octets.to_vec(), error),
            None => Entry::In(
                at,
                octets.to_vec(),
                if datagram::damage_of(octets).is_fatal() { self.damage } else { Damage::None },
            ),
        });
    }

    fn datagram_out(&mut self, at: u64, octets: &[u8]) {
        self.entries.push(Entry::Out(at, octets.to_vec()));
    }

    fn call(&mut self, at: u64, call: &Made<'_>) {
        self.last = self.entries.len();
        let mut lines = words(call);
        if let Made::Listen { fd, .. } = call
            && self.listening.replace(*fd) == Some(*fd)
        {
            // It listens already: the backlog is new.
            lines.drain(..2);
        }
        if let Made::Close { fd } = call
            && self.listening == Some(*fd)
        {
            self.listening = None;
        }
        self.entries.extend(lines.into_iter().map(|words| Entry::Call(at, words)));
    }
}

fn outcome<T: std::fmt::Display>(result: Result<T, i32>) -> String {
    match result {
        Ok(value) => value.to_string(),
        Err(number) => match Errno::from_number(number) {
            Some(errno) => format!("-1 {} ({})", errno.name(), errno.text()),
            None => "-1".to_owned(),
        },
    }
}

fn flags(words: &[(bool, &'static str)]) -> String {
    let set: Vec<&str> = words.iter().filter(|(is, _)| *is).map(|(_, word)| *word).collect();
    if set.is_empty() { "0".to_owned() } else { set.join("|") }
}

/// A call in the script's words: one line, or several.
fn words(call: &Made<'_>) -> Vec<String> {
    let non_blocking = |fd| format!("fcntl({fd}, F_SETFL, O_RDWR|O_NONBLOCK) = 0");
    match *call {
        Made::Socket { fd } => vec![format!("socket(..., SOCK_STREAM, IPPROTO_TCP) = {fd}"), non_blocking(fd)],
        Made::Listen { fd, backlog } => vec![
            format!("setsockopt({fd}, SOL_SOCKET, SO_REUSEADDR, [1], 4) = 0"),
            format!("bind({fd}, ..., ...) = 0"),
            format!("listen({fd}, {backlog}) = 0"),
        ],
        Made::Accept { fd, result: Ok(accepted) } => {
            vec![format!("accept({fd}, ..., ...) = {accepted}"), non_blocking(accepted)]
        }
        Made::Accept { fd, result } => vec![format!("accept({fd}, ..., ...) = {}", outcome(result))],
        Made::Connect { fd, result, .. } => {
            vec![format!("connect({fd}, ..., ...) = {}", outcome(result.map(|()| 0)))]
        }
        Made::Send { fd, octets, more, urgent, result } => {
            let flags = flags(&[(more, "MSG_MORE"), (urgent, "MSG_OOB"), (true, "MSG_NOSIGNAL")]);
            vec![format!("send({fd}, ..., {octets}, {flags}) = {}", outcome(result))]
        }
        Made::Receive { fd, octets, peek, result, .. } => {
            vec![format!("recv({fd}, ..., {octets}, {}) = {}", flags(&[(peek, "MSG_PEEK")]), outcome(result))]
        }
        Made::Shutdown { fd, how, result } => vec![format!("shutdown({fd}, {how}) = {}", outcome(result.map(|()| 0)))],
        Made::Close { fd } => vec![format!("close({fd}) = 0")],
        Made::Option { fd, name: "SO_LINGER", .. } => {
            vec![format!("setsockopt({fd}, SOL_SOCKET, SO_LINGER, {{onoff=1, linger=0}}, 8) = 0")]
        }
        Made::Option { fd, name, value, result } => {
            let level = if name.starts_with("SO_") {
                "SOL_SOCKET"
            } else if name.starts_with("IP_") {
                "SOL_IP"
            } else {
                "SOL_TCP"
            };
            vec![format!("setsockopt({fd}, {level}, {name}, [{value}], 4) = {}", outcome(result.map(|()| 0)))]
        }
    }
}
