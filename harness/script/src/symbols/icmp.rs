//! Words for ICMP types and codes. RFC 792, RFC 1122 3.2.2.1, RFC 1812 5.2.7.1; RFC 4443.

/// Type words, each with its number and its code words; the number of a code word is its place.
type Table = [(&'static str, u8, &'static [&'static str])];

const V4: &Table = &[
    ("echo_reply", 0, &[]),
    (
        "unreachable",
        3,
        &[
            "net_unreachable",
            "host_unreachable",
            "protocol_unreachable",
            "port_unreachable",
            "frag_needed",
            "source_route_failed",
            "net_unknown",
            "host_unknown",
            "source_host_isolated",
            "net_prohibited",
            "host_prohibited",
            "net_unreachable_for_tos",
            "host_unreachable_for_tos",
            "packet_filtered",
            "precedence_violation",
            "precedence_cutoff",
        ],
    ),
    ("source_quench", 4, &[]),
    ("redirect", 5, &[]),
    ("echo_request", 8, &[]),
    ("time_exceeded", 11, &["exceeded_ttl", "exceeded_frag_time"]),
    ("parameter_problem", 12, &[]),
    ("timestamp_request", 13, &[]),
    ("timestamp_reply", 14, &[]),
    ("information_request", 15, &[]),
    ("information_reply", 16, &[]),
    ("address_mask_request", 17, &[]),
    ("address_mask_reply", 18, &[]),
];

const V6: &Table = &[
    ("unreachable", 1, &["no_route", "admin_prohibited", "beyond_scope", "address_unreachable", "port_unreachable"]),
    ("packet_too_big", 2, &[]),
    ("time_exceeded", 3, &["exceeded_hop_limit", "exceeded_frag_time"]),
    ("parameter_problem", 4, &["header_field", "unknown_next_header", "unknown_option"]),
    ("echo_request", 128, &[]),
    ("echo_reply", 129, &[]),
];

/// Second words for a code of ICMPv6 (true) or ICMP: what packetdrill's second dialect says.
const ALIASES: [(bool, &str, &str); 3] = [
    (true, "not_neighbour", "beyond_scope"),
    (false, "ttl_exceeded_in_transit", "exceeded_ttl"),
    (false, "frag_reass_exceeded", "exceeded_frag_time"),
];

/// Type and code.
type Words = (&'static str, Option<&'static str>);

/// The same event in both families: IPv4's words, then IPv6's. RFC 4443 3, RFC 5927 4.1.
const COUNTERPARTS: [(Words, Words); 8] = [
    (("unreachable", Some("net_unreachable")), ("unreachable", Some("no_route"))),
    (("unreachable", Some("host_unreachable")), ("unreachable", Some("address_unreachable"))),
    (("unreachable", Some("protocol_unreachable")), ("parameter_problem", Some("unknown_next_header"))),
    (("unreachable", Some("frag_needed")), ("packet_too_big", None)),
    (("unreachable", Some("host_prohibited")), ("unreachable", Some("admin_prohibited"))),
    (("unreachable", Some("net_prohibited")), ("unreachable", Some("admin_prohibited"))),
    (("unreachable", Some("packet_filtered")), ("unreachable", Some("admin_prohibited"))),
    (("time_exceeded", Some("exceeded_ttl")), ("time_exceeded", Some("exceeded_hop_limit"))),
];

/// The words that one family has for what the other family's words say.
pub fn icmp_counterpart(v6: bool, kind: &str, code: Option<&str>) -> Option<Words> {
    let found = COUNTERPARTS.iter().find(|(v4, six)| (kind, code) == if v6 { *v4 } else { *six });
    found.map(|(v4, six)| if v6 { *six } else { *v4 })
}

/// Type and code of an ICMP (`v6`: ICMPv6) message. A word, a number, `type_N` and `code_N` will do; no code is code 0.
///
/// Errors: the word that is unknown, and the words that are known in its place.
pub fn icmp<'w>(v6: bool, kind: &'w str, code: Option<&'w str>) -> Result<(u8, u8), (&'w str, Vec<&'static str>)> {
    let table = if v6 { V6 } else { V4 };
    let named = table.iter().find(|(word, _, _)| *word == kind);
    let number = named.map(|(_, number, _)| *number).or_else(|| plain(kind, "type_"));
    let number = number.ok_or_else(|| (kind, table.iter().map(|(word, _, _)| *word).collect::<Vec<_>>()))?;
    let Some(code) = code else { return Ok((number, 0)) };
    let codes = table.iter().find(|(_, known, _)| *known == number).map_or(&[] as &[&str], |(_, _, codes)| codes);
    let place = |word: &str| codes.iter().position(|known| *known == word);
    let alias =
        || ALIASES.iter().find(|(six, alias, _)| *six == v6 && *alias == code).and_then(|(_, _, word)| place(word));
    let value = place(code).or_else(alias).map(|place| place as u8).or_else(|| plain(code, "code_"));
    Ok((number, value.ok_or_else(|| (code, codes.to_vec()))?))
}

/// The words for a type and a code, as far as there are any; `type_N` and `code_N` otherwise. No code for a type that has none.
pub fn icmp_name(v6: bool, kind: u8, code: u8) -> (String, Option<String>) {
    let table = if v6 { V6 } else { V4 };
    let known = table.iter().find(|(_, number, _)| *number == kind);
    let codes = known.map_or(&[] as &[&str], |(_, _, codes)| codes);
    let name = known.map_or_else(|| format!("type_{kind}"), |(word, _, _)| (*word).to_owned());
    let code = match codes.get(usize::from(code)) {
        Some(word) => Some((*word).to_owned()),
        None => (code != 0 || !codes.is_empty() || known.is_none()).then(|| format!("code_{code}")),
    };
    (name, code)
}

/// Every word for a type or a code.
pub(crate) fn icmp_words() -> impl Iterator<Item = &'static str> {
    let types = V4.iter().chain(V6).flat_map(|(word, _, codes)| [*word].into_iter().chain(codes.iter().copied()));
    types.chain(ALIASES.iter().map(|(_, alias, _)| *alias))
}

fn plain(word: &str, prefix: &str) -> Option<u8> {
    word.strip_prefix(prefix).unwrap_or(word).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{COUNTERPARTS, icmp, icmp_counterpart};

    #[test]
    fn counterparts_exist_in_their_families() {
        for ((kind4, code4), (kind6, code6)) in COUNTERPARTS {
            assert!(icmp(false, kind4, code4).is_ok(), "{kind4} {code4:?}");
            assert!(icmp(true, kind6, code6).is_ok(), "{kind6} {code6:?}");
            assert_eq!(icmp_counterpart(true, kind4, code4), Some((kind6, code6)));
        }
        assert_eq!(icmp_counterpart(false, "packet_too_big", None), Some(("unreachable", Some("frag_needed"))));
    }

    #[test]
    fn words_and_numbers_name_types_and_codes() {
        let table = [
            (false, "unreachable", Some("frag_needed"), Ok((3, 4))),
            (false, "unreachable", None, Ok((3, 0))),
            (false, "type_3", Some("code_13"), Ok((3, 13))),
            (false, "3", Some("port_unreachable"), Ok((3, 3))),
            (true, "packet_too_big", None, Ok((2, 0))),
            (true, "unreachable", Some("port_unreachable"), Ok((1, 4))),
            (true, "unreachable", Some("frag_needed"), Err("frag_needed")),
            (false, "packet_too_big", None, Err("packet_too_big")),
        ];
        for (v6, kind, code, expected) in table {
            assert_eq!(icmp(v6, kind, code).map_err(|(word, _)| word), expected, "{kind} {code:?}");
        }
    }
}
