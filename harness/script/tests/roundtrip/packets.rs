//! Packets that pass the checks of the parser.

use super::{at, literal, name, num, sum};
use halfopen_script::ast::{
    AccEcnField, Body, Cookie, Direction, Ecn, FlagSet, Flags, Icmp, IpWord, Num, Options, Packet, Place, Spanned, Tcp,
    TcpOption,
};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

const U8: i64 = u8::MAX as i64;
const U16: i64 = u16::MAX as i64;
const U32: i64 = u32::MAX as i64;

fn flags() -> impl Strategy<Value = Flags> {
    let set = (any::<[bool; 8]>(), of(0_u8..8)).prop_map(|([fin, syn, rst, psh, ack, urg, ece, cwr], ace)| {
        let bits = ace.is_none();
        let ae = bits && fin && cwr;
        Flags::Set(FlagSet { fin, syn, rst, psh, ack, urg, ece: bits && ece, cwr: bits && cwr, ae, ace })
    });
    prop_oneof![9 => set, 1 => name().prop_map(Flags::Name)]
}

/// Start, end and length; consistent when all are known.
fn range() -> impl Strategy<Value = (Num, Num, Num)> {
    let known = (0..=U32, 0..=U16)
        .prop_map(|(seq, len)| (Num::literal(seq), Num::literal((seq + len) & U32), Num::literal(len)));
    prop_oneof![known, (sum(), num(U32), num(U16))]
}

/// An option and its length in octets.
fn option() -> BoxedStrategy<(TcpOption, usize)> {
    let cookie = || {
        prop_oneof![
            3 => vec(any::<u8>(), 0..9).prop_map(Cookie::Octets),
            1 => "[G-Z][A-Z_]{1,8}".prop_map(Cookie::Symbol)
        ]
    };
    let size = |cookie: &Cookie| match cookie {
        Cookie::Octets(octets) => octets.len(),
        Cookie::Symbol(_) => 0,
    };
    prop_oneof![
        Just((TcpOption::Eol, 1)),
        Just((TcpOption::Nop, 1)),
        Just((TcpOption::SackPermitted, 2)),
        prop_oneof![num(U16), "[A-Z][A-Z0-9_]{0,5}".prop_map(|symbol| Num { names: vec![symbol], ..Num::literal(0) })]
            .prop_map(|mss| (TcpOption::Mss(mss), 4)),
        num(U8).prop_map(|shift| (TcpOption::WindowScale(shift), 3)),
        (num(U32), num(U32)).prop_map(|(val, ecr)| (TcpOption::Timestamps { val, ecr }, 10)),
        vec((num(U32), num(U32)), 1..3).prop_map(|blocks| (TcpOption::Sack(blocks.clone()), 2 + 8 * blocks.len())),
        cookie().prop_map(move |cookie| (TcpOption::FastOpen(cookie.clone()), 2 + size(&cookie))),
        cookie().prop_map(move |cookie| (TcpOption::FastOpenExperimental(cookie.clone()), 4 + size(&cookie))),
        of(vec(any::<u8>(), 16)).prop_map(|digest| (TcpOption::Md5(digest), 18)),
        (any::<bool>(), vec(num(0xff_ffff), 1..4)).prop_map(|(up, nums)| {
            let mut order = [AccEcnField::E0b, AccEcnField::Ceb, AccEcnField::E1b];
            if !up {
                order.reverse();
            }
            let length = 2 + 3 * nums.len();
            (TcpOption::AccEcn(order.into_iter().zip(nums).collect()), length)
        }),
        (num(U8), vec(any::<u8>(), 0..5)).prop_map(|(kind, data)| {
            let length = 2 + data.len();
            (TcpOption::Raw { kind, data }, length)
        }),
        vec(any::<u8>(), 1..6).prop_map(|octets| (TcpOption::Octets(octets.clone()), octets.len())),
    ]
    .boxed()
}

