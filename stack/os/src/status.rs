//! What a running host tells about itself: addresses, neighbours, sockets, timers, counters; as `ss -tino` and `nstat` do.

use crate::impair::Counts;
use halfopen_stack::socket::Holder;
use halfopen_stack::{Instant, Snapshot, Stack};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt;
use std::net::SocketAddr;

/// Everything, at one moment. Times are microseconds; those of timers from now on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Version of this layout.
    pub v: u32,
    /// The host's clock.
    pub at_us: u64,
    /// Where it is attached.
    pub device: DeviceStatus,
    /// Its addresses with their prefixes.
    pub addresses: Vec<String>,
    /// Its neighbours, on Ethernet.
    pub neighbours: Vec<NeighbourStatus>,
    /// Sockets that listen.
    pub listeners: Vec<ListenerStatus>,
    /// Connections, those without socket too.
    pub connections: Vec<ConnectionStatus>,
    /// `nstat`'s names and values.
    pub counters: BTreeMap<String, u64>,
    /// Datagrams impaired on their way in and out.
    pub impaired: Option<[Counts; 2]>,
}

/// The device and its frames.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceStatus {
    /// Name of the interface.
    pub name: String,
    /// The host's hardware address, on Ethernet.
    pub mac: Option<String>,
    /// Octets of the largest datagram.
    pub mtu: usize,
    /// Frames read.
    pub read: u64,
    /// Frames written.
    pub written: u64,
    /// Frames that the kernel refused.
    pub refused: u64,
    /// Datagrams without a route.
    pub unroutable: u64,
    /// Datagrams whose neighbour did not answer.
    pub unresolved: u64,
}

/// One entry of the neighbour cache.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NeighbourStatus {
    /// Whose.
    pub address: String,
    /// Where it is, once it has answered.
    pub mac: Option<String>,
    /// As `ip neighbour` calls it.
    pub state: String,
}

/// One listener.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListenerStatus {
    /// Descriptor.
    pub fd: i32,
    /// Local socket.
    pub local: SocketAddr,
    /// Connections that wait to be accepted.
    pub accept_queue: u64,
    /// Connections in SYN-RECEIVED.
    pub half_open: u64,
}

/// One connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionStatus {
    /// `socket 5`, `half-open at listener 3`, `in the accept queue of 3`, `orphan`.
    pub holder: String,
    /// As the RFC spells it.
    pub state: String,
    /// Local socket.
    pub local: SocketAddr,
    /// Remote socket.
    pub remote: SocketAddr,
    /// Octets that can be read.
    pub recv_q: usize,
    /// Octets not acknowledged.
    pub send_q: usize,
    /// Timers that run, and in how many microseconds each goes off.
    pub timers: Vec<(String, u64)>,
    /// `ts`, `sack`, `wscale`, as negotiated.
    pub options: Vec<String>,
    /// SND.UNA, SND.NXT, SND.WND, RCV.NXT, RCV.WND, cwnd ..., by the RFCs' names.
    pub variables: BTreeMap<String, u64>,
    /// `TCP_INFO`, by Linux's names.
    pub tcp_info: BTreeMap<String, u64>,
    /// `SO_ERROR`.
    pub error: Option<String>,
}

/// What the stack itself knows: listeners, connections, counters.
pub fn of_stack(stack: &Stack, now: Instant, listeners: impl Iterator<Item = i32>) -> Status {
    let half_open = |fd| stack.connections().filter(|c| c.holder == Holder::HalfOpen(fd)).count() as u64;
    let listeners = listeners.filter_map(|fd| {
        let local = stack.local_address(fd).ok()??;
        let accept_queue = stack.tcp_info(fd).ok()?.unacked;
        Some(ListenerStatus { fd, local, accept_queue, half_open: half_open(fd) })
    });
    Status {
        v: 1,
        at_us: now.micros(),
        device: DeviceStatus {
            name: String::new(),
            mac: None,
            mtu: 0,
            read: 0,
            written: 0,
            refused: 0,
            unroutable: 0,
            unresolved: 0,
        },
        addresses: Vec::new(),
        neighbours: Vec::new(),
        listeners: listeners.collect(),
        connections: stack.snapshots().map(|snapshot| connection(&snapshot, now)).collect(),
        counters: stack.counters().iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        impaired: None,
    }
}

