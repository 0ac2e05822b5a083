//! TCP options: octets from the script's notation and back. Numbers in them are mapped by whoever calls.

use crate::packet::options::{self, FAST_OPEN_ID, RawOption, kind};
use crate::stop::Stop;
use halfopen_script::ast::{AccEcnField, Cookie, Num, Options, Span, Spanned, TcpOption};

/// The orders in which the accurate ECN option has its fields (RFC 9768 3.2.3), by kind.
const ACC_ECN: [(u8, [AccEcnField; 3]); 2] = [
    (kind::ACC_ECN0, [AccEcnField::E0b, AccEcnField::Ceb, AccEcnField::E1b]),
    (kind::ACC_ECN1, [AccEcnField::E1b, AccEcnField::Ceb, AccEcnField::E0b]),
];

/// The option area for a list. `edge` maps SACK edges, `echo` TSecr.
pub(crate) fn encode(
    list: &Options,
    edge: impl Fn(u32) -> u32,
    echo: impl Fn(u32) -> Result<u32, Stop>,
) -> Result<Vec<u8>, Stop> {
    let Options::List(list) = list else {
        return Err(Stop::Error("`<...>` says nothing about a segment to the SUT".into()));
    };
    let mut out = Vec::with_capacity(40);
    for option in list {
        one(&option.node, &mut out, &edge, &echo)?;
    }
    Ok(out)
}

fn one(
    option: &TcpOption,
    out: &mut Vec<u8>,
    edge: impl Fn(u32) -> u32,
    echo: impl Fn(u32) -> Result<u32, Stop>,
) -> Result<(), Stop> {
    match option {
        TcpOption::Eol => out.push(0),
        TcpOption::Nop => out.push(1),
        TcpOption::Mss(num) => known(out, kind::MSS, &(num.value() as u16).to_be_bytes()),
        TcpOption::WindowScale(num) => known(out, kind::WINDOW_SCALE, &[num.value() as u8]),
        TcpOption::SackPermitted => known(out, kind::SACK_PERMITTED, &[]),
        TcpOption::Sack(blocks) => {
            let edges = blocks.iter().flat_map(|(left, right)| [left, right]);
            let data: Vec<u8> = edges.flat_map(|num| edge(num.value() as u32).to_be_bytes()).collect();
            known(out, kind::SACK, &data);
        }
        TcpOption::Timestamps { val, ecr } => {
            let mut data = [0; 8];
            data[..4].copy_from_slice(&(val.value() as u32).to_be_bytes());
            data[4..].copy_from_slice(&echo(ecr.value() as u32)?.to_be_bytes());
            known(out, kind::TIMESTAMPS, &data);
        }
        TcpOption::LooseTimestamps { val: None, .. } => {
            return Err(Stop::Error("`TS val ...` says nothing about a segment to the SUT".into()));
        }
        TcpOption::LooseTimestamps { val: Some(val), ecr, absolute } => {
            let ecr = ecr.value() as u32;
            let ecr = if *absolute { ecr } else { echo(ecr)? };
            known(out, kind::TIMESTAMPS, &[(val.value() as u32).to_be_bytes(), ecr.to_be_bytes()].concat());
        }
        // The digest follows when everything else of the segment is known.
        TcpOption::Md5Valid => known(out, kind::MD5, &[0; 16]),
        TcpOption::FastOpen(cookie) => known(out, kind::FAST_OPEN, octets(cookie)?),
        TcpOption::FastOpenExperimental(cookie) => {
            known(out, kind::EXPERIMENTAL, &[&FAST_OPEN_ID, octets(cookie)?].concat());
        }
        TcpOption::Md5(Some(digest)) => known(out, kind::MD5, digest),
        TcpOption::Md5(None) => return Err(Stop::Unsupported("md5 without a digest".into())),
        TcpOption::AccEcn(fields) => acc_ecn(fields, out)?,
        TcpOption::Raw { kind, data } => known(out, kind.value() as u8, data),
        TcpOption::Octets(octets) => out.extend_from_slice(octets),
    }
    Ok(())
}

