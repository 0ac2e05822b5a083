//! smoltcp 0.14 in this process, as a SUT: the worked example of [`crate::polled`].
//!
//! It is set up as its documentation has it: an interface for IP datagrams (`Medium::Ip`) without neighbours, checksums in software,
//! sockets with smoltcp's own defaults. What is added, because smoltcp leaves it to its user:
//! - a listener is a pool of listening sockets, one for each place of the backlog, as smoltcp has no other;
//! - a port of its own choice for `connect`: smoltcp has no ephemeral ports, so that tests of those say nothing about it;
//! - timestamps (RFC 7323), by a clock of milliseconds; `sysctl net.ipv4.tcp_timestamps=0` leaves them out;
//! - no congestion control, as without the features that smoltcp does not have by default; the profiles `reno` and `cubic` and
//!   `TCP_CONGESTION` have one;
//! - `TCP_MAXSEG` as the MTU of the interface, of which smoltcp computes its MSS.

mod device;

use crate::polled::{Polled, PolledStack, Settings, State, Status};
use device::Queues;
use halfopen_engine::sut::{Micros, Setup, Sut, SutError};
use smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp::socket::tcp::{self, CongestionControl, Socket, SocketBuffer};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpCidr, IpListenEndpoint};
use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};

/// smoltcp's clock at the start of a test: an hour after its boot, so that "never" is not "just now".
const ORIGIN: Micros = 3_600_000_000;
/// Octets of a buffer that nobody has chosen: the largest window without scaling.
const BUFFER: usize = 65_535;
/// The first of the ports for connections (RFC 6335 6).
const EPHEMERAL: u16 = 49_152;

/// The SUT.
///
/// # Errors
/// `Unsupported` for a profile but `rfc9293`, which is smoltcp as it is, and those that are named for a congestion control.
pub fn open(profile: Option<&str>) -> Result<Box<dyn Sut>, SutError> {
    Ok(Box::new(Polled::<Smoltcp>::new("smoltcp", "0.14.0", profile)?))
}

/// An interface with its sockets.
pub struct Smoltcp {
    interface: Interface,
    device: Queues,
    sockets: SocketSet<'static>,
    listeners: Vec<Listener>,
    setup: Setup,
    timestamps: bool,
    connects: u16,
}

/// Listening sockets, and connections that nobody has accepted.
struct Listener {
    endpoint: IpListenEndpoint,
    settings: Settings,
    pool: Vec<SocketHandle>,
    open: bool,
}

/// A connection, or a place in the table of listeners.
#[derive(Debug, Clone, Copy)]
pub enum Handle {
    /// One of smoltcp's sockets.
    Connection(SocketHandle),
    /// A pool of them.
    Listener(usize),
}

thread_local! {
    /// smoltcp asks a function without arguments for the value of its timestamps.
    static NOW: Cell<Micros> = const { Cell::new(0) };
}

fn at(now: Micros) -> Instant {
    NOW.set(now);
    Instant::from_micros(ORIGIN + now)
}

/// A clock of milliseconds that begins with 1.
fn timestamp() -> u32 {
    (NOW.get() / 1000 + 1) as u32
}

/// An interface with the addresses of a test.
fn interface(setup: &Setup, device: &mut Queues, seed: u64) -> Interface {
    let mut config = Config::new(HardwareAddress::Ip);
    config.random_seed = seed;
    let mut interface = Interface::new(config, device, at(0));
    let (address, prefix) = setup.local;
    interface.update_ip_addrs(|all| all.push(IpCidr::new(address.into(), prefix)).expect("there is room for one"));
    let route = match setup.gateway {
        IpAddr::V4(gateway) => interface.routes_mut().add_default_ipv4_route(gateway),
        IpAddr::V6(gateway) => interface.routes_mut().add_default_ipv6_route(gateway),
    };
    route.expect("there is room for one");
    interface
}

impl Smoltcp {
    fn socket(&self, settings: &Settings) -> Socket<'static> {
        let buffer = |octets: Option<usize>| SocketBuffer::new(vec![0; octets.unwrap_or(BUFFER)]);
        let mut socket = Socket::new(buffer(settings.receive_buffer), buffer(settings.send_buffer));
        socket.set_tsval_generator(self.timestamps.then_some(timestamp));
        let profile = self.setup.profile.clone().filter(|profile| profile != "rfc9293");
        let congestion = settings.congestion.clone().or(profile).or_else(|| Some("none".to_owned()));
        apply(&mut socket, &Settings { congestion, ..settings.clone() });
        socket
    }

    fn get(&mut self, handle: SocketHandle) -> &mut Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// Has the interface the MTU that the settings ask for? smoltcp reads it once.
    fn fit(&mut self, settings: &Settings) {
        let headers = if self.setup.local.0.is_ipv4() { 40 } else { 60 };
        let mtu = self.setup.mtu as usize;
        let mtu = settings.max_seg.map_or(mtu, |max_seg| mtu.min(headers + usize::from(max_seg)));
        if self.device.mtu != mtu {
            self.device.mtu = mtu;
            self.interface = interface(&self.setup, &mut self.device, self.setup.seed);
        }
    }

    fn listening(&mut self, endpoint: IpListenEndpoint, settings: &Settings) -> SocketHandle {
        let mut socket = self.socket(settings);
        socket.listen(endpoint).expect("a new socket listens on any port but 0");
        self.sockets.add(socket)
    }
}