fn connection(snapshot: &Snapshot, now: Instant) -> ConnectionStatus {
    let Snapshot { snd, rcv, congestion, .. } = snapshot;
    let micros = |duration: std::time::Duration| duration.as_micros() as u64;
    let variables = [
        ("SND.UNA", snd.una.0.into()),
        ("SND.NXT", snd.nxt.0.into()),
        ("SND.WND", snd.wnd.into()),
        ("ISS", snd.iss.0.into()),
        ("RCV.NXT", rcv.nxt.0.into()),
        ("RCV.WND", rcv.wnd.into()),
        ("IRS", rcv.irs.0.into()),
        ("SMSS", snd.smss.into()),
        ("Snd.Wind.Shift", snd.shift.into()),
        ("Rcv.Wind.Shift", rcv.shift.into()),
        ("cwnd", congestion.cwnd.into()),
        ("ssthresh", congestion.ssthresh.into()),
        ("FlightSize", congestion.flight.into()),
        ("SRTT_us", congestion.srtt.map_or(0, micros)),
        ("RTTVAR_us", micros(congestion.rttvar)),
        ("RTO_us", micros(congestion.rto)),
        ("unsent", snapshot.unsent.into()),
    ];
    let options = [(snapshot.timestamps, "ts"), (snapshot.sack, "sack"), (snapshot.window_scaling, "wscale")];
    ConnectionStatus {
        holder: snapshot.holder.to_string(),
        state: snapshot.state.to_string(),
        local: snapshot.local,
        remote: snapshot.remote,
        recv_q: snapshot.unread,
        send_q: snapshot.unacknowledged,
        timers: snapshot.timers.iter().map(|(name, at)| ((*name).to_owned(), micros(at.since(now)))).collect(),
        options: options.iter().filter(|(is, _)| *is).map(|(_, name)| (*name).to_owned()).collect(),
        variables: variables.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect(),
        tcp_info: snapshot.info.iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        error: snapshot.error.map(|error| error.name().to_owned()),
    }
}

impl ConnectionStatus {
    fn variable(&self, name: &str) -> u64 {
        self.variables.get(name).copied().unwrap_or(0)
    }

    fn info(&self, name: &str) -> u64 {
        self.tcp_info.get(name).copied().unwrap_or(0)
    }

