//! Packet lines.

use super::{Num, Spanned};
use std::net::IpAddr;

/// Which way a packet goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// `<`: injected by the harness.
    Inbound,
    /// `>`: expected from the SUT.
    Outbound,
}

/// A packet line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// `<` or `>`.
    pub direction: Direction,
    /// Words in `[ ]` or `( )` before the body.
    pub ip: Vec<Spanned<IpWord>>,
    /// Outer headers, outermost first. Empty in nearly every script.
    pub outer: Vec<Spanned<Outer>>,
    /// `encap psp spi N`: the SPI of a PSP header under the transport header.
    pub psp: Option<Num>,
    /// `/udp(a > b)` at the end: the segment is in a UDP datagram with these ports.
    pub under_udp: Option<Spanned<(Num, Num)>>,
    /// What it carries.
    pub body: Body,
}

/// A header before that of the datagram itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outer {
    /// `ipv4 [words] A > B:`, `ipv6 [words] A > B:`
    Ip {
        /// Words in `[ ]` or `( )`.
        words: Vec<Spanned<IpWord>>,
        /// Source.
        src: IpAddr,
        /// Destination, of the same family.
        dst: IpAddr,
    },
    /// `gre:`, or with its fields (RFC 2784, RFC 2890)
    Gre(Option<Gre>),
    /// `mpls (label N, tc N, [S], ttl N) ...:` (RFC 3032)
    Mpls(Vec<MplsEntry>),
}

/// The fields of a GRE header as written; those that its flags do not name are not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gre {
    /// `flags [checksum present, key present, sequence# present]`, `flags [none]`, or a number.
    pub flags: Num,
    /// `sum N`
    pub sum: Num,
    /// `off N`
    pub off: Num,
    /// `key N`
    pub key: Num,
    /// `seq N`
    pub seq: Num,
}

impl Gre {
    /// The bit of [`Self::flags`] for a checksum.
    pub const CHECKSUM: i64 = 0x8000;
    /// The bit for a key.
    pub const KEY: i64 = 0x2000;
    /// The bit for a sequence number.
    pub const SEQUENCE: i64 = 0x1000;
}

/// An entry of an MPLS label stack.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MplsEntry {
    /// Label, 20 bits.
    pub label: Num,
    /// Traffic class, 3 bits.
    pub tc: Num,
    /// `[S]`: the bottom of the stack.
    pub bottom: bool,
    /// Time to live.
    pub ttl: Num,
}

/// A word of the IP info list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IpWord {
    /// `ect0`, `ect1`, `ect01`, `ce`, `noecn`
    Ecn(Ecn),
    /// `tos N`
    Tos(Num),
    /// `dscp N`, `dscp NAME`: the upper six bits of the same octet.
    Dscp(Num),
    /// `ttl N`
    Ttl(Num),
    /// `id N`
    Id(Num),
    /// `flowlabel N`
    FlowLabel(Num),
    /// `badsum`: ours, inbound only; the TCP checksum is sent wrong.
    BadChecksum,
    /// `doff N`: ours, inbound only; the data offset field says N whatever the header holds.
    DataOffset(Num),
    /// `reserved N`: ours, inbound only; the reserved bits.
    Reserved(Num),
    /// `src PLACE`: ours, inbound only; another source address.
    Source(Place),
    /// `dst PLACE`: ours, inbound only; another destination address.
    Destination(Place),
    /// `ipopt hex`: ours, inbound only; the option area of an IPv4 header as octets.
    IpOptions(Vec<u8>),
    /// `ext KIND hex`: ours, inbound only; an IPv6 extension header without its next header and length. Those of a line follow each
    /// other.
    Extension {
        /// What the header before calls it.
        kind: Num,
        /// Octets after the length.
        data: Vec<u8>,
    },
    /// `frag A`, `frag A:B`: ours, inbound only; of what the datagram carries only the octets from A on, or from A up to B, as a
    /// fragment.
    Fragment {
        /// First octet.
        from: Num,
        /// After the last one; none: to the end.
        to: Option<Num>,
    },
    /// `version N`: ours, inbound only.
    Version(Num),
    /// `ihl N`: ours, inbound only; the header length field of IPv4 says N.
    HeaderLength(Num),
    /// `proto N`: ours, inbound only; the protocol of IPv4, the last next header of IPv6.
    Protocol(Num),
    /// `badipsum`: ours, inbound only; the checksum of the IPv4 header is sent wrong.
    BadHeaderChecksum,
    /// `iplen N`: ours; the total length of IPv4, the payload length of IPv6.
    Length(Num),
    /// `df`, `nodf`: ours; the don't-fragment bit of IPv4.
    DontFragment(bool),
}

