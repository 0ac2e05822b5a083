//! What the host offers: echo (RFC 862), discard (RFC 863), chargen (RFC 864), files over HTTP/1.0 (RFC 1945). Socket calls only.

mod http;

use core::str::FromStr;
use halfopen_stack::socket::{Domain, RecvFlags, SendFlags, SocketOption};
use halfopen_stack::{Errno, Instant, Stack, State};
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

/// Octets that a session moves at a time.
const CHUNK: usize = 256 << 10;
/// Backlog of each listener.
const BACKLOG: i32 = 128;
/// Octets of chargen's pattern before it begins anew: 95 lines of 74.
const PATTERN: usize = 95 * 74;

/// One service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kind {
    /// Sends back what comes.
    Echo,
    /// Throws away what comes.
    Discard,
    /// Sends characters until nobody wants them any more.
    Chargen,
    /// Serves the files of a folder.
    Http(PathBuf),
}

/// A service and its port: `echo:7`, `http:80=FOLDER`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// What it does.
    pub kind: Kind,
    /// Where it listens.
    pub port: u16,
}

/// Why a text is no service. The caller is at fault.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no service: echo:7, discard:9, chargen:19 and http:80=FOLDER are")]
pub struct BadService(String);

impl FromStr for Service {
    type Err = BadService;

    fn from_str(text: &str) -> Result<Self, BadService> {
        let bad = || BadService(text.to_owned());
        let (name, rest) = text.split_once(':').ok_or_else(bad)?;
        let (port, folder) = rest.split_once('=').map_or((rest, None), |(port, folder)| (port, Some(folder)));
        let kind = match (name, folder) {
            ("echo", None) => Kind::Echo,
            ("discard", None) => Kind::Discard,
            ("chargen", None) => Kind::Chargen,
            ("http", Some(folder)) if !folder.is_empty() => Kind::Http(folder.into()),
            _ => return Err(bad()),
        };
        let port = port.parse().ok().filter(|port| *port != 0).ok_or_else(bad)?;
        Ok(Self { kind, port })
    }
}

/// What a connection of a service is about.
#[derive(Debug)]
enum Session {
    Echo { waiting: Vec<u8>, sent: usize },
    Discard,
    Chargen { at: usize },
    Http(Box<http::Exchange>),
}

/// How a session stands after its turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Turn {
    /// It moved something and may move more.
    Busy,
    /// It waits for the peer.
    Waits,
    /// It is over; the socket is to be closed.
    Over,
}

/// All services of a host.
#[derive(Debug, Default)]
pub struct Services {
    listeners: Vec<(i32, Kind)>,
    sessions: BTreeMap<i32, Session>,
    room: Vec<u8>,
    pattern: Vec<u8>,
}

impl Services {
    /// Listens for each service, on both families.
    ///
    /// # Errors
    /// `EADDRINUSE` when two want one port.
    pub fn open(stack: &mut Stack, services: &[Service]) -> Result<Self, Errno> {
        let now = Instant::ORIGIN;
        let mut listeners = Vec::new();
        for service in services {
            let any =
                [(Domain::Inet, IpAddr::V4(Ipv4Addr::UNSPECIFIED)), (Domain::Inet6, IpAddr::V6(Ipv6Addr::UNSPECIFIED))];
            for (domain, address) in any {
                let fd = stack.socket(domain)?;
                if domain == Domain::Inet6 {
                    // The other one has IPv4.
                    stack.set_option(now, fd, SocketOption::V6Only(true))?;
                }
                stack.bind(fd, SocketAddr::new(address, service.port))?;
                stack.listen(fd, BACKLOG)?;
                listeners.push((fd, service.kind.clone()));
            }
        }
        Ok(Self { listeners, sessions: BTreeMap::new(), room: vec![0; CHUNK], pattern: pattern() })
    }

    /// Descriptors of the listeners.
    pub fn listeners(&self) -> impl Iterator<Item = i32> {
        self.listeners.iter().map(|(fd, _)| *fd)
    }