/// Options that may change while a connection is there.
fn apply(socket: &mut Socket<'_>, settings: &Settings) {
    let duration = |duration: std::time::Duration| Duration::from_micros(duration.as_micros() as u64);
    socket.set_nagle_enabled(!settings.no_delay);
    socket.set_timeout(settings.user_timeout.map(duration));
    socket.set_hop_limit(settings.hop_limit.filter(|limit| *limit > 0));
    if settings.quick_ack {
        socket.set_ack_delay(None);
    }
    // RFC 9293 3.8.4: two hours when nobody says otherwise.
    let idle = settings.keep_idle.map_or(Duration::from_secs(7200), duration);
    if socket.keep_alive() != settings.keep_alive.then_some(idle) {
        socket.set_keep_alive(settings.keep_alive.then_some(idle));
    }
    match settings.congestion.as_deref() {
        Some("reno") => socket.set_congestion_control(CongestionControl::Reno),
        Some("cubic") => socket.set_congestion_control(CongestionControl::Cubic),
        Some("none") => socket.set_congestion_control(CongestionControl::None),
        Some(_) | None => {}
    }
}

/// An address of the user's; the unspecified one is none.
fn endpoint(addr: SocketAddr) -> IpListenEndpoint {
    let ip = (!addr.ip().is_unspecified()).then(|| addr.ip().into());
    IpListenEndpoint { addr: ip, port: addr.port() }
}

fn known(settings: &Settings) -> Result<(), SutError> {
    match settings.congestion.as_deref() {
        None | Some("reno" | "cubic" | "none") => Ok(()),
        Some(other) => Err(SutError::Unsupported(format!("the stack has no congestion control `{other}`"))),
    }
}

impl PolledStack for Smoltcp {
    type Socket = Handle;

