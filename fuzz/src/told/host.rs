//! A stack whose dealings can be kept: what comes, what goes, what is called.

use super::diary::{Diary, Elsewhere};
use crate::machine::Made;
use crate::program::Profile;
use crate::script::{Due, Owed};
use halfopen_stack::{
    Config, Domain, Errno, Instant, OptionName, RecvFlags, SendFlags, Shutdown, SocketOption, Stack, State,
};
use std::cell::{Cell, RefCell};
use std::fmt::Write;
use std::net::{IpAddr, SocketAddr};
use std::ops::Deref;
use std::rc::Rc;

/// Where a run is kept.
pub type Kept = Rc<RefCell<Diary>>;

/// How a host of a run is made.
#[derive(Debug, Clone, Default)]
pub struct Keeping<'a> {
    /// Where what happens to it is kept, if it is.
    pub diary: Option<Kept>,
    /// On which host it is played, if not on its own.
    pub elsewhere: Option<Elsewhere<'a>>,
    /// Counts the stimuli of all hosts of the run.
    pub turns: Rc<Cell<u64>>,
}

/// A stack. What only asks goes through to it.
#[derive(Debug)]
pub struct Host {
    stack: Stack,
    diary: Option<Kept>,
    turns: Rc<Cell<u64>>,
    /// With whom it talks; of several, whoever a datagram is for.
    local: Option<SocketAddr>,
}

impl Deref for Host {
    type Target = Stack;

    fn deref(&self) -> &Stack {
        &self.stack
    }
}

fn number<T>(result: Result<T, Errno>) -> Result<T, i32> {
    result.map_err(Errno::number)
}

impl Host {
    /// A stack that began with this profile.
    pub fn new(profile: Profile, config: Config, seed: u64, keeping: &Keeping<'_>) -> Self {
        let (profile, config) = match keeping.elsewhere {
            Some(elsewhere) => (elsewhere.profile, moved(profile, &config, elsewhere)),
            None => (profile, config),
        };
        if let Some(diary) = &keeping.diary {
            let more = keeping.elsewhere.map_or(&[][..], |elsewhere| elsewhere.parameters);
            diary.borrow_mut().conditions = conditions(profile, &config, more);
        }
        let (diary, turns) = (keeping.diary.clone(), keeping.turns.clone());
        Self { stack: Stack::new(config, seed), diary, turns, local: None }
    }

    /// Gives it an address.
    pub fn add_address(&mut self, local: SocketAddr) {
        self.stack.add_address(local.ip());
        self.local = Some(local);
        if let Some(diary) = &self.diary {
            diary.borrow_mut().v6 = local.is_ipv6();
        }
    }

    /// What is kept, while it is.
    fn keep(&self, what: impl FnOnce(&mut Diary)) {
        if let Some(diary) = &self.diary {
            self.turns.set(self.turns.get() + 1);
            let mut diary = diary.borrow_mut();
            diary.turn = self.turns.get();
            what(&mut diary);
        }
    }