fn known(out: &mut Vec<u8>, kind: u8, data: &[u8]) {
    out.extend_from_slice(&[kind, (data.len() + 2) as u8]);
    out.extend_from_slice(data);
}

fn octets(cookie: &Cookie) -> Result<&[u8], Stop> {
    match cookie {
        Cookie::Octets(octets) => Ok(octets),
        Cookie::Symbol(name) => Err(Stop::Unsupported(format!("{name}, which only -D defines"))),
    }
}

fn acc_ecn(fields: &[(AccEcnField, Num)], out: &mut Vec<u8>) -> Result<(), Stop> {
    let begins = |order: &[AccEcnField; 3]| {
        fields.len() <= 3 && fields.iter().zip(order).all(|((field, _), ordered)| field == ordered)
    };
    let Some((kind, _)) = ACC_ECN.iter().find(|(_, order)| begins(order)) else {
        return Err(Stop::Error("an accurate ECN option has the order e0b ceb e1b or e1b ceb e0b".into()));
    };
    let data: Vec<u8> = fields.iter().flat_map(|(_, num)| (num.value() as u32).to_be_bytes()[1..].to_vec()).collect();
    known(out, *kind, &data);
    Ok(())
}

/// The notation for an option area. `edge` maps SACK edges, `stamp` TSval.
pub(crate) fn decode(area: &[u8], edge: impl Fn(u32) -> u32, stamp: impl Fn(u32) -> u32) -> Options {
    let list = options::iter(area).map(|option| {
        let node = match option {
            RawOption::Eol => TcpOption::Eol,
            RawOption::Nop => TcpOption::Nop,
            RawOption::Known { kind, data } => {
                let raw = || TcpOption::Raw { kind: num(u32::from(kind)), data: data.to_vec() };
                notation(kind, data, &edge, &stamp).unwrap_or_else(raw)
            }
            RawOption::Malformed(octets) => TcpOption::Octets(octets.to_vec()),
        };
        Spanned { node, span: Span::default() }
    });
    Options::List(list.collect())
}

/// `None` for an option without notation, or of a length that its notation cannot have.
fn notation(kind: u8, data: &[u8], edge: impl Fn(u32) -> u32, stamp: impl Fn(u32) -> u32) -> Option<TcpOption> {
    let word = |at: usize| u32::from_be_bytes([data[at], data[at + 1], data[at + 2], data[at + 3]]);
    match (kind, data.len()) {
        (kind::MSS, 2) => Some(TcpOption::Mss(num(u32::from(u16::from_be_bytes([data[0], data[1]]))))),
        (kind::WINDOW_SCALE, 1) => Some(TcpOption::WindowScale(num(u32::from(data[0])))),
        (kind::SACK_PERMITTED, 0) => Some(TcpOption::SackPermitted),
        (kind::SACK, len) if len > 0 && len % 8 == 0 => {
            let blocks = (0..len / 8).map(|n| (num(edge(word(n * 8))), num(edge(word(n * 8 + 4)))));
            Some(TcpOption::Sack(blocks.collect()))
        }
        (kind::TIMESTAMPS, 8) => Some(TcpOption::Timestamps { val: num(stamp(word(0))), ecr: num(word(4)) }),
        (kind::FAST_OPEN, _) => Some(TcpOption::FastOpen(Cookie::Octets(data.to_vec()))),
        (kind::EXPERIMENTAL, len) if len >= 2 && data[..2] == FAST_OPEN_ID => {
            Some(TcpOption::FastOpenExperimental(Cookie::Octets(data[2..].to_vec())))
        }
        (kind::MD5, 16) => Some(TcpOption::Md5(Some(data.to_vec()))),
        (kind::ACC_ECN0 | kind::ACC_ECN1, len) if len % 3 == 0 && len <= 9 => {
            let (_, order) = ACC_ECN.iter().find(|(known, _)| *known == kind)?;
            let value = |n: usize| u32::from_be_bytes([0, data[n * 3], data[n * 3 + 1], data[n * 3 + 2]]);
            Some(TcpOption::AccEcn((0..len / 3).map(|n| (order[n], num(value(n)))).collect()))
        }
        _ => None,
    }
}

