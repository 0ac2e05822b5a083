//! Every word that the language gives a meaning, by what it is, from the tables that the parser itself reads. For editors.

use crate::{checks, parse, symbols};

/// The words of the language, each list sorted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keywords {
    /// What begins a line that is no event: `use`, `let`, ...
    pub statements: Vec<&'static str>,
    /// What goes on with a block: `else`, `or`.
    pub branches: Vec<&'static str>,
    /// Protocols and headers of a packet: `icmp`, `udp`, `gre`, ...
    pub headers: Vec<&'static str>,
    /// Fields behind the numbers of a segment, and those of headers: `ack`, `win`, `mtu`, ...
    pub fields: Vec<&'static str>,
    /// Words in the brackets before a packet: `ect0`, `ttl`, ...
    pub ip_words: Vec<&'static str>,
    /// TCP options, with the words inside them: `mss`, `TS`, `val`, ...
    pub tcp_options: Vec<&'static str>,
    /// ICMP types and codes of both families.
    pub icmp: Vec<&'static str>,
    /// Option lines, without their dashes.
    pub option_lines: Vec<&'static str>,
    /// System calls.
    pub calls: Vec<&'static str>,
    /// Constants of calls, and errnos.
    pub constants: Vec<&'static str>,
}

/// The words of the language.
pub fn keywords() -> Keywords {
    let sorted = |words: &mut dyn Iterator<Item = &'static str>| {
        // "`tos N`" in a list of what the parser expects is the word `tos`.
        let mut words: Vec<_> = words.map(first_word).collect();
        words.sort_unstable();
        words.dedup();
        words
    };
    Keywords {
        statements: sorted(&mut parse::STATEMENTS.into_iter()),
        branches: sorted(&mut parse::BRANCHES.into_iter()),
        headers: sorted(&mut parse::HEADERS.into_iter()),
        fields: sorted(&mut parse::FIELDS.into_iter()),
        ip_words: sorted(&mut parse::IP_WORDS.into_iter().chain(symbols::dscp_names())),
        tcp_options: sorted(&mut parse::OPTIONS.into_iter().chain(parse::OPTION_WORDS)),
        icmp: sorted(&mut symbols::icmp_words()),
        option_lines: sorted(&mut checks::option_names()),
        calls: sorted(&mut checks::call_names()),
        constants: sorted(&mut symbols::names()),
    }
}

fn first_word(expected: &'static str) -> &'static str {
    expected.trim_matches('`').split(' ').next().unwrap_or(expected)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_its_words() {
        let words = keywords();
        let has = |list: &[&str], word: &str| list.binary_search(&word).is_ok();
        assert!(has(&words.statements, "vary") && has(&words.branches, "or") && has(&words.headers, "gre"));
        assert!(has(&words.fields, "win") && has(&words.ip_words, "tos") && has(&words.ip_words, "voice-admit"));
        assert!(has(&words.tcp_options, "mss") && has(&words.tcp_options, "ecr") && has(&words.icmp, "frag_needed"));
        assert!(has(&words.option_lines, "ip_version") && has(&words.calls, "epoll_wait"));
        assert!(has(&words.constants, "SO_REUSEADDR") && has(&words.constants, "EAGAIN"));
    }
}
