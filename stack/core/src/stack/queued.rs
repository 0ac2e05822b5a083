//! Several datagrams at once: what has been waiting together is processed together, before any of it is acknowledged
//! (RFC 9293 3.10.7.4, MUST-58 and MUST-59).

use super::Stack;
use super::connection::ConnectionId;
use super::demux::Place;
use crate::host::Fx;
use crate::rules;
use crate::tcp::output;
use crate::tcp::segment_arrives;
use crate::tcp::tcb::Tuple;
use crate::time::Instant;
use crate::wire::tcp::Segment;

/// The ECN field of a datagram that met congestion: its mark is to be told at once.
const CE: u8 = 3;

/// Whether datagrams are being taken from a queue.
#[derive(Debug, Default)]
pub(super) enum Queued {
    /// They come one by one.
    #[default]
    No,
    /// From a queue. The connection, if there is one, has taken text, and what ends the event is still to be done.
    Yes(Option<(Tuple, ConnectionId)>),
}

impl Stack {
    /// Takes datagrams that have been waiting together, in order, as [`Stack::receive`] takes each. Text that continues a
    /// connection's stream is acknowledged once, behind the last segment of such a run; everything else is answered as it
    /// comes.
    pub fn receive_queued<'a>(&mut self, now: Instant, datagrams: impl IntoIterator<Item = &'a [u8]>) {
        self.queued = Queued::Yes(None);
        for datagram in datagrams {
            self.receive(now, datagram);
        }
        self.finish_event(now);
        self.queued = Queued::No;
    }

    /// Does what ends the event of a connection that has taken text from the queue.
    pub(super) fn finish_event(&mut self, now: Instant) {
        if let Queued::Yes(unfinished) = &mut self.queued
            && let Some((_, id)) = unfinished.take()
        {
            self.with(id, now, output::after_event);
        }
    }

    /// Takes a segment from the queue whose acknowledgment may wait for those behind it. `false`: this one is not of that
    /// kind, and nothing was done but to finish what waited.
    pub(super) fn text_in_queue(&mut self, tuple: Tuple, now: Instant, seg: &Segment<'_>) -> bool {
        let Queued::Yes(unfinished) = self.queued else { return false };
        let id = match unfinished {
            Some((of, id)) if of == tuple => Some(id),
            Some(_) | None => {
                self.finish_event(now);
                let place = self.find(&tuple);
                if let Some(Place::Connection(number)) = place { Some(self.connection_at(number)) } else { None }
            }
        };
        let marked = self.host.ecn == CE;
        if let Some(id) = id
            && let Some(connection) = self.connections.get_mut(&id)
            && !marked
            && segment_arrives::continues_stream(&connection.tcb, seg)
        {
            let mut fx = Fx::new(now, &mut self.host);
            fx.cite(rules::QUEUED_SEGMENTS);
            segment_arrives::checks(&mut connection.tcb, seg, &mut fx);
            self.queued = Queued::Yes(Some((tuple, id)));
            return true;
        }
        self.finish_event(now);
        false
    }
}
