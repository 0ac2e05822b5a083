//! Backtick commands that only set kernel parameters, recognised so that no program has to be started for them.

/// One `NAME=VALUE` of a `sysctl` command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Setting {
    /// As written: parts separated by dots or slashes.
    pub(crate) name: String,
    /// The value, quotes removed.
    pub(crate) value: String,
    /// `-e`: an unknown name is no error.
    pub(crate) optional: bool,
}

/// The settings that `line` makes, in order; `None` when it does anything else than `sysctl [-q] [-w] [-e] NAME=VALUE...`,
/// several joined by `;`, `&&` or newlines, output thrown away.
pub(crate) fn settings(line: &str) -> Option<Vec<Setting>> {
    let mut all = Vec::new();
    for command in split(line)? {
        let mut words = command.into_iter();
        let program = words.next()?;
        if program.rsplit('/').next() != Some("sysctl") {
            return None;
        }
        let start = all.len();
        let mut optional = false;
        for word in words {
            if let Some(flags) = word.strip_prefix('-') {
                match flags {
                    "q" | "w" | "qw" | "wq" | "-quiet" | "-write" => {}
                    "e" | "-ignore" | "qe" | "eq" | "we" | "ew" => optional = true,
                    _ => return None,
                }
            } else {
                let (name, value) = word.split_once('=')?;
                all.push(Setting { name: name.to_owned(), value: value.to_owned(), optional: false });
            }
        }
        if all.len() == start {
            return None;
        }
        all[start..].iter_mut().for_each(|setting| setting.optional = optional);
    }
    if all.is_empty() { None } else { Some(all) }
}

/// Words of each command of a line. `None` for whatever a shell would treat in a way that is not known here.
fn split(line: &str) -> Option<Vec<Vec<String>>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<String> = None;
    let mut rest = strip_redirections(line)?.into_iter().peekable();
    while let Some(c) = rest.next() {
        match c {
            ' ' | '\t' => commands.last_mut()?.extend(word.take()),
            ';' | '\n' => {
                commands.last_mut()?.extend(word.take());
                commands.push(Vec::new());
            }
            '&' => {
                rest.next_if_eq(&'&')?;
                commands.last_mut()?.extend(word.take());
                commands.push(Vec::new());
            }
            '\'' | '"' => {
                let word = word.get_or_insert_default();
                loop {
                    match rest.next()? {
                        end if end == c => break,
                        '$' | '`' | '\\' if c == '"' => return None,
                        inside => word.push(inside),
                    }
                }
            }
            '$' | '`' | '\\' | '|' | '<' | '>' | '(' | ')' | '{' | '}' | '*' | '?' | '[' | '!' | '#' | '~' => {
                return None;
            }
            _ => word.get_or_insert_default().push(c),
        }
    }
    commands.last_mut()?.extend(word);
    Some(commands.into_iter().filter(|words| !words.is_empty()).collect())
}

/// The line without its redirections to `/dev/null`; `None` when it redirects elsewhere.
fn strip_redirections(line: &str) -> Option<Vec<char>> {
    let mut kept = String::new();
    let mut rest = line;
    while let Some(at) = rest.find('>') {
        let before =
            rest[..at].strip_suffix(['1', '2', '&']).filter(|b| b.ends_with([' ', '\t'])).unwrap_or(&rest[..at]);
        kept.push_str(before);
        let target = rest[at + 1..].trim_start_matches('>').trim_start();
        rest = ["/dev/null", "&1", "&2"].iter().find_map(|known| target.strip_prefix(known))?;
        if !(rest.is_empty() || rest.starts_with([' ', '\t', ';', '&', '\n'])) {
            return None;
        }
    }
    kept.push_str(rest);
    Some(kept.chars().collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rstest::rstest;

    #[rstest]
    #[case("sysctl -q net.ipv4.tcp_ecn=0", &[("net.ipv4.tcp_ecn", "0")])]
    #[case("sysctl -w net.ipv4.tcp_ecn=0 net/ipv4/tcp_sack=1", &[("net.ipv4.tcp_ecn", "0"), ("net/ipv4/tcp_sack", "1")])]
    #[case("/sbin/sysctl -qw a.b='4096 5 6' > /dev/null 2>&1", &[("a.b", "4096 5 6")])]
    #[case("sysctl -q a=1; sysctl a=2 && sysctl -q b=\"3 4\" >/dev/null;", &[("a", "1"), ("a", "2"), ("b", "3 4")])]
    #[case("sysctl -q a=1\n  sysctl -q b=2\n", &[("a", "1"), ("b", "2")])]
    #[case("sysctl a=1 &>/dev/null", &[("a", "1")])]
    fn settings_are_recognised(#[case] line: &str, #[case] expected: &[(&str, &str)]) {
        let found = settings(line).expect("recognised");
        let found: Vec<(&str, &str)> = found.iter().map(|s| (s.name.as_str(), s.value.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[rstest]
    #[case("../common/defaults.sh")]
    #[case("sysctl -q a=1; ./x.sh")]
    #[case("sysctl a")]
    #[case("sysctl -a a=1")]
    #[case("sysctl -q a=$X")]
    #[case("sysctl -q a=1 | cat")]
    #[case("sysctl -q a=1 &")]
    #[case("sysctl -q a=1 > /tmp/log")]
    #[case("sysctl -q a='1")]
    #[case("")]
    fn anything_else_is_left_to_the_shell(#[case] line: &str) {
        assert_eq!(settings(line), None);
    }

    #[test]
    fn ignored_errors_belong_to_one_command() {
        let found = settings("sysctl -e a=1; sysctl b=1").expect("recognised");
        assert_eq!(found.iter().map(|s| s.optional).collect::<Vec<_>>(), [true, false]);
    }
}
