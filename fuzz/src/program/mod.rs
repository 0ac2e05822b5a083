//! One event language for every fuzz target of the stack: what the peer sends, what the application calls, what the network
//! loses, and how much time passes.
//!
//! Numbers of segments are relative to what the peer knows ([`Ref`]), so that most programs stay alive whatever an engine does to
//! them. A program has a byte form that outlives changes of these types ([`codec`]), `Arbitrary` for engines that want structure,
//! and mutators that know what an event is ([`mutate`]).

pub mod codec;
pub mod dictionary;
pub mod edges;
pub mod events;
pub mod mutate;
pub mod random;

pub use codec::Malformed;
pub use events::Event;

use arbitrary::{Arbitrary, Unstructured};

/// Events of one program; an engine that makes more gets these.
pub const MOST_EVENTS: usize = 48;

/// What the run starts from, and what happens.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Program {
    /// Both ends before the first event.
    pub setup: Setup,
    /// What happens, in order.
    pub events: Vec<Event>,
}

impl<'a> Arbitrary<'a> for Program {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        let setup = Setup::arbitrary(u)?;
        let events = u.arbitrary_iter()?.take(MOST_EVENTS).collect::<arbitrary::Result<_>>()?;
        Ok(Self { setup, events })
    }
}

/// One of four connections: 0 and 1 are opened by the peer, 2 and 3 by the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct At(u8);

impl At {
    /// Connections of a program.
    pub const COUNT: usize = 4;

    /// The connection of this number, modulo their count.
    #[must_use]
    pub const fn new(number: u8) -> Self {
        Self(number % Self::COUNT as u8)
    }

    /// As an index.
    #[must_use]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// Whether the host opens it.
    #[must_use]
    pub const fn is_active(self) -> bool {
        self.0 >= 2
    }
}

impl<'a> Arbitrary<'a> for At {
    fn arbitrary(u: &mut Unstructured<'a>) -> arbitrary::Result<Self> {
        // Most programs are about one connection.
        let octet = u8::arbitrary(u)?;
        Ok(Self::new(if octet < 192 { octet & 2 } else { octet }))
    }
}

/// Configuration of the host, by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Arbitrary)]
pub enum Profile {
    /// RFC 9293 and the documents it names.
    #[default]
    Rfc9293,
    /// RFC 793 as corrected by RFC 1122.
    Rfc793,
    /// Linux's defaults.
    Linux,
}

/// Where the peer's sequence numbers begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Arbitrary)]
pub enum Iss {
    /// Far from any edge.
    #[default]
    Plain,
    /// Twenty below 2^32.
    BelowWrap,
    /// Twenty below 2^31.
    BelowHalf,
}

/// What happens after the last event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Arbitrary)]
pub enum Ending {
    /// The peer acknowledges everything, opens its window and closes: whatever was written must arrive (the liveness phase).
    #[default]
    Cooperative,
    /// Everything is closed, and the peer says nothing more: the host must give up and forget.
    Silent,
}

/// Both ends before the first event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub struct Setup {
    /// The host's configuration.
    pub profile: Profile,
    /// IPv6.
    pub v6: bool,
    /// The peer offers timestamps.
    pub timestamps: bool,
    /// The peer permits SACK.
    pub sack: bool,
    /// Shift count that the peer offers; above 15: no window scaling.
    pub shift: u8,
    /// The peer's segment size; `None` leaves the option out.
    pub mss: Option<u16>,
    /// `SO_RCVBUF` in units of 64 octets; 0 leaves the default.
    pub receive_buffer: u16,
    /// `SO_SNDBUF` in units of 64 octets; 0 leaves the default.
    pub send_buffer: u16,
    /// `TCP_NODELAY` on every socket.
    pub no_delay: bool,
    /// Where the peer's sequence numbers begin.
    pub iss: Iss,
    /// The backlog of the listener.
    pub backlog: u8,
    /// Decides everything random in the host.
    pub seed: u8,
    /// What happens after the last event.
    pub ending: Ending,
}

impl Default for Setup {
    /// IPv4, every option, the host as RFC 9293 has it.
    fn default() -> Self {
        Self {
            profile: Profile::Rfc9293,
            v6: false,
            timestamps: true,
            sack: true,
            shift: 3,
            mss: Some(1460),
            receive_buffer: 0,
            send_buffer: 0,
            no_delay: false,
            iss: Iss::Plain,
            backlog: 2,
            seed: 0,
            ending: Ending::Cooperative,
        }
    }
}

/// A sequence or acknowledgment number relative to what the peer knows. The space is that of the field: for SEG.SEQ the peer's own
/// numbers, for SEG.ACK the host's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Arbitrary)]
pub enum Ref {
    /// The number after the last that was used in that space.
    Next(i16),
    /// What the other side has acknowledged of that space.
    Acknowledged(i16),
    /// The right edge of the window in that space.
    Edge(i16),
    /// The initial sequence number of that space.
    First(i16),
    /// The next number and a power of two ahead (0 to 31), or 32 more for as far behind.
    Far(u8),
    /// As it is on the wire.
    Absolute(u32),
}