    /// The state of a descriptor's connection, where anybody asks.
    fn state(&self, fd: i32) -> &'static str {
        if self.diary.is_none() {
            return "";
        }
        self.stack.status(fd).map_or("CLOSED", |status| status.state.name())
    }

    /// The state of the connection with a remote socket.
    fn state_with(&self, remote: SocketAddr) -> &'static str {
        let found = self.stack.connections().find(|of| of.remote == remote && of.state != State::Closed);
        found.map_or("CLOSED", |of| of.state.name())
    }

    /// [`Stack::receive`], of this remote socket.
    pub fn receive(&mut self, now: Instant, octets: &[u8], from: SocketAddr) {
        if let Some(local) = self.local.filter(|_| self.diary.is_some()) {
            let state = self.state_with(from);
            self.keep(|diary| diary.arrives(now.0, octets, [from, local], state));
        }
        self.stack.receive(now, octets);
    }

    /// [`Stack::transmit_into`]
    pub fn transmit_into(&mut self, now: Instant, octets: &mut Vec<u8>) -> bool {
        let sent = self.stack.transmit_into(octets);
        if let (true, Some(diary)) = (sent, &self.diary)
            && let Some(to) = destination(octets)
        {
            diary.borrow_mut().leaves(now.0, octets, to);
        }
        sent
    }

    /// [`Stack::transmit`]
    pub fn transmit(&mut self, now: Instant) -> Option<Vec<u8>> {
        let mut octets = Vec::new();
        self.transmit_into(now, &mut octets).then_some(octets)
    }

    /// [`Stack::advance`]
    pub fn advance(&mut self, now: Instant) {
        if self.diary.is_some() && self.stack.poll_at().is_some_and(|at| at <= now) {
            let mut states = self.stack.connections().map(|of| of.state.name());
            let state = match (states.next(), states.next()) {
                (None, _) => "CLOSED",
                (Some(one), None) => one,
                (Some(_), Some(_)) => "several",
            };
            self.keep(|diary| diary.timer(state));
        }
        self.stack.advance(now);
    }

    /// [`Stack::socket`]
    pub fn socket(&mut self, now: Instant, domain: Domain) -> Result<i32, Errno> {
        let result = self.stack.socket(domain);
        if let Ok(fd) = result {
            self.keep(|diary| diary.call(now.0, &Made::Socket { fd }, "CLOSED"));
        }
        result
    }

    /// The lowest descriptor that is free, which no script tells of.
    pub fn lowest(&mut self, domain: Domain) -> i32 {
        self.stack.socket(domain).expect("a socket")
    }

    /// [`Stack::bind`]: a script binds where it listens.
    pub fn bind(&mut self, fd: i32, local: SocketAddr) -> Result<(), Errno> {
        self.stack.bind(fd, local)
    }

    /// [`Stack::listen`]
    pub fn listen(&mut self, now: Instant, fd: i32, backlog: i32) -> Result<(), Errno> {
        let result = self.stack.listen(fd, backlog);
        self.keep(|diary| diary.call(now.0, &Made::Listen { fd, backlog }, "CLOSED"));
        result
    }

    /// [`Stack::accept`]
    pub fn accept(&mut self, now: Instant, fd: i32) -> Result<(i32, SocketAddr), Errno> {
        let result = self.stack.accept(now, fd);
        let made = Made::Accept { fd, result: number(result).map(|(fd, _)| fd) };
        self.keep(|diary| diary.call(now.0, &made, "LISTEN"));
        result
    }

    /// [`Stack::connect`]
    pub fn connect(&mut self, now: Instant, fd: i32, remote: SocketAddr) -> Result<(), Errno> {
        let result = self.stack.connect(now, fd, remote);
        self.keep(|diary| {
            diary.connects();
            diary.call(now.0, &Made::Connect { fd, port: remote.port(), result: number(result) }, "CLOSED");
        });
        result
    }

    /// [`Stack::send_fast_open`]
    pub fn send_fast_open(&mut self, now: Instant, fd: i32, data: &[u8], remote: SocketAddr) -> Result<usize, Errno> {
        let result = self.stack.send_fast_open(now, fd, data, remote);
        self.keep(|diary| {
            diary.connects();
            let words = format!("sendto({fd}, ..., {}, MSG_FASTOPEN, ..., ...)", data.len());
            diary.words(now.0, format!("{words} = {}", result.map_or(-1, |taken| taken as i64)), "connect", "CLOSED");
        });
        result
    }

    /// [`Stack::send`]
    pub fn send(&mut self, now: Instant, fd: i32, data: &[u8], flags: SendFlags) -> Result<usize, Errno> {
        let state = self.state(fd);
        let result = self.stack.send(now, fd, data, flags);
        let SendFlags { more, oob: urgent, .. } = flags;
        let made = Made::Send { fd, octets: data.len(), more, urgent, result: number(result) };
        self.keep(|diary| diary.call(now.0, &made, state));
        result
    }

    /// [`Stack::recv`]
    pub fn recv(&mut self, now: Instant, fd: i32, to: &mut [u8], flags: RecvFlags) -> Result<usize, Errno> {
        let (state, octets) = (self.state(fd), to.len());
        let result = self.stack.recv(now, fd, to, flags);
        let made = Made::Receive { fd, octets, peek: flags.peek, result: number(result), read: &[] };
        self.keep(|diary| diary.call(now.0, &made, state));
        result
    }

    /// [`Stack::shutdown`]
    pub fn shutdown(&mut self, now: Instant, fd: i32, how: Shutdown) -> Result<(), Errno> {
        let state = self.state(fd);
        let result = self.stack.shutdown(now, fd, how);
        let how = match how {
            Shutdown::Read => "SHUT_RD",
            Shutdown::Write => "SHUT_WR",
            Shutdown::Both => "SHUT_RDWR",
        };
        self.keep(|diary| diary.call(now.0, &Made::Shutdown { fd, how, result: number(result) }, state));
        result
    }

    /// [`Stack::close`]
    pub fn close(&mut self, now: Instant, fd: i32) -> Result<(), Errno> {
        let state = self.state(fd);
        let result = self.stack.close(now, fd);
        self.keep(|diary| diary.call(now.0, &Made::Close { fd }, state));
        result
    }

    /// [`Stack::set_option`]
    pub fn set_option(&mut self, now: Instant, fd: i32, option: SocketOption) -> Result<(), Errno> {
        let state = self.state(fd);
        let (name, value) = words(&option);
        let result = self.stack.set_option(now, fd, option);
        if let Some(name) = name {
            let made = Made::Option { fd, name, value, result: number(result) };
            self.keep(|diary| diary.call(now.0, &made, state));
        }
        result
    }

    /// `getsockopt` of `SO_ERROR`: the number of the error, which is told once.
    pub fn error(&mut self, now: Instant, fd: i32) -> i64 {
        let state = self.state(fd);
        let error = self.stack.option(fd, OptionName::Error).unwrap_or(0);
        if error != 0 {
            let words = format!("getsockopt({fd}, SOL_SOCKET, SO_ERROR, [{error}], [4]) = 0");
            self.keep(|diary| diary.words(now.0, words, "error", state));
        }
        error
    }

    /// [`Stack::set_md5_key`]
    pub fn set_md5_key(&mut self, now: Instant, fd: i32, peer: IpAddr, key: &str) -> Result<(), Errno> {
        let result = self.stack.set_md5_key(fd, peer, key.as_bytes());
        let words = format!(r#"setsockopt({fd}, SOL_TCP, TCP_MD5SIG, {{tcpm_addr=..., tcpm_key="{key}"}}, 216) = 0"#);
        self.keep(|diary| {
            diary.key = Some(key.to_owned());
            diary.words(now.0, words, "option", "CLOSED");
        });
        result
    }

    /// The oracle that judges now waits for these segments, and no others, in answer to the last stimulus.
    pub fn owes(&self, to: SocketAddr, segments: impl FnOnce() -> Vec<Owed>) {
        if let Some(diary) = &self.diary {
            let mut diary = diary.borrow_mut();
            let port = diary.port(to);
            diary.due = Some(Due::Segments(port, segments()));
        }
    }

    /// And for this one; if nobody knows what was due before, what came was.
    pub fn owes_more(&self, to: SocketAddr, segment: impl FnOnce() -> Owed) {
        if let Some(diary) = &self.diary {
            let mut diary = diary.borrow_mut();
            let port = diary.port(to);
            if let Some(Due::Segments(_, segments)) = &mut diary.due {
                segments.push(segment());
            } else {
                diary.before = diary.recorder.entries.len();
                diary.due = Some(Due::Segments(port, vec![segment()]));
            }
        }
    }

    /// The last of them was not due, or is not due yet.
    pub fn owes_less(&self) {
        if let Some(diary) = &self.diary
            && let Some(Due::Segments(_, segments)) = &mut diary.borrow_mut().due
        {
            segments.pop();
        }
    }

    /// The oracle that judges now has waited in vain for what begins at `seq` to go again, so many microseconds after it went.
    pub fn owes_again(&self, to: SocketAddr, seq: u32, ack: u32, after: u64) {
        if let Some(diary) = &self.diary {
            let mut diary = diary.borrow_mut();
            let port = diary.port(to);
            diary.due = Some(Due::Again { port, seq, ack, after });
        }
    }

    /// The oracle that judges now has waited in vain for so many octets of new text, which may be the `last` that were written.
    pub fn owes_text(&self, to: SocketAddr, seq: u32, text: u32, last: bool) {
        if let Some(diary) = &self.diary {
            let mut diary = diary.borrow_mut();
            let port = diary.port(to);
            diary.due = Some(Due::Fresh { port, seq, text, last });
        }
    }

    /// The oracle that judges now waits for the last call to come to this, in the words of a script.
    pub fn owes_call(&self, words: impl FnOnce() -> String) {
        if let Some(diary) = &self.diary {
            diary.borrow_mut().due = Some(Due::Call(words()));
        }
    }

    /// The rule is violated here, whichever host of the run had the last word.
    pub fn is_to_blame(&self) {
        if let Some(diary) = &self.diary {
            diary.borrow_mut().blamed = true;
        }
    }
}

