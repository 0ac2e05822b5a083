//! The positive control of silence: a SUT that was silent has to answer a segment that demands an answer.

use crate::compose::header;
use crate::outcome::Lane;
use crate::packet::{Body, Datagram, Tcp, tcp::flag};
use crate::steps::Run;
use crate::stop::Stop;
use crate::sut::{ClockKind, Micros};

/// Nothing listens there.
const CLOSED_PORT: u16 = 9;

impl Run<'_> {
    /// How long an answer may take.
    fn patience(&self) -> Micros {
        match self.exchange.clock {
            ClockKind::Virtual => 10_000_000,
            ClockKind::Real => 1_000_000,
        }
    }

    /// Sends a SYN to a closed port and requires an answer.
    pub(crate) fn control(&mut self) -> Result<(), Stop> {
        let src_port = self.plan.remote_port.wrapping_add(1);
        let syn = Tcp { src_port, dst_port: CLOSED_PORT, flags: flag::SYN, window: 1000, ..Tcp::default() };
        let body = Body::Tcp(syn);
        let ip = header(self.mapping.remote, self.mapping.local, &body);
        let mut datagram = Datagram { ip, body, trailer: Vec::new(), outer: Vec::new() };
        datagram.complete();
        let octets = datagram.encode();
        let (at, _) = self.exchange.inject(&octets)?;
        let entry = self.exchange.record(at, Lane::Note, format!("control: a SYN to port {CLOSED_PORT}"));
        entry.octets = octets;
        let limit = at + self.patience();
        // What the connection under test does now is beyond the script.
        while let Some(arrived) = self.take(limit)? {
            if let Body::Tcp(tcp) = &arrived.datagram.body
                && (tcp.src_port, tcp.dst_port) == (CLOSED_PORT, src_port)
            {
                let entry = self.exchange.record(arrived.at, Lane::Note, "control: answered".into());
                entry.octets = arrived.octets;
                return Ok(());
            }
        }
        Err(Stop::Inconclusive(format!(
            "control failed: a SYN to port {CLOSED_PORT} drew no answer, so the silence before it means nothing"
        )))
    }
}