impl Default for Ref {
    fn default() -> Self {
        Self::Next(0)
    }
}

/// Timestamps of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Arbitrary)]
pub enum Stamps {
    /// As the handshake has it.
    #[default]
    Negotiated,
    /// The other way round.
    Opposite,
    /// This many milliseconds before now.
    Old(u16),
    /// This many milliseconds after now.
    Ahead(u16),
    /// The echo is what the host never sent.
    WrongEcho,
}

/// An option of a segment beside what the handshake agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Arbitrary)]
pub enum Odd {
    /// None.
    #[default]
    None,
    /// A segment size, whatever the segment.
    Mss(u16),
    /// A shift count, whatever the segment.
    Shift(u8),
    /// SACK permitted, whatever the segment.
    SackPermitted,
    /// Kind 253 with this many octets of data, up to 8.
    Unknown(u8),
    /// A segment size of length 0.
    ZeroLength,
    /// An option that is longer than what is left.
    TooLong,
    /// Octets without meaning behind the end of the list.
    AfterEnd,
    /// Nothing but no-operations.
    Padding,
    /// A request for a Fast Open cookie.
    FastOpen,
}

/// A SACK block: where it begins, relative to SEG.ACK, and its octets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Arbitrary)]
pub struct Sack {
    /// Left edge less SEG.ACK.
    pub from: i16,
    /// Right edge less left edge; 0 with `from` 0 is no block.
    pub octets: u16,
}

/// What is wrong with a datagram.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Arbitrary)]
pub enum Damage {
    /// Nothing.
    #[default]
    None,
    /// The TCP checksum.
    Checksum,
    /// A data offset below five words.
    ShortOffset,
    /// A data offset beyond the segment.
    LongOffset,
    /// The datagram ends inside the TCP header.
    Truncated,
    /// It comes from a broadcast, multicast or unspecified address, or from the host's own.
    Source(u8),
    /// It goes to a broadcast or multicast address.
    Destination(u8),
    /// Octets behind the length of the datagram, which mean nothing and do no harm.
    Trailer,
    /// Reserved bits are set, which do no harm.
    Reserved,
}

impl Damage {
    /// Whether the host has to pass over the segment as if it had never come.
    #[must_use]
    pub const fn is_fatal(self) -> bool {
        !matches!(self, Self::None | Self::Trailer | Self::Reserved)
    }
}

/// A segment of the peer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Arbitrary)]
pub struct Segment {
    /// Control bits, FIN lowest, CWR highest.
    pub flags: u8,
    /// SEG.SEQ.
    pub seq: Ref,
    /// SEG.ACK.
    pub ack: Ref,
    /// The window as on the wire.
    pub window: u16,
    /// Octets of text.
    pub length: u16,
    /// Urgent pointer, when URG is set.
    pub urgent: u16,
    /// Timestamps.
    pub stamps: Stamps,
    /// One more option.
    pub odd: Odd,
    /// SACK blocks.
    pub sacks: [Sack; 2],
    /// What is wrong with it.
    pub damage: Damage,
    /// The ECN field of the datagram, two bits.
    pub ecn: u8,
}

/// An ICMP error about a segment of the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Arbitrary)]
pub enum Icmp {
    /// Network unreachable, no route.
    #[default]
    Network,
    /// Host unreachable.
    Host,
    /// Port unreachable.
    Port,
    /// Protocol unreachable; in IPv6 a parameter problem about the next header.
    Protocol,
    /// Fragmentation needed, packet too big: the MTU.
    TooBig(u16),
    /// Time exceeded.
    Time,
    /// Source quench; in IPv6 an unknown error.
    Quench,
    /// Parameter problem.
    Parameter,
}

/// Which way a datagram goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Arbitrary)]
pub enum Way {
    /// From the peer.
    #[default]
    ToHost,
    /// From the host.
    ToPeer,
}

/// What `shutdown` ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Arbitrary)]
pub enum Half {
    /// `SHUT_WR`
    #[default]
    Write,
    /// `SHUT_RD`
    Read,
    /// `SHUT_RDWR`
    Both,
}

/// A socket option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Arbitrary)]
#[allow(missing_docs, reason = "Linux's names")]
pub enum Name {
    #[default]
    NoDelay,
    Cork,
    KeepAlive,
    KeepIdle,
    KeepIntvl,
    KeepCnt,
    UserTimeout,
    SndBuf,
    RcvBuf,
    MaxSeg,
    Linger2,
    QuickAck,
    WindowClamp,
    Ttl,
    RecvErr,
    SynCnt,
    RcvLowat,
    OobInline,
    DeferAccept,
    NotSentLowAt,
}

impl Segment {
    /// A bare acknowledgment of all that the peer has seen.
    #[must_use]
    pub fn ack() -> Self {
        Self { flags: 0x10, window: 65_535, ..Self::default() }
    }

    /// The next text.
    #[must_use]
    pub fn text(length: u16) -> Self {
        Self { flags: 0x18, window: 65_535, length, ..Self::default() }
    }
}
