//! Packets that pass the checks of the parser.

use super::{at, literal, name, num, sum};
use halfopen_script::ast::{
    AccEcnField, Body, Cookie, Direction, Echoed, Ecn, FlagSet, Flags, Gre, Icmp, IpWord, MplsEntry, Num, Numbers,
    Options, Outer, Packet, Place, Spanned, Tcp, TcpOption,
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
        (of(num(U32)), num(U32)).prop_map(|(val, ecr)| {
            let absolute = val.is_some();
            (TcpOption::LooseTimestamps { val, ecr, absolute }, 10)
        }),
        Just((TcpOption::Md5Valid, 18)),
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
        num(63).prop_map(IpWord::Dscp),
        num(U8).prop_map(IpWord::Ttl),
        num(U16).prop_map(IpWord::Id),
        num((1 << 20) - 1).prop_map(IpWord::FlowLabel),
        num(U16).prop_map(IpWord::Length),
        any::<bool>().prop_map(IpWord::DontFragment),
    ];
    let one = prop_oneof![
        Just(IpWord::BadChecksum),
        num(15).prop_map(IpWord::DataOffset),
        num(7).prop_map(IpWord::Reserved),
        Just(IpWord::Source(Place::Multicast)),
        Just(IpWord::Destination(Place::Own)),
        Just(IpWord::IpOptions(vec![1, 0x9e, 2, 0])),
        Just(IpWord::Extension { kind: Num::literal(60), data: vec![1, 4, 0, 0, 0, 0] }),
        Just(IpWord::Fragment { from: Num::literal(8), to: None }),
        Just(IpWord::Fragment { from: Num::literal(0), to: Some(Num::literal(24)) }),
        num(15).prop_map(IpWord::Version),
        num(15).prop_map(IpWord::HeaderLength),
        num(U8).prop_map(IpWord::Protocol),
        Just(IpWord::BadHeaderChecksum),
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
    let numbers = select(vec![Numbers::Relative, Numbers::Relative, Numbers::Absolute, Numbers::Unchecked]);
    (ports, flags(), (numbers, range()), fields, options)
        .prop_map(move |(ports, flags, (numbers, (seq, end, len)), fields, options)| {
            let unchecked = !inbound && numbers == Numbers::Unchecked;
            let numbers = if inbound && numbers == Numbers::Unchecked { Numbers::Relative } else { numbers };
            let (seq, end) = if unchecked { (Num::literal(0), Num::literal(0)) } else { (seq, end) };
            let (ack, win, has_win, urg) = fields;
            let win = (inbound || has_win).then_some(win);
            let options = if options.1 && !inbound { Options::Unchecked } else { options.0 };
            Body::Tcp(Tcp { ports, flags: at(flags), numbers, seq, end, len, ack, win, urg, options })
        })
        .boxed()
}

fn other() -> impl Strategy<Value = Body> {
    let word = || prop_oneof!["[a-z]{4,12}".prop_filter("a keyword", |word| word != "code"), "[0-9]{1,2}"];
    let echoed = prop_oneof![
        (range(), of((literal(U16), literal(U16)))).prop_map(|((seq, end, len), under_udp)| Echoed::Tcp {
            seq,
            end,
            len,
            under_udp
        }),
        num(U16).prop_map(Echoed::Udp),
        num(U16).prop_map(Echoed::Raw),
    ];
    // A number that begins with a name could be a code.
    let icmp = (word(), of(word()), of(num(U16)), of(num(U16)), of(echoed));
    prop_oneof![
        (of((literal(U16), literal(U16))), num(U16)).prop_map(|(ports, len)| Body::Udp { ports, len }),
        icmp.prop_map(|(kind, code, mtu, id, echoed)| {
            Body::Icmp(Icmp { kind: at(kind), code: code.map(at), mtu, id, echoed })
        }),
    ]
}

fn outer() -> impl Strategy<Value = Outer> {
    let v4 = (vec(ip_word(false).prop_map(at), 0..2), any::<[u8; 4]>(), any::<[u8; 4]>());
    let v6 = (any::<[u8; 16]>(), any::<[u8; 16]>());
    let gre = (literal(U16), num(U16), num(U16), num(U32), num(U32));
    let entry = (num(0xf_ffff), num(7), any::<bool>(), num(U8));
    let entry = entry.prop_map(|(label, tc, bottom, ttl)| MplsEntry { label, tc, bottom, ttl });
    prop_oneof![
        v4.prop_map(|(words, src, dst)| {
            let words: Vec<_> = words
                .into_iter()
                .filter(|word: &Spanned<IpWord>| !matches!(word.node, IpWord::Ecn(Ecn::Ect01)))
                .collect();
            Outer::Ip { words, src: src.into(), dst: dst.into() }
        }),
        v6.prop_map(|(src, dst)| Outer::Ip { words: Vec::new(), src: src.into(), dst: dst.into() }),
        Just(Outer::Gre(None)),
        gre.prop_map(|(flags, sum, off, key, seq)| Outer::Gre(Some(Gre { flags, sum, off, key, seq }))),
        vec(entry, 0..3).prop_map(Outer::Mpls),
    ]
}

pub(crate) fn packet(inbound: bool) -> BoxedStrategy<Packet> {
    let direction = if inbound { Direction::Inbound } else { Direction::Outbound };
    let wrapped = (vec(outer().prop_map(at), 0..3), of(num(U32)), of((literal(U16), literal(U16)).prop_map(at)));
    let plain = (Just(Vec::new()), Just(None), Just(None));
    let segment = (vec(ip_word(inbound), 0..3), prop_oneof![8 => plain, 1 => wrapped], tcp(inbound));
    let segment = segment.prop_map(move |(ip, (outer, psp, under_udp), body)| {
        let ip = ip.into_iter().map(at).collect();
        Packet { direction, ip, outer, psp, body, under_udp }
    });
    let bare = move |body| Packet { direction, ip: vec![], outer: vec![], psp: None, body, under_udp: None };
    prop_oneof![6 => segment, 1 => other().prop_map(bare)].boxed()
}
