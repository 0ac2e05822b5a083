//! Octets as programs. The layout is stable, so that corpora outlive changes of the code: an operation is never
//! renumbered, and its operands never move.
//!
//! Two octets of set-up; then operations, each an octet and its operands. The low four bits are the operation, the two
//! highest choose a connection or descriptor, the two between are an argument. Operands that are cut off are zero.

/// Events in one program; what follows is ignored.
pub const MOST_EVENTS: usize = 64;

/// A decoded input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// What the run starts from.
    pub setup: Setup,
    /// What happens, in order.
    pub events: Vec<Event>,
}

/// What the run starts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Setup {
    /// Bits 0-1 of the first octet: 0 and 3 `rfc9293`, 1 `rfc793`, 2 `linux`.
    pub profile: u8,
    /// Bit 2: IPv6.
    pub v6: bool,
    /// Bit 3: the peer offers timestamps.
    pub timestamps: bool,
    /// Bit 4: the peer offers window scaling.
    pub scaling: bool,
    /// Bit 5: the peer permits SACK.
    pub sack: bool,
    /// Bits 6-7: the peer's segment size.
    pub mss: Option<u16>,
    /// Bits 0-1 of the second octet: the host's receive buffer; 0 leaves the default.
    pub receive_buffer: Option<u32>,
    /// Bit 2: `TCP_NODELAY` on every socket.
    pub no_delay: bool,
    /// Bit 3: the peer's sequence numbers start just below 2^32.
    pub wrap: bool,
    /// Bits 4-7: seed of the stack.
    pub seed: u8,
}

/// One thing that happens. `at` is one of four connections: 0 and 1 opened by the peer, 2 and 3 by the host. `on` is one
/// of the open descriptors, modulo their number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Event {
    /// 0: a segment of the peer.
    Segment(usize, Draft),
    /// 1: the peer's next text: octets.
    Text(usize, u8),
    /// 2: the peer acknowledges all it has seen, with this window.
    AcknowledgeAll(usize, Window),
    /// 3: time passes.
    Wait(Span),
    /// 4: time passes until the next timer is due.
    WaitForTimer,
    /// 5: the application sends this many octets; MSG_MORE, MSG_OOB.
    Send(usize, u8, bool, bool),
    /// 6: the application reads up to this many octets; MSG_PEEK.
    Receive(usize, u8, bool),
    /// 7: `shutdown`: 0 and 3 write, 1 read, 2 both.
    Shutdown(usize, u8),
    /// 8: `close`; with `SO_LINGER` zero before it.
    Close(usize, bool),
    /// 9: the peer's SYN; with ACK of the host's SYN, if that has been seen.
    Syn(usize, bool),
    /// 10: the peer's FIN, after its text; with RST instead, exactly at the next number.
    End(usize, bool),
    /// 11: `accept`
    Accept,
    /// 12: `connect` on a new socket.
    Connect(usize),
    /// 13: a socket option and its value.
    Option(usize, u8, u8),
    /// 14: an ICMP error about the last segment that the host sent.
    Icmp(usize, u8),
    /// 15: the peer's last segment again; with one octet damaged instead.
    Again(usize, bool),
}

/// The segment of [`Event::Segment`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Draft {
    /// The eight control bits, FIN lowest.
    pub flags: u8,
    /// SEG.SEQ.
    pub seq: Ref,
    /// SEG.ACK.
    pub ack: Ref,
    /// Window.
    pub window: Window,
    /// Bit 3 of the fourth operand: timestamps although the set-up has none, or the other way round.
    pub odd_timestamps: bool,
    /// Bit 4: the timestamps are old.
    pub stale: bool,
    /// Bit 5: the checksum is wrong.
    pub broken: bool,
    /// Bit 6: an option of length 0.
    pub illegal: bool,
    /// Bit 7: a SACK block.
    pub sack: bool,
    /// The fifth operand: octets of text, from 128 on in steps of 16.
    pub length: usize,
}

/// A sequence number relative to what the peer knows: bits 6-7 say to what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ref {
    /// 0: the next number of the sender of that space, and an offset from -32 to 31.
    Next(i8),
    /// 1: what its receiver has acknowledged, and an offset.
    Acknowledged(i8),
    /// 2: the right edge of its receiver's window, and an offset.
    Edge(i8),
    /// 3: the next number, and a power of two (bits 0-4), ahead or (bit 5) behind.
    Far(u8, bool),
}