/// An option by name and number; nothing of those that every socket has in a script (`SO_REUSEADDR`), or that are as they are without.
#[expect(clippy::wildcard_enum_match_arm, reason = "the few that runs set, of more than forty")]
fn words(option: &SocketOption) -> (Option<&'static str>, i64) {
    match option {
        SocketOption::RcvBuf(octets) => (Some("SO_RCVBUF"), i64::from(*octets)),
        SocketOption::SndBuf(octets) => (Some("SO_SNDBUF"), i64::from(*octets)),
        SocketOption::NoDelay(true) => (Some("TCP_NODELAY"), 1),
        SocketOption::KeepAlive(true) => (Some("SO_KEEPALIVE"), 1),
        SocketOption::Cork(on) => (Some("TCP_CORK"), i64::from(*on)),
        SocketOption::QuickAck(on) => (Some("TCP_QUICKACK"), i64::from(*on)),
        SocketOption::OobInline(on) => (Some("SO_OOBINLINE"), i64::from(*on)),
        SocketOption::Linger(_) => (Some("SO_LINGER"), 0),
        _ => (None, 0),
    }
}

/// Whom a datagram is for.
fn destination(octets: &[u8]) -> Option<SocketAddr> {
    let v4 = octets.first()? >> 4 == 4;
    let header = if v4 { 20 } else { 40 };
    let port = u16::from_be_bytes([*octets.get(header + 2)?, *octets.get(header + 3)?]);
    if v4 {
        let ip: [u8; 4] = octets[16..20].try_into().ok()?;
        Some(SocketAddr::from((ip, port)))
    } else {
        let ip: [u8; 16] = octets[24..40].try_into().ok()?;
        Some(SocketAddr::from((ip, port)))
    }
}

