//! ICMP in: echo requests are answered, errors go to the connection that they are about (RFC 9293 3.9.2.2, MUST-54).

use super::Stack;
use crate::rules;
use crate::tcp::icmp as errors;
use crate::tcp::output;
use crate::tcp::tcb::Tuple;
use crate::time::Instant;
use crate::wire::icmp::{self, Error, Message};
use crate::wire::ip::Datagram;
use core::net::SocketAddr;

impl Stack {
    pub(super) fn receive_icmp(&mut self, now: Instant, datagram: &Datagram<'_>) {
        match icmp::parse(datagram) {
            Ok(Message::EchoRequest(echo)) => {
                if let Some(reply) = icmp::echo_reply(datagram, &echo) {
                    self.host.send(reply);
                }
            }
            Ok(Message::Error(error)) => self.receive_error(now, &error),
            Ok(Message::SourceQuench) => self.host.cite(rules::ICMP_SOURCE_QUENCH),
            Ok(Message::EchoReply(_) | Message::Other { .. }) => {}
            Err(_) => self.host.counters.malformed += 1,
        }
    }

    fn receive_error(&mut self, now: Instant, error: &Error<'_>) {
        let quoted = &error.quoted;
        let Some(segment) = quoted.segment() else { return };
        let tuple = Tuple {
            local: SocketAddr::new(quoted.src, segment.src_port),
            remote: SocketAddr::new(quoted.dst, segment.dst_port),
        };
        let Some(place) = self.find(&tuple) else { return };
        self.with_place(place, now, |tcb, fx| {
            errors::arrives(tcb, error.problem, segment.seq, quoted.total, fx);
            output::after_other_event(tcb, fx);
        });
    }
}