/// At most 40 octets, padded to a multiple of four.
fn options() -> impl Strategy<Value = Options> {
    vec(option(), 0..5).prop_map(|options| {
        let mut total = 0;
        let mut list: Vec<Spanned<TcpOption>> = Vec::new();
        for (option, length) in options {
            if total + length <= 40 {
                total += length;
                list.push(at(option));
            }
        }
        list.extend((total % 4..4).filter(|_| !total.is_multiple_of(4)).map(|_| at(TcpOption::Nop)));
        Options::List(list)
    })
}

fn ip_word(inbound: bool) -> impl Strategy<Value = IpWord> {
    let both = prop_oneof![
        select(vec![Ecn::NoEcn, Ecn::Ect0, Ecn::Ect1, Ecn::Ce]).prop_map(IpWord::Ecn),
        num(U8).prop_map(IpWord::Tos),
        num(U8).prop_map(IpWord::Ttl),
        num(U16).prop_map(IpWord::Id),
        num((1 << 20) - 1).prop_map(IpWord::FlowLabel),
    ];
    let one = prop_oneof![
        Just(IpWord::BadChecksum),
        num(15).prop_map(IpWord::DataOffset),
        num(7).prop_map(IpWord::Reserved),
        Just(IpWord::Source(Place::Multicast)),
        Just(IpWord::Destination(Place::Own)),
        Just(IpWord::IpOptions(vec![1, 0x9e, 2, 0])),
        Just(IpWord::Ecn(Ecn::Ect01)),
    ];
    (both, one, any::<bool>()).prop_map(
        move |(both, one, take)| {
            if take && inbound != matches!(one, IpWord::Ecn(_)) { one } else { both }
        },
    )
}

fn tcp(inbound: bool) -> BoxedStrategy<Body> {
    let ports = of((num(U16), num(U16)));
    let fields = (of(num(U32)), num(U16), any::<bool>(), of(num(U16)));
    let options = (options(), any::<bool>());
    (ports, flags(), range(), fields, options)
        .prop_map(move |(ports, flags, (seq, end, len), fields, options)| {
            let (ack, win, has_win, urg) = fields;
            let win = (inbound || has_win).then_some(win);
            let options = if options.1 && !inbound { Options::Unchecked } else { options.0 };
            Body::Tcp(Tcp { ports, flags: at(flags), seq, end, len, ack, win, urg, options })
        })
        .boxed()
}

fn other() -> impl Strategy<Value = Body> {
    let word = || prop_oneof!["[a-z]{4,12}".prop_filter("a keyword", |word| word != "code"), "[0-9]{1,2}"];
    let icmp = (word(), of(word()), of(num(U16)), of(range()));
    prop_oneof![
        (of((literal(U16), literal(U16))), num(U16)).prop_map(|(ports, len)| Body::Udp { ports, len }),
        icmp.prop_map(|(kind, code, mtu, echoed)| Body::Icmp(Icmp { kind: at(kind), code: code.map(at), mtu, echoed })),
    ]
}

fn layers() -> impl Strategy<Value = Vec<Spanned<String>>> {
    let layers: [&[&str]; 5] = [
        &[],
        &["ipv4 192.0.2.1 > 192.0.2.2"],
        &["ipv6 [ect0] 2001:db8::1 > 2001:db8::2", "gre"],
        &["encap psp spi 0x1"],
        &["gre", "encap psp spi 7"],
    ];
    select(layers.to_vec()).prop_map(|layers| layers.iter().map(|layer| at((*layer).to_owned())).collect())
}

pub(crate) fn packet(inbound: bool) -> BoxedStrategy<Packet> {
    let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
    let segment = (vec(ip_word(inbound), 0..3), prop_oneof![8 => Just(Vec::new()), 1 => layers()], tcp(inbound));
    let segment = segment.prop_map(move |(ip, encapsulation, body)| Packet {
        direction,
        ip: ip.into_iter().map(at).collect(),
        encapsulation,
        body,
    });
    let other = other().prop_map(move |body| Packet { direction, ip: Vec::new(), encapsulation: Vec::new(), body });
    prop_oneof![6 => segment, 1 => other].boxed()
}