    /// The second line of `ss -tino`.
    fn details(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |name| self.variable(name) as f64 / 1000.0;
        for option in &self.options {
            write!(f, " {option}")?;
            if option == "wscale" {
                write!(f, ":{},{}", self.variable("Snd.Wind.Shift"), self.variable("Rcv.Wind.Shift"))?;
            }
        }
        write!(f, " rto:{}", milliseconds("RTO_us"))?;
        if self.variable("SRTT_us") > 0 {
            write!(f, " rtt:{}/{}", milliseconds("SRTT_us"), milliseconds("RTTVAR_us"))?;
        }
        write!(f, " mss:{} cwnd:{}", self.variable("SMSS"), self.variable("cwnd"))?;
        if self.variable("ssthresh") != u64::from(u32::MAX) {
            write!(f, " ssthresh:{}", self.variable("ssthresh"))?;
        }
        let (sent, acked) = (self.info("tcpi_bytes_sent"), self.info("tcpi_bytes_acked"));
        write!(f, " bytes_sent:{sent} bytes_acked:{acked} bytes_received:{}", self.info("tcpi_bytes_received"))?;
        write!(f, " segs_out:{} segs_in:{}", self.info("tcpi_segs_out"), self.info("tcpi_segs_in"))?;
        write!(f, " unacked:{} retrans:{}", self.variable("FlightSize"), self.info("tcpi_total_retrans"))?;
        writeln!(f, " snd_wnd:{} rcv_wnd:{}", self.variable("SND.WND"), self.variable("RCV.WND"))
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let device = &self.device;
        write!(f, "{} mtu {}", device.name, device.mtu)?;
        if let Some(mac) = &device.mac {
            write!(f, " {mac}")?;
        }
        for address in &self.addresses {
            write!(f, " {address}")?;
        }
        writeln!(f, "; frames in {} out {} refused {}", device.read, device.written, device.refused)?;
        for neighbour in &self.neighbours {
            let mac = neighbour.mac.as_deref().unwrap_or("-");
            writeln!(f, "neighbour {} {mac} {}", neighbour.address, neighbour.state)?;
        }
        for (way, counts) in ["in", "out"].iter().zip(self.impaired.iter().flatten()) {
            writeln!(
                f,
                "impaired {way}: {} offered, {} lost, {} doubled, {} reordered, {} corrupted, {} overflowed",
                counts.offered, counts.lost, counts.doubled, counts.reordered, counts.corrupted, counts.overflowed
            )?;
        }
        let head = ("State", "Recv-Q", "Send-Q", "Local", "Peer");
        writeln!(f, "\n{:<12} {:>8} {:>8} {:<26} {:<26}", head.0, head.1, head.2, head.3, head.4)?;
        for listener in &self.listeners {
            let (queue, local) = (listener.accept_queue, listener.local.to_string());
            write!(f, "{:<12} {queue:>8} {:>8} {local:<26} {:<26}", "LISTEN", "-", "*")?;
            writeln!(f, " socket {} half-open:{}", listener.fd, listener.half_open)?;
        }
        for connection in &self.connections {
            let (local, remote) = (connection.local.to_string(), connection.remote.to_string());
            let (recv, send) = (connection.recv_q, connection.send_q);
            write!(f, "{:<12} {recv:>8} {send:>8} {local:<26} {remote:<26} {}", connection.state, connection.holder)?;
            for (name, micros) in &connection.timers {
                write!(f, " timer:({name},{}ms)", micros / 1000)?;
            }
            if let Some(error) = &connection.error {
                write!(f, " error:{error}")?;
            }
            write!(f, "\n\t")?;
            connection.details(f)?;
        }
        writeln!(f)?;
        for (name, value) in self.counters.iter().filter(|(_, value)| **value > 0) {
            writeln!(f, "{name:<32} {value}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::services::{Service, Services};
    use halfopen_stack::Config;
    use halfopen_stack::socket::Domain;

    #[test]
    fn sockets_timers_and_counters_are_shown_and_survive_json() {
        let mut stack = Stack::new(Config::rfc9293(), 1);
        stack.add_address("192.0.2.1".parse().expect("an address"));
        let service: Service = "echo:7".parse().expect("a service");
        let services = Services::open(&mut stack, &[service]).expect("opens");
        let now = Instant(1_000_000);
        let fd = stack.socket(Domain::Inet).expect("a socket");
        stack.connect(now, fd, "192.0.2.9:80".parse().expect("a socket")).expect_err("in progress");
        let status = of_stack(&stack, now, services.listeners());
        assert_eq!(status.listeners.len(), 2, "one of each family");
        let connection = &status.connections[0];
        assert_eq!((connection.state.as_str(), connection.holder.as_str()), ("SYN-SENT", "socket 5"));
        assert_eq!(connection.timers, [("retransmission".to_owned(), 1_000_000)]);
        assert_eq!(status.counters["TcpActiveOpens"], 1);
        let json = serde_json::to_string(&status).expect("plain data");
        assert_eq!(serde_json::from_str::<Status>(&json).expect("comes back"), status);
        let text = status.to_string();
        for part in ["LISTEN", "0.0.0.0:7", "[::]:7", "SYN-SENT", "timer:(retransmission,1000ms)", "TcpActiveOpens"] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
