//! A SYN to a port that nobody holds, from octets to octets.

use crate::peer::{self, HOST};
use crate::rounds::{Contender, Unit, compare};
use crate::smoltcp_host::SmoltcpHost;
use halfopen_stack::{Config, Instant, Stack};
use std::hint::black_box;

pub(crate) fn rows() {
    let syn = peer::syn();
    let mut stack = Stack::new(Config::rfc9293(), 1);
    stack.add_address(HOST.into());
    let mut reset = Vec::new();
    let mut other = SmoltcpHost::new(HOST, 1500, true);
    compare(
        "SYN to RST",
        Unit::Time,
        Contender::new("halfopen", || {
            stack.receive(Instant(0), black_box(&syn));
            assert!(stack.transmit_into(&mut reset), "no reset");
            black_box(&reset);
        }),
        vec![Contender::new("smoltcp", || {
            let reset = other.exchange(smoltcp::time::Instant::ZERO, black_box(&syn)).expect("a reset");
            black_box(&reset);
            other.queues.free.push(reset);
        })],
    );
}