impl IpWord {
    /// Only a datagram to the SUT can have it.
    pub fn is_malformed(&self) -> bool {
        match self {
            Self::BadChecksum
            | Self::DataOffset(_)
            | Self::Reserved(_)
            | Self::Source(_)
            | Self::Destination(_)
            | Self::IpOptions(_)
            | Self::Extension { .. }
            | Self::Fragment { .. }
            | Self::Version(_)
            | Self::HeaderLength(_)
            | Self::Protocol(_)
            | Self::BadHeaderChecksum => true,
            Self::Ecn(_)
            | Self::Tos(_)
            | Self::Dscp(_)
            | Self::Ttl(_)
            | Self::Id(_)
            | Self::FlowLabel(_)
            | Self::Length(_)
            | Self::DontFragment(_) => false,
        }
    }

    /// Only a TCP segment can have it.
    pub fn is_of_segment(&self) -> bool {
        matches!(self, Self::DataOffset(_) | Self::Reserved(_))
    }

    /// packetdrill does not know the word.
    pub fn is_ours(&self) -> bool {
        self.is_malformed() || matches!(self, Self::Dscp(_) | Self::Id(_) | Self::Length(_) | Self::DontFragment(_))
    }
}

/// An address that is not the one of the test, by what it is in either family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `unspecified`: all bits zero.
    Unspecified,
    /// `loopback`: 127.0.0.1, ::1.
    Loopback,
    /// `multicast`: all hosts of the link, 224.0.0.1, ff02::1.
    Multicast,
    /// `broadcast`: 255.255.255.255, which IPv6 does not have.
    Broadcast,
    /// `own`: the SUT's address.
    Own,
}

impl Place {
    /// Every place with its word.
    pub const ALL: [(&'static str, Self); 5] = [
        ("unspecified", Self::Unspecified),
        ("loopback", Self::Loopback),
        ("multicast", Self::Multicast),
        ("broadcast", Self::Broadcast),
        ("own", Self::Own),
    ];

    /// The word of a script.
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, place)| *place == self).map_or("", |(word, _)| word)
    }
}

/// ECN field of the IP header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ecn {
    /// Not-ECT.
    NoEcn,
    /// ECT(0).
    Ect0,
    /// ECT(1).
    Ect1,
    /// Either of ECT(0) and ECT(1); only for expected packets.
    Ect01,
    /// Congestion experienced.
    Ce,
}

/// What a datagram carries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Body {
    /// A TCP segment.
    Tcp(Tcp),
    /// `udp (N)`: N octets of payload.
    Udp {
        /// `a > b`
        ports: Option<(Num, Num)>,
        /// Octets of payload.
        len: Num,
    },
    /// An ICMP or ICMPv6 message.
    Icmp(Icmp),
}

/// A TCP segment as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tcp {
    /// `a > b` before the flags.
    pub ports: Option<(Num, Num)>,
    /// Flags.
    pub flags: Spanned<Flags>,
    /// What the sequence number counts from.
    pub numbers: Numbers,
    /// First sequence number, relative to the ISN (absolute for a SYN).
    pub seq: Num,
    /// `seq + len`, as written.
    pub end: Num,
    /// Octets of payload.
    pub len: Num,
    /// Acknowledgment number.
    pub ack: Option<Num>,
    /// Window field, unscaled as on the wire.
    pub win: Option<Num>,
    /// Urgent pointer.
    pub urg: Option<Num>,
    /// Options.
    pub options: Options,
}

/// What the sequence number of a segment counts from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Numbers {
    /// The ISN, unless the segment has SYN.
    #[default]
    Relative,
    /// `seq:end(len)!`: 0, it is the number on the wire.
    Absolute,
    /// `...(len)`: it is not looked at; only of an expected segment.
    Unchecked,
}

/// TCP flags as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Flags {
    /// Letters of `.FSRPEWAU`, a digit 0-7 for the ACE field, or `-` alone for none.
    Set(FlagSet),
    /// `$name`
    Name(String),
}

