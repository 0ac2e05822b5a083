//! Sockets by descriptor.

use super::connection::ConnectionId;
use crate::config::Config;
use crate::errno::Errno;
use crate::socket::{Domain, Options, Shared, Shutdown};
use crate::tcp::backlog::Queues;
use crate::tcp::fast_open::{self, Pending};
use crate::tcp::syn_cookies;
use crate::time::Instant;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BinaryHeap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::net::SocketAddr;

/// The first descriptor: those below are standard input, output and error.
const FIRST: i32 = 3;

/// The queues of a passive OPEN.
#[derive(Debug)]
pub(super) struct Listener {
    backlog: i32,
    /// Connections in SYN-RECEIVED.
    half_open: u32,
    /// Those of them whose SYN,ACK was not repeated yet.
    young: u32,
    /// When a cookie was last sent.
    pub(super) last_cookie: Option<Instant>,
    /// Connections of a Fast Open in SYN-RECEIVED.
    pub(super) fast_open: Pending,
    /// Connections that wait to be accepted, in the order in which they were established.
    pub(super) queue: VecDeque<ConnectionId>,
}

impl Listener {
    pub(super) fn new(backlog: i32) -> Self {
        Self {
            backlog,
            half_open: 0,
            young: 0,
            last_cookie: None,
            fast_open: Pending::default(),
            queue: VecDeque::new(),
        }
    }

    pub(super) const fn set_backlog(&mut self, backlog: i32) {
        self.backlog = backlog;
    }

    /// Connections of a Fast Open that may be in SYN-RECEIVED: as `TCP_FASTOPEN` says, or as many as the accept queue holds
    /// if every listener is to serve Fast Open.
    pub(super) fn fast_open_limit(&self, options: &Options, config: &Config) -> u32 {
        let all = fast_open::ALL_LISTENERS | fast_open::SERVER;
        let limit = match options.fast_open_queue {
            Some(limit) if limit > 0 => limit,
            Some(_) | None if config.tcp_fastopen & all == all => u32::try_from(self.backlog).unwrap_or(u32::MAX),
            Some(_) | None => 0,
        };
        limit.min(config.somaxconn)
    }

    /// The queues as they stand. As in Linux a negative backlog means the largest.
    pub(super) fn queues(&self, config: &Config) -> Queues {
        Queues {
            waiting: self.queue.len() as u32,
            half_open: self.half_open,
            young: self.young,
            limit: u32::try_from(self.backlog).unwrap_or(u32::MAX).min(config.somaxconn),
        }
    }

    /// A connection in SYN-RECEIVED comes.
    pub(super) const fn comes(&mut self, young: bool) {
        self.half_open += 1;
        self.young += young as u32;
    }

    /// Its SYN,ACK is repeated for the first time.
    pub(super) const fn ages(&mut self) {
        self.young -= 1;
    }

    /// It goes, established or not.
    pub(super) const fn goes(&mut self, young: bool) {
        self.half_open -= 1;
        self.young -= young as u32;
    }

    /// Whether an ACK may bring back a cookie.
    pub(super) fn believes_cookies(&self, now: Instant, config: &Config) -> bool {
        config.tcp_syncookies > 0 && self.last_cookie.is_some_and(|last| now.since(last) <= syn_cookies::VALID)
    }
}

/// What a socket is at present.
#[derive(Debug)]
pub(super) enum Kind {
    /// Neither connected nor listening.
    Fresh,
    /// A passive OPEN was made.
    Listening(Box<Listener>),
    /// It has a connection, perhaps one in CLOSED.
    Connected {
        id: ConnectionId,
        /// `connect` has not reported the outcome yet.
        connecting: bool,
    },
}

/// What is left of a `shutdown` that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Early {
    Nothing,
    /// The connection had ended, and `connect` had not told so: the socket can be closed, and that is all.
    Disconnecting,
    /// There was no connection: the next one has it.
    Shut(Shutdown),
}

/// One socket.
#[derive(Debug)]
pub(super) struct Socket {
    pub(super) domain: Domain,
    /// Local socket, once bound. The address may be unspecified.
    pub(super) local: Option<SocketAddr>,
    /// The user named the port of `local`, so that it stays when the connection goes (Linux's `SOCK_BINDPORT_LOCK`).
    pub(super) port_named: bool,
    /// It stands in the table of ports with the port of `local`.
    pub(super) holds_port: bool,
    pub(super) options: Shared,
    pub(super) kind: Kind,
    /// `connect` was called with `TCP_FASTOPEN_CONNECT`: the first `send` opens the connection to there.
    pub(super) deferred: Option<Box<SocketAddr>>,
    /// A `shutdown` that came when there was nothing to shut down.
    pub(super) early: Early,
    /// `SO_ERROR` of a socket without connection.
    pub(super) error: Option<Errno>,
}

/// Sockets of one chunk of the table.
const CHUNK: usize = 256;

/// The chunk that a descriptor's socket is in, and where. No socket has a descriptor below the first one.
fn place(fd: i32) -> (usize, usize) {
    let number = usize::try_from(fd.saturating_sub(FIRST)).unwrap_or(usize::MAX);
    (number / CHUNK, number % CHUNK)
}

