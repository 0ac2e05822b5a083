//! The events, each with the number that the byte form knows it by. A number is never given to another event, and fields are only
//! added at the end.

use super::codec::{Field, Reader};
use super::{At, Half, Icmp, Name, Segment, Way};
use arbitrary::Arbitrary;

macro_rules! events {
    ($($tag:literal $kind:literal $(#[doc = $text:literal])* $name:ident { $($(#[doc = $about:literal])* $field:ident: $type:ty),* })*) => {
        /// One thing that happens.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
        #[allow(missing_docs, reason = "a field whose name and type say what it is")]
        pub enum Event {
            $($(#[doc = $text])* $name { $($(#[doc = $about])* $field: $type),* },)*
        }

        impl Event {
            /// Number and name of every event, in the order of the table.
            pub const KINDS: &'static [(u8, &'static str)] = &[$(($tag, $kind)),*];

            /// Its name in reports.
            #[must_use]
            pub const fn kind(&self) -> &'static str {
                match self { $(Self::$name { .. } => $kind,)* }
            }

            /// Its number in the byte form.
            #[must_use]
            pub const fn tag(&self) -> u8 {
                match self { $(Self::$name { .. } => $tag,)* }
            }

            pub(super) fn put(&self, out: &mut Vec<u8>) {
                match self { $(Self::$name { $($field),* } => { let _ = &out; $($field.put(out);)* })* }
            }

            pub(super) fn take(tag: u8, reader: &mut Reader<'_>) -> Option<Self> {
                let _ = &reader;
                Some(match tag {
                    $($tag => Self::$name { $($field: Field::take(reader)?),* },)*
                    _ => return None,
                })
            }
        }
    };
}

events! {
    0x10 "segment"
    /// Any segment of the peer.
    Segment { at: At, segment: Segment }
    0x11 "text"
    /// The peer's next text.
    Text { at: At, /// Octets.
        length: u16 }
    0x12 "acknowledge"
    /// The peer acknowledges all that it has seen.
    Acknowledge { at: At, /// As on the wire.
        window: u16 }
    0x13 "syn"
    /// The peer's SYN: a new one once the connection was used, otherwise the same again.
    Syn { at: At, /// It acknowledges the host's SYN, if that has been seen.
        ack: bool }
    0x14 "fin"
    /// The peer's FIN, behind its text.
    Fin { at: At }
    0x15 "reset"
    /// A RST at the number that the host expects next.
    Reset { at: At }
    0x16 "open"
    /// A whole handshake, from either side; a passive one is accepted.
    Open { at: At }
    0x17 "again"
    /// An earlier segment of the peer once more.
    Again { at: At, /// How many segments ago, 0 the last.
        back: u8 }
    0x18 "hold"
    /// The peer's next segment waits in the network until another one has passed it.
    Hold { at: At }
    0x19 "lose"
    /// The next datagrams that go this way get lost.
    Lose { way: Way, /// How many.
        count: u8 }
    0x1a "icmp"
    /// An ICMP error about the last segment of the host.
    Icmp { at: At, error: Icmp, /// Octets of the segment that it quotes; 0 is eight.
        quoted: u8, /// It quotes a sequence number that was not sent (RFC 5927 4.1).
        forged: bool }
    0x1b "duplicate"
    /// The network delivers the peer's next segment twice.
    Duplicate { at: At }
    0x20 "wait"
    /// Time passes.
    Wait { /// Microseconds.
        micros: u32 }
    0x21 "wait-for-timer"
    /// Time passes until the host's next timer is due, and it fires.
    WaitForTimer {}
    0x22 "wait-long"
    /// Time passes.
    WaitLong { /// Seconds.
        seconds: u16 }
    0x30 "accept"
    /// `accept`
    Accept {}
    0x31 "connect"
    /// `connect` on the connection's socket, which it makes if there is none.
    Connect { at: At }
    0x32 "send"
    /// `send`
    Send { at: At, /// Octets.
        length: u16, /// `MSG_MORE`
        more: bool, /// `MSG_OOB`
        urgent: bool }
    0x33 "receive"
    /// `recv`
    Receive { at: At, /// Octets.
        length: u16, /// `MSG_PEEK`
        peek: bool }
    0x34 "shutdown"
    /// `shutdown`
    Shutdown { at: At, half: Half }
    0x35 "close"
    /// `close`
    Close { at: At }
    0x36 "abort"
    /// `close` with `SO_LINGER` zero.
    Abort { at: At }
    0x37 "option"
    /// `setsockopt`
    Option { at: At, name: Name, value: u16 }
    0x38 "close-listener"
    /// `close` of the listener.
    CloseListener {}
    0x39 "listen"
    /// The listener again, after it was closed; its backlog anew, while it is open.
    Listen { backlog: u8 }
}

impl Event {
    /// The connection that it is about.
    #[must_use]
    pub const fn at(&self) -> Option<At> {
        match *self {
            Self::Segment { at, .. }
            | Self::Text { at, .. }
            | Self::Acknowledge { at, .. }
            | Self::Syn { at, .. }
            | Self::Fin { at }
            | Self::Reset { at }
            | Self::Open { at }
            | Self::Again { at, .. }
            | Self::Hold { at }
            | Self::Icmp { at, .. }
            | Self::Duplicate { at }
            | Self::Connect { at }
            | Self::Send { at, .. }
            | Self::Receive { at, .. }
            | Self::Shutdown { at, .. }
            | Self::Close { at }
            | Self::Abort { at }
            | Self::Option { at, .. } => Some(at),
            Self::Lose { .. }
            | Self::Wait { .. }
            | Self::WaitForTimer {}
            | Self::WaitLong { .. }
            | Self::Accept {}
            | Self::CloseListener {}
            | Self::Listen { .. } => None,
        }
    }
}