impl Flags {
    /// The flags.
    ///
    /// # Panics
    /// When a name is left: expansion resolves every name before a script runs.
    pub fn set(&self) -> FlagSet {
        match self {
            Self::Set(set) => *set,
            Self::Name(name) => panic!("expansion left ${name} unresolved"),
        }
    }
}

/// A set of TCP flags. Printed in packetdrill's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct FlagSet {
    /// `F`
    pub fin: bool,
    /// `S`
    pub syn: bool,
    /// `R`
    pub rst: bool,
    /// `P`
    pub psh: bool,
    /// `.`
    pub ack: bool,
    /// `U`
    pub urg: bool,
    /// `E`: ECE
    pub ece: bool,
    /// `W`: CWR
    pub cwr: bool,
    /// `A`: AE
    pub ae: bool,
    /// Digit: the three bits AE, CWR, ECE as one number (then the three above are false).
    pub ace: Option<u8>,
}

/// The option list of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Options {
    /// Exactly these, in this order; empty when nothing was written.
    List(Vec<Spanned<TcpOption>>),
    /// `<...>`: not looked at.
    Unchecked,
}

/// One TCP option.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TcpOption {
    /// `eol`
    Eol,
    /// `nop`
    Nop,
    /// `mss N`
    Mss(Num),
    /// `wscale N`
    WindowScale(Num),
    /// `sackOK`
    SackPermitted,
    /// `sack a:b c:d`
    Sack(Vec<(Num, Num)>),
    /// `TS val A ecr B`
    Timestamps {
        /// TSval.
        val: Num,
        /// TSecr.
        ecr: Num,
    },
    /// `TS val ... ecr N`, `TS val N ecr N!`: a TSval that is not looked at, a TSecr that is the number on the wire
    LooseTimestamps {
        /// TSval, unless it is `...`.
        val: Option<Num>,
        /// TSecr.
        ecr: Num,
        /// `!` behind it.
        absolute: bool,
    },
    /// `FO hex` or `FO` alone (cookie request)
    FastOpen(Cookie),
    /// `FOEXP hex` or `FOEXP`
    FastOpenExperimental(Cookie),
    /// `md5 hex`, `md5` alone (not looked at)
    Md5(Option<Vec<u8>>),
    /// `md5 valid`: a digest that verifies with the secret of `--tcp_md5_secret`
    Md5Valid,
    /// `ECN e1b 1 ceb 0 e0b 1`: fields in the order written
    AccEcn(Vec<(AccEcnField, Num)>),
    /// `raw KIND hex`: ours; an option as octets, without kind and length
    Raw {
        /// Kind octet.
        kind: Num,
        /// Octets after the length.
        data: Vec<u8>,
    },
    /// `octets hex`: ours; octets of the option area as they are, for options that are malformed
    Octets(Vec<u8>),
}

/// A TFO cookie as written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cookie {
    /// Octets, empty for a request.
    Octets(Vec<u8>),
    /// A symbol that `-D` defines, e.g. `TFO_COOKIE`.
    Symbol(String),
}

/// One field of the AccECN option.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccEcnField {
    /// `e0b`
    E0b,
    /// `ceb`
    Ceb,
    /// `e1b`
    E1b,
}

/// An ICMP message: `icmp unreachable frag_needed mtu 1200 [1:1001(1000)]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icmp {
    /// Type word or number.
    pub kind: Spanned<String>,
    /// Code word or number.
    pub code: Option<Spanned<String>>,
    /// `mtu N`
    pub mtu: Option<Num>,
    /// `id N`, of an echo request or reply
    pub id: Option<Num>,
    /// What an error quotes.
    pub echoed: Option<Echoed>,
}

/// What an ICMP error quotes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Echoed {
    /// `[seq:end(len)]`: a segment of the connection under test
    Tcp {
        /// First sequence number.
        seq: Num,
        /// Where it ends.
        end: Num,
        /// Octets of text.
        len: Num,
        /// `/udp(a > b)`: the UDP datagram that the segment was in
        under_udp: Option<(Num, Num)>,
    },
    /// `[udp (N)]`: a UDP datagram with N octets
    Udp(Num),
    /// `[raw (N)]`: an IP datagram of no known protocol with N octets
    Raw(Num),
}
