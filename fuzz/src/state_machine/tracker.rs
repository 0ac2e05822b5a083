//! What one connection's outgoing segments must hold from one to the next.

use super::narration::Shown;
use super::pattern;
use halfopen_engine::packet::Tcp;
use halfopen_engine::packet::tcp::flag;

/// One incarnation of a connection, from the host's SYN on.
#[derive(Debug, Clone)]
pub(super) struct Tracker {
    /// ISS of the host.
    pub(super) iss: u32,
    /// Octets that the application wrote.
    pub(super) written: u32,
    /// The number after the last that the host used.
    pub(super) next: u32,
    /// The last acknowledgment number sent.
    pub(super) acknowledged: Option<u32>,
    /// The window that went with it, as on the wire, and the host's shift.
    pub(super) window: u16,
    pub(super) shift: u8,
    /// Where its FIN stands.
    fin: Option<u32>,
    /// The right edge of the furthest window that the peer offered.
    edge: u32,
    /// The incarnation before this one: the host may go back to its TIME-WAIT when the SYN that began this one proves old
    /// (RFC 9293 3.6.1).
    replaced: Option<Box<Tracker>>,
}

impl Tracker {
    /// Follows a segment that is no RST. `None` when it belongs to no incarnation that was seen to begin.
    pub(super) fn follow(tracker: &mut Option<Self>, tcp: &Tcp) {
        if tcp.has(flag::SYN) {
            let same = tracker.as_ref().is_some_and(|known| {
                let back = tcp.has(flag::ACK) && known.acknowledged.is_some_and(|ack| before(tcp.ack, ack));
                known.iss == tcp.seq && !back
            });
            if !same {
                *tracker = Some(Self::new(tcp, tracker.take()));
            }
        } else if let Some(known) = tracker
            && known.next == known.stream(0)
            && let Some(old) = known.replaced.take_if(|old| old.is_repeated_by(tcp))
        {
            *tracker = Some(*old);
        }
        let Some(known) = tracker else { panic!("a segment of a connection that never sent a SYN: {}", Shown(tcp)) };
        known.segment(tcp);
    }

    fn new(tcp: &Tcp, replaced: Option<Self>) -> Self {
        let next = tcp.seq.wrapping_add(1);
        // One is enough: the one before it is beyond return.
        let replaced = replaced.map(|old| Box::new(Self { replaced: None, ..old }));
        Self {
            iss: tcp.seq,
            written: 0,
            next,
            acknowledged: None,
            window: 0,
            shift: 0,
            fin: None,
            edge: next,
            replaced,
        }
    }

    /// Whether a segment is the ACK that ended this incarnation once more.
    fn is_repeated_by(&self, tcp: &Tcp) -> bool {
        tcp.seq == self.next && self.acknowledged == Some(tcp.ack) && tcp.payload.is_empty() && self.fin.is_some()
    }

    /// The peer offers `window` octets from `ack` on; `None` is a SYN, whose window begins after the host's SYN.
    pub(super) fn offered(&mut self, ack: Option<u32>, window: u32) {
        let ack = ack.unwrap_or(self.stream(0));
        // What acknowledges nothing that was sent offers nothing.
        let sent = self.next.wrapping_sub(self.iss);
        let edge = ack.wrapping_add(window);
        if ack.wrapping_sub(self.iss) <= sent && before(self.edge, edge) {
            self.edge = edge;
        }
    }

    fn segment(&mut self, tcp: &Tcp) {
        let syn = tcp.has(flag::SYN);
        let start = tcp.seq.wrapping_add(u32::from(syn));
        let end = start.wrapping_add(tcp.payload.len() as u32);
        assert!(!syn || tcp.seq == self.iss, "a SYN at {} and at {}", self.iss, tcp.seq);
        assert!(!before(self.next, start), "a hole before {start}, {} was next: {}", self.next, Shown(tcp));
        self.text(start, tcp);
        // One octet is a probe (RFC 9293 3.8.6.1).
        let beyond = before(self.edge.wrapping_add(1), end) || before(self.edge, end) && tcp.payload.len() > 1;
        assert!(!beyond, "text up to {end}, the window ends at {}: {}", self.edge, Shown(tcp));
        if let Some(fin) = self.fin {
            assert!(
                tcp.payload.is_empty() || !before(fin, end),
                "text up to {end} behind the FIN at {fin}: {}",
                Shown(tcp)
            );
        }
        if tcp.has(flag::FIN) {
            assert!(self.fin.is_none_or(|fin| fin == end), "a FIN at {:?} and at {end}", self.fin);
            assert_eq!(end, self.stream(self.written), "a FIN before the last octet that was written: {}", Shown(tcp));
            self.fin = Some(end);
        }
        let end = end.wrapping_add(u32::from(tcp.has(flag::FIN)));
        if before(self.next, end) {
            self.next = end;
        }
        if tcp.has(flag::ACK) {
            if let Some(known) = self.acknowledged {
                assert!(!before(tcp.ack, known), "acknowledgments go back from {known}: {}", Shown(tcp));
            }
            (self.acknowledged, self.window) = (Some(tcp.ack), tcp.window);
        }
    }

    /// The sequence number of this offset of the application's stream.
    fn stream(&self, offset: u32) -> u32 {
        self.iss.wrapping_add(1).wrapping_add(offset)
    }

    fn text(&self, start: u32, tcp: &Tcp) {
        let (offset, octets) = (start.wrapping_sub(self.stream(0)), tcp.payload.len());
        let end = u64::from(offset) + octets as u64;
        assert!(octets == 0 || end <= self.written.into(), "octets {offset}:{end} were never written: {}", Shown(tcp));
        assert!(tcp.payload == pattern::written(offset, octets), "octets {offset}:{end} are others: {}", Shown(tcp));
    }
}

/// RFC 9293 3.4.
pub(super) fn before(a: u32, b: u32) -> bool {
    a.wrapping_sub(b).cast_signed() < 0
}
