//! A finding as a script that replays on any SUT: the exchange up to the step that violated the rule, and then what the rule asks for.
//!
//! Numbers are those of the script language: relative to the initial sequence number of their side, absolute in SYNs. What the notation
//! has no words for (a truncated header, a forged ICMP message) is left out with a comment that says so.

mod recorder;
mod told;

pub use recorder::{Entry, Recorder};
pub use told::{Due, Owed, told};

use crate::datagram::{self, ACK, Content, RST, SYN, Seg};
use crate::machine::{self, CLOSED, LISTENING, Machine};
use crate::oracles::{ORACLES, Violation};
use crate::program::{Damage, Icmp, Program, Setup};
use std::fmt::Write;

/// One connection's numbers as the script has them.
#[derive(Debug, Clone, Copy, Default)]
struct Numbers {
    /// The peer's first ISN, which the script calls 0.
    base: Option<u32>,
    /// The peer's ISN, and the host's.
    peer: Option<u32>,
    host: Option<u32>,
    /// The peer's SYN was acknowledged: another one does not change its ISN until the host answers it with a new ISN.
    acknowledged: bool,
    pending: Option<u32>,
}

/// The text of a script, being written.
struct Writer {
    text: String,
    before: Option<u64>,
    numbers: [Numbers; 4],
    /// TSvals of the host.
    stamps: Vec<u32>,
    /// The connection whose lines have no ports.
    main: u16,
}

/// Runs a program and writes what happened: the whole exchange, or up to the violation, whose step ends with what is due instead.
#[must_use]
pub fn script(program: &Program) -> (String, Vec<Entry>, Option<Violation>) {
    let mut recorder = Recorder::default();
    let violation = machine::run(program, &mut recorder).violation;
    let entries = recorder.entries;
    let shown = if violation.is_some() { (recorder.last + 1).min(entries.len()) } else { entries.len() };
    let mut writer = Writer::new(header(&program.setup, violation.as_ref()), &entries[..shown]);
    for entry in &entries[..shown] {
        writer.entry(entry);
    }
    if let Some(violation) = &violation {
        writer.due(violation, &entries[shown..]);
    }
    (writer.text, entries, violation)
}

/// What a program that violates nothing any more has come to, behind the lines that say what it violated once: its events, and the end of its
/// run where that is short. The host has these parameters beside those of its profile.
///
/// # Panics
/// When the stack lacks a parameter.
#[must_use]
pub fn kept(head: &str, program: &Program, parameters: &[(&str, &str)]) -> String {
    let mut recorder = Recorder::default();
    let mut config = machine::config(&program.setup);
    let mut head = format!("{head}{}", conditions(&program.setup));
    for (name, value) in parameters {
        config.set(name, value).unwrap_or_else(|error| panic!("{name}={value}: {error:?}"));
        let _ = writeln!(head, "`sysctl -q {name}={value}`\n");
    }
    Machine::default().run_as(config, program, &mut recorder);
    let Recorder { entries, over, .. } = recorder;
    let (events, end) = entries.split_at(over);
    let is_short = match (events.last().or(end.first()), end.last()) {
        (Some(first), Some(last)) => end.len() <= MOST_LINES && last.at() - first.at() <= MOST_MICROS,
        (Some(_), None) | (None, _) => false,
    };
    exchange(&head, if is_short { &entries } else { events })
}

/// Timers below this, and how late they may be: two ticks of a kernel with 100 in a second. Microseconds.
const FINE: u64 = 40_000;
const TICK: u64 = 20_000;

fn seconds(micros: u64) -> String {
    format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000)
}

/// Lines of a script for what follows the last event, and how long that may take, in microseconds.
const MOST_LINES: usize = 40;
const MOST_MICROS: u64 = 5_000_000;

/// An exchange that was recorded, as a script that begins with these lines.
#[must_use]
pub fn exchange(head: &str, entries: &[Entry]) -> String {
    let mut writer = Writer::new(head.to_owned(), entries);
    for entry in entries {
        writer.entry(entry);
    }
    writer.text
}

/// Of no connection: all lines have ports.
const NO_PORT: u16 = 0;

/// The port of the connection under test: that of the first ICMP error, which has no words for another, or the first that opens.
fn main_port(entries: &[Entry]) -> u16 {
    // After another `listen` a line without ports would be of another connection.
    let binds = |entry: &&Entry| matches!(entry, Entry::Call(_, words) if words.starts_with("bind("));
    if entries.iter().filter(binds).count() > 1 {
        return NO_PORT;
    }
    let quoted = |entry: &Entry| if let Entry::Icmp(_, octets, _) = entry { quoted(octets) } else { None };
    if let Some((port, _)) = entries.iter().find_map(quoted) {
        return port;
    }
    let opens = |entry: &Entry| match entry {
        Entry::In(_, octets, damage) if !damage.is_fatal() => {
            segment(octets).filter(|seg| seg.has(SYN)).map(|seg| seg.src_port)
        }
        Entry::Out(_, octets) => segment(octets).filter(|seg| seg.has(SYN)).map(|seg| seg.dst_port),
        Entry::In(..) | Entry::Icmp(..) | Entry::Call(..) | Entry::Lost(..) => None,
    };
    entries.iter().find_map(opens).unwrap_or(40_000)
}