/// A number of a live segment.
pub(crate) fn num(value: u32) -> Num {
    Num::literal(i64::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(options: Vec<TcpOption>) -> Options {
        Options::List(options.into_iter().map(|node| Spanned { node, span: Span::default() }).collect())
    }

    #[test]
    fn what_is_written_comes_back() {
        let cookie = || Cookie::Octets(vec![0xab, 0xcd]);
        let n = Num::literal;
        #[rustfmt::skip]
        let table: Vec<(TcpOption, &[u8])> = vec![
            (TcpOption::Eol, &[0]),
            (TcpOption::Nop, &[1]),
            (TcpOption::Mss(n(1460)), &[2, 4, 5, 180]),
            (TcpOption::WindowScale(n(7)), &[3, 3, 7]),
            (TcpOption::SackPermitted, &[4, 2]),
            (TcpOption::Sack(vec![(n(1), n(2))]), &[5, 10, 0, 0, 1, 1, 0, 0, 1, 2]),
            (TcpOption::Timestamps { val: n(3), ecr: n(4) }, &[8, 10, 0, 0, 0, 3, 0, 1, 0, 4]),
            (TcpOption::FastOpen(cookie()), &[34, 4, 0xab, 0xcd]),
            (TcpOption::FastOpenExperimental(cookie()), &[254, 6, 0xf9, 0x89, 0xab, 0xcd]),
            (TcpOption::AccEcn(vec![(AccEcnField::E0b, n(1)), (AccEcnField::Ceb, n(0x010203))]), &[172, 8, 0, 0, 1, 1, 2, 3]),
            (TcpOption::AccEcn(vec![(AccEcnField::E1b, n(1))]), &[174, 5, 0, 0, 1]),
            (TcpOption::Raw { kind: n(99), data: vec![7] }, &[99, 3, 7]),
            (TcpOption::Octets(vec![8, 0]), &[8, 0]),
        ];
        for (option, octets) in table {
            let options = list(vec![option]);
            let area = encode(&options, |edge| edge + 256, |echo| Ok(echo + 65536)).unwrap();
            assert_eq!(area, octets, "{options}");
            let back = decode(&area, |edge| edge - 256, |stamp| stamp);
            let back = back.to_string().replace("ecr 65540", "ecr 4");
            assert_eq!(back, options.to_string());
        }
    }

    #[test]
    fn known_kinds_of_impossible_length_are_raw() {
        let area = [2, 3, 1, 5, 3, 1, 8, 9, 0, 0, 0, 0, 0, 0, 0, 3, 2];
        let text = decode(&area, |edge| edge, |stamp| stamp).to_string();
        assert_eq!(text, "<raw 2 01,raw 5 01,raw 8 00000000000000,raw 3>");
    }

    #[test]
    fn what_cannot_be_sent_is_named() {
        let refuse = |options| encode(&options, |edge| edge, Ok).unwrap_err();
        assert_eq!(refuse(list(vec![TcpOption::Md5(None)])), Stop::Unsupported("md5 without a digest".into()));
        let symbol = TcpOption::FastOpen(Cookie::Symbol("TFO_COOKIE".into()));
        assert!(matches!(refuse(list(vec![symbol])), Stop::Unsupported(why) if why.contains("TFO_COOKIE")));
        let mixed = TcpOption::AccEcn(vec![(AccEcnField::Ceb, Num::literal(1))]);
        assert!(matches!(refuse(list(vec![mixed])), Stop::Error(_)));
        assert!(matches!(refuse(Options::Unchecked), Stop::Error(_)));
    }
}
