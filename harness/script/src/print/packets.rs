//! Packets, segments, options.

use crate::ast::{
    AccEcnField, Body, Cookie, Direction, Echoed, Ecn, FlagSet, Flags, Gre, Icmp, IpWord, MplsEntry, Num, Numbers,
    Options, Outer, Packet, Spanned, Tcp, TcpOption,
};
use std::fmt::{Display, Formatter, Result};

impl Display for Packet {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{}", self.direction)?;
        self.outer.iter().try_for_each(|outer| write!(f, " {}", outer.node))?;
        words(f, &self.ip)?;
        if let Some(spi) = &self.psp {
            write!(f, " encap psp spi {spi:#}")?;
        }
        write!(f, " {}", self.body)?;
        self.under_udp.as_ref().map_or(Ok(()), |ports| under_udp(f, &ports.node))
    }
}

fn words(f: &mut Formatter<'_>, words: &[Spanned<IpWord>]) -> Result {
    for (index, word) in words.iter().enumerate() {
        write!(f, "{}{}", if index == 0 { " [" } else { ", " }, word.node)?;
    }
    if words.is_empty() { Ok(()) } else { f.write_str("]") }
}

fn under_udp(f: &mut Formatter<'_>, (from, to): &(Num, Num)) -> Result {
    write!(f, "/udp({from:#} > {to:#})")
}

impl Display for Outer {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Ip { words: list, src, dst } => {
                f.write_str(if src.is_ipv4() { "ipv4" } else { "ipv6" })?;
                words(f, list)?;
                write!(f, " {src} > {dst}:")
            }
            Self::Gre(None) => f.write_str("gre:"),
            Self::Gre(Some(gre)) => write!(f, "gre {gre}:"),
            Self::Mpls(stack) => {
                f.write_str("mpls")?;
                stack.iter().try_for_each(|entry| write!(f, " {entry}"))?;
                f.write_str(":")
            }
        }
    }
}

impl Display for Gre {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let Self { flags, sum, off, key, seq } = self;
        write!(f, "flags {flags:#}, sum {sum:#}, off {off:#}, key {key:#}, seq {seq:#}")
    }
}

impl Display for MplsEntry {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let bottom = if self.bottom { "[S], " } else { "" };
        write!(f, "(label {:#}, tc {:#}, {bottom}ttl {:#})", self.label, self.tc, self.ttl)
    }
}

impl Display for Direction {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::Inbound => "<",
            Self::Outbound => ">",
        })
    }
}

impl Display for IpWord {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Ecn(ecn) => write!(f, "{ecn}"),
            Self::Tos(num) => write!(f, "tos {num:#}"),
            Self::Dscp(num) => write!(f, "dscp {num:#}"),
            Self::Ttl(num) => write!(f, "ttl {num:#}"),
            Self::Id(num) => write!(f, "id {num:#}"),
            Self::FlowLabel(num) => write!(f, "flowlabel {num:#}"),
            Self::BadChecksum => f.write_str("badsum"),
            Self::DataOffset(num) => write!(f, "doff {num:#}"),
            Self::Reserved(num) => write!(f, "reserved {num:#}"),
            Self::Source(place) => write!(f, "src {}", place.word()),
            Self::Destination(place) => write!(f, "dst {}", place.word()),
            Self::IpOptions(octets) => {
                f.write_str("ipopt ")?;
                octets.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
            }
            Self::Extension { kind, data } => {
                write!(f, "ext {kind:#} ")?;
                data.iter().try_for_each(|octet| write!(f, "{octet:02x}"))
            }
            Self::Fragment { from, to: None } => write!(f, "frag {from:#}"),
            Self::Fragment { from, to: Some(to) } => write!(f, "frag {from:#}:{to:#}"),
            Self::Version(num) => write!(f, "version {num:#}"),
            Self::HeaderLength(num) => write!(f, "ihl {num:#}"),
            Self::Protocol(num) => write!(f, "proto {num:#}"),
            Self::BadHeaderChecksum => f.write_str("badipsum"),
            Self::Length(num) => write!(f, "iplen {num:#}"),
            Self::DontFragment(true) => f.write_str("df"),
            Self::DontFragment(false) => f.write_str("nodf"),
        }
    }
}

impl Display for Ecn {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::NoEcn => "noecn",
            Self::Ect0 => "ect0",
            Self::Ect1 => "ect1",
            Self::Ect01 => "ect01",
            Self::Ce => "ce",
        })
    }
}

fn ports(f: &mut Formatter<'_>, ports: Option<&(Num, Num)>) -> Result {
    ports.map_or(Ok(()), |(from, to)| write!(f, "{from:#} > {to:#} "))
}

impl Display for Body {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Tcp(tcp) => write!(f, "{tcp}"),
            Self::Icmp(icmp) => write!(f, "{icmp}"),
            Self::Udp { ports: between, len } => {
                f.write_str("udp ")?;
                ports(f, between.as_ref())?;
                write!(f, "({len:#})")
            }
        }
    }
}