/// The peer's port and SEG.SEQ of what an ICMP error quotes.
fn quoted(octets: &[u8]) -> Option<(u16, u32)> {
    let ip = if octets.first()? >> 4 == 4 { 20 } else { 40 };
    let tcp = octets.get(ip + 8 + ip..)?;
    let (port, seq) = (tcp.get(2..4)?, tcp.get(4..8)?);
    Some((u16::from_be_bytes([port[0], port[1]]), u32::from_be_bytes([seq[0], seq[1], seq[2], seq[3]])))
}

fn segment(octets: &[u8]) -> Option<Seg<'_>> {
    if let Content::Segment(seg) = datagram::read_as(octets, false) { Some(seg) } else { None }
}

fn header(setup: &Setup, violation: Option<&Violation>) -> String {
    let mut text = String::new();
    if let Some(violation) = violation {
        let name = ORACLES.iter().find(|oracle| oracle.number == violation.oracle).map_or("", |oracle| oracle.name);
        let _ = writeln!(text, "//= {} MUST", violation.rule());
        let _ = writeln!(
            text,
            "// O{}: {name}. In {} at {}: {}.",
            violation.oracle, violation.state, violation.event, violation.text
        );
    }
    text + &conditions(setup)
}

/// Under which conditions a script holds.
fn conditions(setup: &Setup) -> String {
    let profile = setup.profile.name();
    format!("//: profile {profile}\n//: family {}\n\n", if setup.v6 { "v6" } else { "v4" })
}

impl Numbers {
    /// A segment passes; `whole`: its checksum is right.
    fn learn(&mut self, seg: &Seg<'_>, inbound: bool, whole: bool) {
        if inbound && seg.has(SYN) && whole {
            self.base.get_or_insert(seg.seq);
            if self.acknowledged {
                self.pending = Some(seg.seq);
            } else {
                self.peer = Some(seg.seq);
            }
        }
        if !inbound && seg.has(SYN) {
            if self.host != Some(seg.seq) {
                self.peer = self.pending.take().or(self.peer);
                self.acknowledged = false;
            }
            self.host = Some(seg.seq);
        }
        if !inbound && seg.has(ACK) && self.peer.is_some_and(|peer| seg.ack == peer.wrapping_add(1)) {
            self.acknowledged = true;
        }
    }
}

impl Writer {
    /// One that begins with `text` and is for these entries.
    fn new(text: String, entries: &[Entry]) -> Self {
        let numbers = [Numbers::default(); 4];
        Self { text, before: None, numbers, stamps: Vec::new(), main: main_port(entries) }
    }

    fn line(&mut self, at: u64, what: &str) {
        let since = at.saturating_sub(self.before.unwrap_or(at));
        self.before = Some(at);
        let time = if since == 0 { "+0".to_owned() } else { format!("+{}", seconds(since)) };
        let _ = writeln!(self.text, "{time} {what}");
    }

    fn entry(&mut self, entry: &Entry) {
        match entry {
            Entry::Call(at, words) => self.line(*at, words),
            Entry::Lost(_, what) => {
                let _ = writeln!(self.text, "// Left out: {what}.");
            }
            Entry::In(_, _, damage @ (Damage::Truncated | Damage::Trailer)) => {
                let _ = writeln!(self.text, "// Left out: a datagram with {damage:?}.");
            }
            Entry::In(at, octets, damage) => self.into_host(*at, octets, *damage),
            Entry::Icmp(at, octets, error) => self.icmp(*at, octets, *error),
            Entry::Out(at, octets) => {
                if let Some(seg) = segment(octets) {
                    let words = self.packet(&seg, octets, false, "");
                    let since = at.saturating_sub(self.before.unwrap_or(*at));
                    let what = format!("> {words}");
                    if (1..FINE).contains(&since) {
                        // A timer this fine is as late as the host's ticks are long.
                        self.before = Some(*at);
                        let _ = writeln!(self.text, "+{}~+{} {what}", seconds(since), seconds(since + TICK));
                    } else {
                        self.line(*at, &what);
                    }
                }
            }
        }
    }