type Read = fn(&Config) -> u64;

/// Parameters that runs change, by their names for `sysctl`.
const PARAMETERS: &[(&str, Read)] = &[
    ("tcp_invalid_ratelimit", |of| of.tcp_invalid_ratelimit.into()),
    ("tcp_synack_retries", |of| of.tcp_synack_retries.into()),
    ("tcp_syn_retries", |of| of.tcp_syn_retries.into()),
    ("tcp_retries2", |of| of.tcp_retries2.into()),
    ("tcp_orphan_retries", |of| of.tcp_orphan_retries.into()),
    ("tcp_syncookies", |of| of.tcp_syncookies.into()),
    ("tcp_max_syn_backlog", |of| of.tcp_max_syn_backlog.into()),
    ("tcp_sack", |of| of.tcp_sack.into()),
    ("tcp_dsack", |of| of.tcp_dsack.into()),
    ("tcp_timestamps", |of| of.tcp_timestamps.into()),
    ("tcp_window_scaling", |of| of.tcp_window_scaling.into()),
    ("tcp_recovery", |of| of.tcp_recovery.into()),
    ("tcp_frto", |of| of.tcp_frto.into()),
    ("tcp_early_retrans", |of| of.tcp_early_retrans.into()),
    ("tcp_mtu_probing", |of| of.tcp_mtu_probing.into()),
    ("tcp_ecn", |of| of.tcp_ecn.into()),
    ("tcp_ecn_option", |of| of.tcp_ecn_option.into()),
    ("tcp_ecn_fallback", |of| of.tcp_ecn_fallback.into()),
    ("tcp_slow_start_after_idle", |of| of.tcp_slow_start_after_idle.into()),
    ("tcp_moderate_rcvbuf", |of| of.tcp_moderate_rcvbuf.into()),
    ("tcp_thin_linear_timeouts", |of| of.tcp_thin_linear_timeouts.into()),
    ("tcp_fastopen", |of| of.tcp_fastopen.into()),
];

/// What a run has changed of its profile, by name.
fn changed(profile: Profile, config: &Config) -> Vec<(String, String)> {
    let plain = profile.beginning();
    let mut changed: Vec<(String, String)> = PARAMETERS
        .iter()
        .filter(|(_, of)| of(&plain) != of(config))
        .map(|(name, of)| (format!("net.ipv4.{name}"), of(config).to_string()))
        .collect();
    if plain.tcp_congestion_control != config.tcp_congestion_control {
        let name = config.tcp_congestion_control.name().to_owned();
        changed.push(("net.ipv4.tcp_congestion_control".to_owned(), name));
    }
    changed
}

/// The configuration of another host with what the run has changed of its own.
fn moved(profile: Profile, config: &Config, elsewhere: Elsewhere<'_>) -> Config {
    let mut other = elsewhere.profile.beginning();
    let more = elsewhere.parameters.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    for (name, value) in changed(profile, config).into_iter().chain(more) {
        other.set(&name, &value).unwrap_or_else(|error| panic!("{name}={value}: {error:?}"));
    }
    other
}

/// Under which conditions a script holds, but for the address family: its profile, and what goes in front of its first event.
fn conditions(profile: Profile, config: &Config, more: &[(&str, &str)]) -> (&'static str, String) {
    let mut changed = changed(profile, config);
    let (mut text, mut named) = (String::new(), profile.beginning());
    let all = changed.iter().try_for_each(|(name, value)| named.set(name, value));
    changed.retain(|(name, _)| !more.iter().any(|(known, _)| known == name));
    changed.extend(more.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
    let words: Vec<String> = changed.iter().map(|(name, value)| format!("{name}={value}")).collect();
    if !words.is_empty() {
        let _ = writeln!(text, "`sysctl -q {}`\n", words.join(" "));
    }
    if all.is_err() || named != *config {
        let _ = writeln!(text, "// Left out: choices of the stack that have no name for sysctl.\n");
    }
    (profile.name(), text)
}