impl Display for Tcp {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        ports(f, self.ports.as_ref())?;
        write!(f, "{} ", self.flags.node)?;
        match self.numbers {
            Numbers::Unchecked => write!(f, "...({:#})", self.len)?,
            Numbers::Relative => write!(f, "{:#}:{:#}({:#})", self.seq, self.end, self.len)?,
            Numbers::Absolute => write!(f, "{:#}:{:#}({:#})!", self.seq, self.end, self.len)?,
        }
        for (word, num) in [("ack", &self.ack), ("win", &self.win), ("urg", &self.urg)] {
            if let Some(num) = num {
                write!(f, " {word} {num:#}")?;
            }
        }
        match &self.options {
            Options::List(list) if list.is_empty() => Ok(()),
            options @ (Options::List(_) | Options::Unchecked) => write!(f, " {options}"),
        }
    }
}

impl Display for Flags {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Set(set) => write!(f, "{set}"),
            Self::Name(name) => write!(f, "${name}"),
        }
    }
}

impl Display for FlagSet {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        let letters = [
            (self.fin, 'F'),
            (self.syn, 'S'),
            (self.rst, 'R'),
            (self.psh, 'P'),
            (self.urg, 'U'),
            (self.ece, 'E'),
            (self.cwr, 'W'),
            (self.ae, 'A'),
        ];
        let mut text: String = letters.iter().filter(|(set, _)| *set).map(|(_, letter)| *letter).collect();
        if self.ack {
            text.push('.');
        }
        // Behind the dot: a digit before it would be a number to packetdrill.
        text.extend(self.ace.map(|digit| char::from(b'0' + digit)));
        f.write_str(if text.is_empty() { "-" } else { &text })
    }
}

impl Display for Icmp {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "icmp {}", self.kind.node)?;
        if let Some(code) = &self.code {
            write!(f, " {}", code.node)?;
        }
        if let Some(mtu) = &self.mtu {
            write!(f, " mtu {mtu:#}")?;
        }
        if let Some(id) = &self.id {
            write!(f, " id {id:#}")?;
        }
        match &self.echoed {
            None => Ok(()),
            Some(Echoed::Udp(len)) => write!(f, " [udp ({len:#})]"),
            Some(Echoed::Raw(len)) => write!(f, " [raw ({len:#})]"),
            Some(Echoed::Tcp { seq, end, len, under_udp: ports }) => {
                write!(f, " [{seq:#}:{end:#}({len:#})")?;
                ports.as_ref().map_or(Ok(()), |ports| under_udp(f, ports))?;
                f.write_str("]")
            }
        }
    }
}

impl Display for Options {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Unchecked => f.write_str("<...>"),
            Self::List(list) => {
                let list: Vec<_> = list.iter().map(|option| option.node.to_string()).collect();
                write!(f, "<{}>", list.join(","))
            }
        }
    }
}

impl Display for TcpOption {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Eol => f.write_str("eol"),
            Self::Nop => f.write_str("nop"),
            Self::Mss(num) => write!(f, "mss {num:#}"),
            Self::WindowScale(num) => write!(f, "wscale {num:#}"),
            Self::SackPermitted => f.write_str("sackOK"),
            Self::Sack(blocks) => {
                f.write_str("sack")?;
                blocks.iter().try_for_each(|(left, right)| write!(f, " {left:#}:{right:#}"))
            }
            Self::Timestamps { val, ecr } => write!(f, "TS val {val:#} ecr {ecr:#}"),
            Self::LooseTimestamps { val, ecr, absolute } => {
                match val {
                    Some(val) => write!(f, "TS val {val:#}")?,
                    None => f.write_str("TS val ...")?,
                }
                write!(f, " ecr {ecr:#}{}", if *absolute { "!" } else { "" })
            }
            Self::FastOpen(cookie) => write!(f, "FO{cookie}"),
            Self::FastOpenExperimental(cookie) => write!(f, "FOEXP{cookie}"),
            Self::Md5Valid => f.write_str("md5 valid"),
            Self::Md5(None) => f.write_str("md5"),
            Self::Md5(Some(digest)) => write!(f, "md5 {}", hex(digest)),
            Self::AccEcn(fields) => {
                f.write_str("ECN")?;
                fields.iter().try_for_each(|(field, num)| write!(f, " {field} {num:#}"))
            }
            Self::Raw { kind, data } if data.is_empty() => write!(f, "raw {kind:#}"),
            Self::Raw { kind, data } => write!(f, "raw {kind:#} {}", hex(data)),
            Self::Octets(octets) => write!(f, "octets {}", hex(octets)),
        }
    }
}

impl Display for Cookie {
    /// With the space before it, when there is something to print.
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Octets(octets) if octets.is_empty() => Ok(()),
            Self::Octets(octets) => write!(f, " {}", hex(octets)),
            Self::Symbol(symbol) => write!(f, " {symbol}"),
        }
    }
}

impl Display for AccEcnField {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(match self {
            Self::E0b => "e0b",
            Self::Ceb => "ceb",
            Self::E1b => "e1b",
        })
    }
}

fn hex(octets: &[u8]) -> String {
    octets.iter().map(|octet| format!("{octet:02x}")).collect()
}