    #[expect(clippy::wrong_self_convention, reason = "the way of a datagram")]
    fn into_host(&mut self, at: u64, octets: &[u8], damage: Damage) {
        let word = match damage {
            Damage::None | Damage::Truncated | Damage::Trailer => "",
            Damage::Checksum => "badsum",
            Damage::ShortOffset => "doff 4",
            Damage::LongOffset => "doff 15",
            Damage::Reserved => "reserved 7",
            Damage::Source(which) => {
                ["src unspecified", "src broadcast", "src multicast", "src own"][usize::from(which % 4)]
            }
            Damage::Destination(which) => ["dst broadcast", "dst multicast", "dst multicast"][usize::from(which % 3)],
        };
        let mended = mended(octets);
        let Some(seg) = segment(&mended) else {
            let _ = writeln!(self.text, "// Left out: a datagram with {damage:?}.");
            return;
        };
        let words = self.packet(&seg, &mended, true, word);
        self.line(at, &format!("< {words}"));
    }

    fn icmp(&mut self, at: u64, octets: &[u8], error: Icmp) {
        let words = match error {
            Icmp::Network => "unreachable net_unreachable".to_owned(),
            Icmp::Host => "unreachable host_unreachable".to_owned(),
            Icmp::Port => "unreachable port_unreachable".to_owned(),
            Icmp::Protocol => "unreachable protocol_unreachable".to_owned(),
            Icmp::TooBig(mtu) => format!("unreachable frag_needed mtu {mtu}"),
            Icmp::Time | Icmp::Quench | Icmp::Parameter => {
                let _ = writeln!(self.text, "// Left out: an ICMP error of kind {error:?}.");
                return;
            }
        };
        let Some((port, seq)) = quoted(octets) else { return };
        if port != self.main {
            let _ = writeln!(self.text, "// Left out: an ICMP error about another connection.");
            return;
        }
        let host = line_of(port).and_then(|index| self.numbers[index].host);
        let relative = seq.wrapping_sub(host.unwrap_or(0));
        self.line(at, &format!("< icmp {words} [{relative}:{relative}(0)]"));
    }

    /// A segment in the script's numbers; `inbound` from the peer.
    fn packet(&mut self, seg: &Seg<'_>, octets: &[u8], inbound: bool, word: &str) -> String {
        let port = if inbound { seg.src_port } else { seg.dst_port };
        let index = line_of(port).unwrap_or(0);
        let numbers = &mut self.numbers[index];
        numbers.learn(seg, inbound, !word.contains("sum"));
        let numbers = *numbers;
        let (own, other) = if inbound { (numbers.peer, numbers.host) } else { (numbers.host, numbers.peer) };
        let base = numbers.base.unwrap_or(0);
        let syn = seg.has(SYN);
        // In a SYN the peer's numbers are absolute: its first ISN is 0.
        let seq = match (syn, inbound) {
            (true, true) => seg.seq.wrapping_sub(base),
            (true, false) => 0,
            // The answer to a segment without ACK (RFC 9293 3.10.7.1).
            (false, false) if seg.has(RST) && seg.has(ACK) && seg.seq == 0 => 0,
            (false, _) => seg.seq.wrapping_sub(own.unwrap_or(0)),
        };
        let ack = match (syn, inbound) {
            (true, false) => seg.ack.wrapping_sub(base),
            (true, true) | (false, _) => seg.ack.wrapping_sub(other.unwrap_or(0)),
        };
        let length = seg.payload.len();
        let ecn = ["", "ect1", "ect0", "ce"][usize::from(seg.ecn)];
        let mut text = match (word, ecn) {
            ("", "") => String::new(),
            ("", one) | (one, "") => format!("[{one}] "),
            (one, other) => format!("[{one}, {other}] "),
        };
        if port != self.main || inbound && seg.dst_port == CLOSED {
            // Whom the host connects to listens at one port; the host's own tells connections apart.
            let name = |port| if matches!(port, 50_002 | 50_003) { LISTENING } else { port };
            let _ = write!(text, "{} > {} ", name(seg.src_port), name(seg.dst_port));
        }
        let letters = letters(seg.flags);
        let _ = write!(text, "{letters} {seq}:{}({length})", seq.wrapping_add(length as u32));
        if seg.has(ACK) {
            let _ = write!(text, " ack {ack}");
        }
        if inbound {
            let _ = write!(text, " win {}", seg.window);
        }
        if seg.has(datagram::URG) && inbound {
            let _ = write!(text, " urg {}", seg.urgent);
        }
        let edge = |number: u32| number.wrapping_sub(own_space(numbers, inbound).unwrap_or(0));
        if let Some((val, _)) = seg.options.stamps.filter(|_| !inbound) {
            self.stamps.push(val);
        }
        let earned = |ecr| !inbound || ecr == 0 || self.stamps.contains(&ecr);
        let options = options(datagram::raw_options(octets), &edge, &earned);
        // The harness's link has room for the same text in both families: 20 octets more of segment in IPv6.
        let options = match (syn && !inbound && seg.v6, seg.options.mss) {
            (true, Some(mss)) => options.replacen(&format!("mss {mss}"), &format!("mss {}", mss.saturating_add(20)), 1),
            (true, None) | (false, _) => options,
        };
        if !options.is_empty() {
            let _ = write!(text, " <{options}>");
        }
        text
    }