/// A window on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window(pub u16);

/// How much time passes, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub u64);

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn octet(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }
}

impl Program {
    /// Any octets are a program.
    #[must_use]
    pub fn decode(octets: &[u8]) -> Self {
        let mut reader = Reader(octets);
        let setup = Setup::decode(reader.octet(), reader.octet());
        let mut events = Vec::new();
        while !reader.0.is_empty() && events.len() < MOST_EVENTS {
            events.push(Event::decode(&mut reader));
        }
        Self { setup, events }
    }
}

impl Setup {
    fn decode(first: u8, second: u8) -> Self {
        Self {
            profile: first & 3,
            v6: first & 4 != 0,
            timestamps: first & 8 != 0,
            scaling: first & 16 != 0,
            sack: first & 32 != 0,
            mss: [Some(1460), Some(536), Some(1), None][usize::from(first >> 6)],
            receive_buffer: [None, Some(2304), Some(8192), Some(1 << 20)][usize::from(second & 3)],
            no_delay: second & 4 != 0,
            wrap: second & 8 != 0,
            seed: second >> 4,
        }
    }
}

impl Event {
    fn decode(reader: &mut Reader<'_>) -> Self {
        let first = reader.octet();
        let at = usize::from(first >> 6);
        let (bit4, bit5) = (first & 16 != 0, first & 32 != 0);
        let argument = first >> 4 & 3;
        match first & 15 {
            0 => Self::Segment(at, Draft::decode(reader)),
            1 => Self::Text(at, reader.octet()),
            2 => Self::AcknowledgeAll(at, Window::decode(reader.octet())),
            3 => Self::Wait(Span::decode(first >> 4)),
            4 => Self::WaitForTimer,
            5 => Self::Send(at, reader.octet(), bit4, bit5),
            6 => Self::Receive(at, reader.octet(), bit4),
            7 => Self::Shutdown(at, argument),
            8 => Self::Close(at, bit4),
            9 => Self::Syn(at, bit4),
            10 => Self::End(at, bit4),
            11 => Self::Accept,
            12 => Self::Connect(at),
            13 => Self::Option(at, reader.octet(), reader.octet()),
            14 => Self::Icmp(at, reader.octet()),
            _ => Self::Again(at, bit4),
        }
    }
}

impl Draft {
    fn decode(reader: &mut Reader<'_>) -> Self {
        let (flags, seq, ack) = (reader.octet(), Ref::decode(reader.octet()), Ref::decode(reader.octet()));
        let bits = reader.octet();
        let length = usize::from(reader.octet());
        Self {
            flags,
            seq,
            ack,
            window: Window::decode(bits & 7),
            odd_timestamps: bits & 8 != 0,
            stale: bits & 16 != 0,
            broken: bits & 32 != 0,
            illegal: bits & 64 != 0,
            sack: bits & 128 != 0,
            length: if length < 128 { length } else { (length - 120) * 16 },
        }
    }
}

impl Ref {
    fn decode(octet: u8) -> Self {
        // Six bits as a signed number.
        let offset = (octet << 2).cast_signed() >> 2;
        match octet >> 6 {
            0 => Self::Next(offset),
            1 => Self::Acknowledged(offset),
            2 => Self::Edge(offset),
            _ => Self::Far(octet & 31, octet & 32 != 0),
        }
    }
}

impl Window {
    fn decode(octet: u8) -> Self {
        Self([65_535, 0, 1, 100, 536, 1459, 1460, 8192][usize::from(octet & 7)])
    }
}

impl Span {
    /// From a microsecond to hours: below and above every timer of a connection.
    fn decode(octet: u8) -> Self {
        const SPANS: [u64; 16] = [
            1,
            1_000,
            10_000,
            40_000,
            100_000,
            200_000,
            500_000,
            1_000_000,
            2_000_000,
            5_000_000,
            30_000_000,
            60_000_000,
            130_000_000,
            240_000_000,
            1_000_000_000,
            7_300_000_000,
        ];
        Self(SPANS[usize::from(octet & 15)])
    }
}