    /// Accepts, reads and writes as far as it goes. Whether anything moved.
    pub fn run(&mut self, stack: &mut Stack, now: Instant) -> bool {
        let mut busy = false;
        for (fd, kind) in &self.listeners {
            while let Ok((accepted, _)) = stack.accept(now, *fd) {
                busy = true;
                let session = match kind {
                    Kind::Echo => Session::Echo { waiting: Vec::new(), sent: 0 },
                    Kind::Discard => Session::Discard,
                    Kind::Chargen => Session::Chargen { at: 0 },
                    Kind::Http(folder) => Session::Http(Box::new(http::Exchange::new(folder.clone()))),
                };
                self.sessions.insert(accepted, session);
            }
        }
        let (room, pattern) = (&mut self.room, &self.pattern);
        self.sessions.retain(|&fd, session| {
            let mut socket = Socket { stack, now, fd };
            let turn = match session {
                Session::Echo { waiting, sent } => echo(&mut socket, waiting, sent, room),
                Session::Discard => discard(&mut socket, room),
                Session::Chargen { at } => chargen(&mut socket, at, pattern, room),
                Session::Http(exchange) => exchange.run(&mut socket, room),
            };
            busy |= turn != Turn::Waits;
            if turn == Turn::Over {
                // What cannot be closed is closed.
                let _ = stack.close(now, fd);
            }
            turn != Turn::Over
        });
        busy
    }

    /// Closes everything: listeners first, then connections, which say goodbye.
    pub fn close(&mut self, stack: &mut Stack, now: Instant) {
        let sessions = std::mem::take(&mut self.sessions);
        for fd in self.listeners.drain(..).map(|(fd, _)| fd).chain(sessions.into_keys()) {
            let _ = stack.close(now, fd);
        }
    }
}

/// A connected socket during one turn.
struct Socket<'a> {
    stack: &'a mut Stack,
    now: Instant,
    fd: i32,
}

/// What reading came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Got {
    Octets(usize),
    Nothing,
    /// End of the peer's octets, or of the connection.
    End,
    Failed,
}

impl Socket<'_> {
    fn read(&mut self, room: &mut [u8]) -> Got {
        match self.stack.recv(self.now, self.fd, room, RecvFlags::default()) {
            Ok(0) => Got::End,
            Ok(octets) => Got::Octets(octets),
            Err(Errno::EAGAIN) => Got::Nothing,
            Err(_) => Got::Failed,
        }
    }

    /// How many octets were taken; `None` when the connection takes no more for ever.
    fn write(&mut self, octets: &[u8]) -> Option<usize> {
        match self.stack.send(self.now, self.fd, octets, SendFlags::default()) {
            Ok(taken) => Some(taken),
            Err(Errno::EAGAIN) => Some(0),
            Err(_) => None,
        }
    }
}

fn echo(socket: &mut Socket<'_>, waiting: &mut Vec<u8>, sent: &mut usize, room: &mut [u8]) -> Turn {
    if *sent == waiting.len() {
        waiting.clear();
        *sent = 0;
        match socket.read(room) {
            Got::Octets(octets) => waiting.extend_from_slice(&room[..octets]),
            Got::Nothing => return Turn::Waits,
            Got::End | Got::Failed => return Turn::Over,
        }
    }
    match socket.write(&waiting[*sent..]) {
        Some(0) => Turn::Waits,
        Some(octets) => {
            *sent += octets;
            Turn::Busy
        }
        None => Turn::Over,
    }
}

fn discard(socket: &mut Socket<'_>, room: &mut [u8]) -> Turn {
    match socket.read(room) {
        Got::Octets(_) => Turn::Busy,
        Got::Nothing => Turn::Waits,
        Got::End | Got::Failed => Turn::Over,
    }
}

fn chargen(socket: &mut Socket<'_>, at: &mut usize, pattern: &[u8], room: &mut [u8]) -> Turn {
    // RFC 864: what the peer says is thrown away; it ends the service by closing.
    let mut turn = match socket.read(room) {
        Got::Octets(_) => Turn::Busy,
        Got::Nothing => Turn::Waits,
        Got::End | Got::Failed => return Turn::Over,
    };
    match socket.write(&pattern[*at..]) {
        Some(0) => {}
        Some(octets) => {
            *at = (*at + octets) % PATTERN;
            turn = Turn::Busy;
        }
        None => return Turn::Over,
    }
    turn
}

/// The lines of RFC 864, often enough for a chunk from any place of the first round on.
fn pattern() -> Vec<u8> {
    let line = |first: usize| (0..72).map(move |n| b' ' + ((first + n) % 95) as u8).chain(*b"\r\n");
    let round: Vec<u8> = (0..95).flat_map(line).collect();
    round.iter().copied().cycle().take(PATTERN + CHUNK).collect()
}

/// Whether a connection is still saying goodbye: it has no socket any more and is neither dead nor in TIME-WAIT.
#[must_use]
pub fn lingers(stack: &Stack) -> bool {
    stack.connections().any(|connection| !matches!(connection.state, State::Closed | State::TimeWait | State::Listen))
}

#[cfg(test)]
mod tests;