    /// What has to come instead of what came.
    fn due(&mut self, violation: &Violation, came: &[Entry]) {
        let at = came.iter().find_map(|entry| match entry {
            Entry::Out(at, _) => Some(*at),
            Entry::In(..) | Entry::Icmp(..) | Entry::Call(..) | Entry::Lost(..) => None,
        });
        let at = at.or(self.before).unwrap_or(0);
        match violation.due {
            Some((flags, seq, ack)) => {
                let numbers = self.numbers[line_of(self.main).unwrap_or(0)];
                let seq = seq.wrapping_sub(numbers.host.unwrap_or(0));
                let mut text = format!("> {} {seq}:{seq}(0)", letters(flags));
                if flags & ACK != 0 {
                    let _ = write!(text, " ack {}", ack.wrapping_sub(numbers.peer.unwrap_or(0)));
                }
                self.line(at, &format!("{text} <...>"));
            }
            None => {
                for entry in came {
                    if let Entry::Out(_, octets) = entry
                        && let Some(seg) = segment(octets)
                    {
                        let words = self.packet(&seg, octets, false, "");
                        let _ = writeln!(self.text, "// Came instead: > {words}");
                    }
                }
                self.silence(at);
            }
        }
    }
}

const fn own_space(numbers: Numbers, inbound: bool) -> Option<u32> {
    // SACK edges are numbers of the other side's text.
    if inbound { numbers.host } else { numbers.peer }
}

fn line_of(port: u16) -> Option<usize> {
    match port {
        40_000..=40_003 => Some(usize::from(port - 40_000)),
        50_002 | 50_003 => Some(usize::from(port - 50_000)),
        LISTENING => None,
        _ => None,
    }
}

fn letters(flags: u8) -> String {
    let all = [(0x02, 'S'), (0x01, 'F'), (0x04, 'R'), (0x08, 'P'), (0x20, 'U'), (0x40, 'E'), (0x80, 'W'), (0x10, '.')];
    let letters: String = all.iter().filter(|(flag, _)| flags & flag != 0).map(|(_, letter)| *letter).collect();
    if letters.is_empty() { "-".to_owned() } else { letters }
}

/// A damaged datagram of the peer with its addresses, data offset and checksum as they would be right.
fn mended(octets: &[u8]) -> Vec<u8> {
    datagram::mended(octets)
}

/// `edge`: a SACK edge in the script's numbers. `earned`: whether an echo is one that the other side can map.
fn options(list: &[u8], edge: &dyn Fn(u32) -> u32, earned: &dyn Fn(u32) -> bool) -> String {
    let word = |data: &[u8], at: usize| u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
    let mut words = Vec::new();
    let mut rest = list;
    while let [kind, behind @ ..] = rest {
        if *kind == 1 {
            words.push("nop".to_owned());
            rest = behind;
            continue;
        }
        let length = behind.first().map_or(0, |length| usize::from(*length));
        if *kind == 0 || length < 2 || length > rest.len() {
            let hex: String = rest.iter().map(|octet| format!("{octet:02x}")).collect();
            words.push(if rest.iter().all(|octet| *octet == 0) && rest.len() == 1 {
                "eol".to_owned()
            } else {
                format!("octets {hex}")
            });
            break;
        }
        let data = &rest[2..length];
        words.push(match (kind, data.len()) {
            (2, 2) => format!("mss {}", u16::from_be_bytes([data[0], data[1]])),
            (3, 1) => format!("wscale {}", data[0]),
            (4, 0) => "sackOK".to_owned(),
            (8, 8) => {
                let (val, ecr) = (word(data, 0), word(data, 4));
                format!("TS val {val} ecr {ecr}{}", if earned(ecr) { "" } else { "!" })
            }
            (5, 8 | 16 | 24 | 32) => {
                let blocks: Vec<String> =
                    data.chunks(8).map(|block| format!("{}:{}", edge(word(block, 0)), edge(word(block, 4)))).collect();
                format!("sack {}", blocks.join(" "))
            }
            (19, 16) => "md5 valid".to_owned(),
            _ => {
                let hex: String = data.iter().map(|octet| format!("{octet:02x}")).collect();
                format!("raw {kind} {hex}").trim_end().to_owned()
            }
        });
        rest = &rest[length..];
    }
    words.join(",")
}