    const OPTIONS: &'static [&'static str] = &[
        "SO_RCVBUF",
        "SO_SNDBUF",
        "SO_KEEPALIVE",
        "TCP_MAXSEG",
        "TCP_NODELAY",
        "TCP_QUICKACK",
        "TCP_KEEPIDLE",
        "TCP_USER_TIMEOUT",
        "TCP_CONGESTION",
        "IP_TTL",
        "IPV6_UNICAST_HOPS",
    ];

    const PROFILES: &'static [&'static str] = &["rfc9293", "reno", "cubic"];

    /// `CLOSE_DELAY` of its sources.
    const TIME_WAIT: std::time::Duration = std::time::Duration::from_secs(10);

    /// `challenge_ack_timer` of its sources.
    const ANSWER_INTERVAL: std::time::Duration = std::time::Duration::from_secs(1);

    fn start(setup: &Setup) -> Result<Self, SutError> {
        let mut device = Queues::new(setup.mtu as usize);
        let interface = interface(setup, &mut device, setup.seed);
        let sockets = SocketSet::new(Vec::new());
        let (listeners, setup) = (Vec::new(), setup.clone());
        Ok(Self { interface, device, sockets, listeners, setup, timestamps: true, connects: 0 })
    }

    fn ingress(&mut self, _: Micros, datagram: &[u8]) {
        self.device.arriving.push_back(datagram.to_vec());
    }

    fn poll(&mut self, now: Micros) -> Vec<Vec<u8>> {
        self.interface.poll(at(now), &mut self.device, &mut self.sockets);
        self.device.leaving.drain(..).collect()
    }

    fn poll_at(&mut self, now: Micros) -> Option<Micros> {
        self.interface.poll_at(at(now), &self.sockets).map(|at| at.total_micros() - ORIGIN)
    }

    fn listen(&mut self, local: SocketAddr, backlog: usize, settings: &Settings) -> Result<Handle, SutError> {
        known(settings)?;
        self.fit(settings);
        let endpoint = endpoint(local);
        let pool = (0..backlog).map(|_| self.listening(endpoint, settings)).collect();
        self.listeners.push(Listener { endpoint, settings: settings.clone(), pool, open: true });
        Ok(Handle::Listener(self.listeners.len() - 1))
    }

    fn accept(&mut self, listener: Handle) -> Option<Handle> {
        let Handle::Listener(index) = listener else { return None };
        let place = self.acceptable(index)?;
        // Sockets are asked in the order in which they were made, so that a connection comes before those that still listen.
        let (endpoint, settings) = (self.listeners[index].endpoint, self.listeners[index].settings.clone());
        let another = self.listening(endpoint, &settings);
        let pool = &mut self.listeners[index].pool;
        let accepted = pool.remove(place);
        pool.push(another);
        Some(Handle::Connection(accepted))
    }

    fn connect(
        &mut self,
        local: Option<SocketAddr>,
        remote: SocketAddr,
        settings: &Settings,
    ) -> Result<Handle, SutError> {
        known(settings)?;
        self.fit(settings);
        let mut socket = self.socket(settings);
        let mut local = local.map(endpoint).unwrap_or_default();
        if local.port == 0 {
            let step = (self.setup.seed % 8192) as u16 + self.connects;
            (local.port, self.connects) = (EPHEMERAL + step, self.connects + 1);
        }
        socket
            .connect(self.interface.context(), remote, local)
            .map_err(|error| SutError::Unsupported(format!("the stack has no connection to {remote}: {error}")))?;
        Ok(Handle::Connection(self.sockets.add(socket)))
    }

    fn status(&mut self, socket: Handle) -> Status {
        match socket {
            Handle::Listener(index) => {
                let readable = usize::from(self.acceptable(index).is_some());
                let state = if self.listeners[index].open { State::Listen } else { State::Closed };
                Status { readable, ..Status::empty(state) }
            }
            Handle::Connection(handle) => {
                let socket = self.get(handle);
                let room = if socket.may_send() { socket.send_capacity() - socket.send_queue() } else { 0 };
                Status {
                    state: state(socket.state()),
                    readable: if socket.can_recv() { socket.recv_queue() } else { 0 },
                    room,
                    unacknowledged: socket.send_queue(),
                }
            }
        }
    }

    fn send(&mut self, socket: Handle, octets: &[u8]) -> usize {
        let Handle::Connection(handle) = socket else { return 0 };
        self.get(handle).send_slice(octets).unwrap_or(0)
    }

    fn receive(&mut self, socket: Handle, room: &mut [u8]) -> usize {
        let Handle::Connection(handle) = socket else { return 0 };
        self.get(handle).recv_slice(room).unwrap_or(0)
    }

    fn close(&mut self, socket: Handle) {
        match socket {
            Handle::Connection(handle) => self.get(handle).close(),
            Handle::Listener(index) => {
                self.listeners[index].open = false;
                for handle in std::mem::take(&mut self.listeners[index].pool) {
                    // Nobody will accept what came in the meantime.
                    self.get(handle).abort();
                }
            }
        }
    }

    fn abort(&mut self, socket: Handle) {
        match socket {
            Handle::Connection(handle) => self.get(handle).abort(),
            Handle::Listener(_) => self.close(socket),
        }
    }

    fn configure(&mut self, socket: Handle, settings: &Settings) {
        if let Handle::Connection(handle) = socket {
            apply(self.get(handle), settings);
        }
    }

    fn sysctl(&mut self, name: &str, value: &str) -> Result<(), SutError> {
        match (name, value) {
            ("net.ipv4.tcp_timestamps", "0" | "1") => self.timestamps = value == "1",
            // Its limit of one answer a second is fixed. Few scripts that ask for none need one; the expectation file names them.
            ("net.ipv4.tcp_invalid_ratelimit", "0") => {}
            // It does so always.
            ("net.ipv4.tcp_sack" | "net.ipv4.tcp_window_scaling", "1") => {}
            // It never does.
            (
                "net.ipv4.tcp_dsack"
                | "net.ipv4.tcp_early_retrans"
                | "net.ipv4.tcp_ecn"
                | "net.ipv4.tcp_fastopen"
                | "net.ipv4.tcp_frto"
                | "net.ipv4.tcp_recovery"
                | "net.ipv4.tcp_rfc1337"
                | "net.ipv4.tcp_slow_start_after_idle"
                | "net.ipv4.tcp_syn_linear_timeouts"
                | "net.ipv4.tcp_syncookies"
                | "net.ipv4.tcp_tw_reuse",
                "0",
            ) => {}
            _ => return Err(SutError::Unsupported(format!("the stack has no sysctl {name}={value}"))),
        }
        Ok(())
    }
}

impl Smoltcp {
    /// The place in a listener's pool of a connection that can be accepted.
    fn acceptable(&mut self, index: usize) -> Option<usize> {
        let there = |state| !matches!(state, tcp::State::Listen | tcp::State::SynReceived | tcp::State::Closed);
        // A socket whose connection ended before anyone took it listens again.
        for place in 0..self.listeners[index].pool.len() {
            let (handle, endpoint) = (self.listeners[index].pool[place], self.listeners[index].endpoint);
            let socket = self.get(handle);
            if !socket.is_open() && socket.remote_endpoint().is_none() {
                socket.listen(endpoint).expect("a closed socket listens again");
            }
        }
        let pool = &self.listeners[index].pool;
        pool.iter().position(|handle| there(self.sockets.get::<Socket<'_>>(*handle).state()))
    }
}

fn state(state: tcp::State) -> State {
    match state {
        tcp::State::Closed => State::Closed,
        tcp::State::Listen => State::Listen,
        tcp::State::SynSent => State::SynSent,
        tcp::State::SynReceived => State::SynReceived,
        tcp::State::Established => State::Established,
        tcp::State::FinWait1 => State::FinWait1,
        tcp::State::FinWait2 => State::FinWait2,
        tcp::State::CloseWait => State::CloseWait,
        tcp::State::Closing => State::Closing,
        tcp::State::LastAck => State::LastAck,
        tcp::State::TimeWait => State::TimeWait,
    }
}