/// All sockets.
#[derive(Debug)]
pub(super) struct Sockets {
    /// By descriptor, the first one at the front; in chunks, as there may be many.
    table: Vec<Vec<Option<Socket>>>,
    /// Descriptors below `end` that are free.
    holes: BinaryHeap<Reverse<i32>>,
    /// The first descriptor that was never used.
    end: i32,
    /// Listeners by port, so that a segment finds its listener however many sockets there are.
    listening: BTreeMap<u16, Vec<i32>>,
}

impl Default for Sockets {
    fn default() -> Self {
        Self { table: Vec::new(), holes: BinaryHeap::new(), end: FIRST, listening: BTreeMap::new() }
    }
}

impl Sockets {
    /// As new, in the memory of the first chunk.
    pub(super) fn emptied(mut self) -> Self {
        self.table.truncate(1);
        self.table.iter_mut().for_each(Vec::clear);
        self.holes.clear();
        Self { table: self.table, holes: self.holes, ..Self::default() }
    }

    /// Adds a socket under the lowest free descriptor.
    pub(super) fn add(&mut self, socket: Socket) -> i32 {
        let fd = match self.holes.pop() {
            Some(Reverse(fd)) => fd,
            None => {
                self.end += 1;
                self.end - 1
            }
        };
        let (chunk, index) = place(fd);
        if chunk == self.table.len() {
            self.table.push(Vec::new());
        }
        match self.table[chunk].get_mut(index) {
            Some(slot) => *slot = Some(socket),
            // Descriptors come in order, so that a new one is the next.
            None => self.table[chunk].push(Some(socket)),
        }
        fd
    }

    pub(super) fn remove(&mut self, fd: i32) {
        self.stop_listening(fd);
        let (chunk, index) = place(fd);
        let slot = self.table.get_mut(chunk).and_then(|chunk| chunk.get_mut(index));
        if slot.and_then(Option::take).is_some() {
            self.holes.push(Reverse(fd));
        }
    }

    /// Makes a socket that is bound to `local` a listener.
    pub(super) fn start_listening(&mut self, fd: i32, local: SocketAddr, backlog: i32) {
        if let Some(socket) = self.get_mut(fd) {
            socket.local = Some(local);
            socket.kind = Kind::Listening(Box::new(Listener::new(backlog)));
            self.listening.entry(local.port()).or_default().push(fd);
        }
    }

    /// Makes a listener an ordinary socket.
    pub(super) fn stop_listening(&mut self, fd: i32) {
        let Some(socket) = self.get_mut(fd) else { return };
        if let (Kind::Listening(_), Some(local)) = (&socket.kind, socket.local) {
            socket.kind = Kind::Fresh;
            if let Some(fds) = self.listening.get_mut(&local.port()) {
                fds.retain(|listening| *listening != fd);
                if fds.is_empty() {
                    self.listening.remove(&local.port());
                }
            }
        }
    }

    pub(super) fn get(&self, fd: i32) -> Option<&Socket> {
        let (chunk, index) = place(fd);
        self.table.get(chunk)?.get(index)?.as_ref()
    }

    fn get_mut(&mut self, fd: i32) -> Option<&mut Socket> {
        let (chunk, index) = place(fd);
        self.table.get_mut(chunk)?.get_mut(index)?.as_mut()
    }

    /// The socket, or `EBADF`.
    pub(super) fn socket(&self, fd: i32) -> Result<&Socket, Errno> {
        self.get(fd).ok_or(Errno::EBADF)
    }

    /// The socket, or `EBADF`.
    pub(super) fn socket_mut(&mut self, fd: i32) -> Result<&mut Socket, Errno> {
        self.get_mut(fd).ok_or(Errno::EBADF)
    }

    pub(super) fn listener(&self, fd: i32) -> Option<&Listener> {
        match &self.get(fd)?.kind {
            Kind::Listening(listener) => Some(listener),
            Kind::Fresh | Kind::Connected { .. } => None,
        }
    }

    pub(super) fn listener_mut(&mut self, fd: i32) -> Option<&mut Listener> {
        match &mut self.get_mut(fd)?.kind {
            Kind::Listening(listener) => Some(listener),
            Kind::Fresh | Kind::Connected { .. } => None,
        }
    }

    /// Who listens on `local`: a socket bound to the address goes before one bound to any, and IPv4's own before one of both
    /// families. Among equals that share it by `SO_REUSEPORT` the `hash` of the connection decides, otherwise the last.
    pub(super) fn listening_on(&self, local: SocketAddr, hash: impl FnOnce() -> u32) -> Option<i32> {
        let fds = self.listening.get(&local.port())?;
        let rank = |fd: i32| {
            let socket = self.get(fd)?;
            let address = socket.local?.ip();
            let exact = address == local.ip();
            socket.claim(address).covers(local.ip()).then(|| (exact, socket.takes(local.ip())))
        };
        let best = fds.iter().filter_map(|fd| rank(*fd)).max()?;
        let equals = || fds.iter().copied().filter(|fd| rank(*fd) == Some(best));
        let group = || equals().filter(|fd| self.get(*fd).is_some_and(|socket| socket.options.reuse_port));
        match group().count() {
            0 | 1 => equals().next_back(),
            // As Linux spreads them: the hash scaled to the number of sockets.
            count => group().nth(((u64::from(hash()) * count as u64) >> 32) as usize),
        }
    }
}
