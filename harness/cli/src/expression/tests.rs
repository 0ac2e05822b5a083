use super::*;
use halfopen_script::ast::Level;
use halfopen_script::test::Family;

/// The tree with every pair in parentheses.
fn shape(node: &Node) -> String {
    match node {
        Node::Atom(Atom::Id(name), _) => name.clone(),
        Node::Atom(atom, _) => format!("{atom:?}"),
        Node::Not(inner) => format!("!{}", shape(inner)),
        Node::And(a, b) => format!("({} & {})", shape(a), shape(b)),
        Node::Or(a, b) => format!("({} | {})", shape(a), shape(b)),
        Node::Minus(a, b) => format!("({} - {})", shape(a), shape(b)),
    }
}

#[test]
fn operators_bind_as_those_of_nextest() {
    let table = [
        ("id(a) | id(b) & id(c)", "(a | (b & c))"),
        ("id(a) & id(b) | id(c)", "((a & b) | c)"),
        ("(id(a) | id(b)) & id(c)", "((a | b) & c)"),
        ("not id(a) & id(b)", "(!a & b)"),
        ("not (id(a) & id(b))", "!(a & b)"),
        ("!!id(a)", "!!a"),
        ("id(a) - id(b) & id(c)", "((a - b) & c)"),
        ("id(a) & id(b) - id(c)", "((a & b) - c)"),
        ("id(a) - not id(b)", "(a - !b)"),
        ("id(a) - id(b) | id(c)", "((a - b) | c)"),
        ("id(a) | id(b) | id(c)", "((a | b) | c)"),
        ("id(a) or id(b) and not id(c)", "(a | (b & !c))"),
        ("id(a) + id(b)", "(a | b)"),
        ("id(a) && id(b) || id(c)", "((a & b) | c)"),
        ("not(id(a))", "!a"),
        (" id ( a b[v4,X] ) ", "a b[v4,X]"),
        ("id(a(b)c)", "a(b)c"),
    ];
    for (text, expected) in table {
        let expression = Expression::parse(text).unwrap_or_else(|fault| panic!("{text}\n{fault}"));
        assert_eq!(shape(expression.root()), expected, "{text}");
    }
}

#[test]
fn atoms_are_read() {
    let atom = |text: &str| {
        let expression = Expression::parse(text).unwrap_or_else(|fault| panic!("{text}\n{fault}"));
        let Node::Atom(atom, _) = expression.root else { panic!("{text} is no atom") };
        atom
    };
    let seconds = std::time::Duration::from_secs;
    let table = [
        ("rfc(9293)", Atom::Rfc(9293, None)),
        ("rfc(RFC9293: 3.10.7.)", Atom::Rfc(9293, Some("3.10.7".into()))),
        ("must(10)", Atom::Label("MUST-10".into())),
        ("shld(1*)", Atom::Label("SHLD-1*".into())),
        ("may(3)", Atom::Label("MAY-3".into())),
        ("tc8(TCP_*)", Atom::Alias("tc8:TCP_*".into())),
        ("alias(tc8:*)", Atom::Alias("tc8:*".into())),
        ("state(time_wait)", Atom::State("TIME-WAIT".into())),
        ("state(FIN-WAIT-?)", Atom::State("FIN-WAIT-?".into())),
        ("family(V6)", Atom::Family(Family::V6)),
        ("level(must)", Atom::Level(Level::Must)),
        ("slow()", Atom::Slow(seconds(10))),
        ("slow(90s)", Atom::Slow(seconds(90))),
        ("status(fail)", Atom::Status(Status::Was(halfopen_report::record::FinalVerdict::Fail))),
        ("status(not-run)", Atom::Status(Status::NotRun)),
        ("all()", Atom::All),
        ("none()", Atom::None),
    ];
    for (text, expected) in table {
        assert_eq!(atom(text), expected, "{text}");
    }
}

/// What is said of a faulty expression, without colour: the message, what the caret covers, what was expected, and the help.
fn said(text: &str) -> (String, Wrong) {
    let tree = Lexer::new(text).tokens().and_then(|tokens| {
        let mut parser = Parser { tokens, at: 0, end: text.len(), depth: 0 };
        parser.union()
    });
    // By the way of the command line too.
    let fault = Expression::parse(text).expect_err(text);
    assert_eq!(fault.exit(), crate::fault::USAGE, "{text}");
    let wrong = match tree {
        Err(wrong) => wrong,
        Ok(_) => Wrong::new("something is left", 0..0),
    };
    (fault.to_string(), wrong)
}

#[test]
fn faults_are_pointed_at_with_what_would_be_right() {
    // text, what the caret covers, a part of the message, a part of the help
    let table = [
        ("stat(LISTEN)", "stat", "there is no set `stat(...)`", "did you mean `state`?"),
        ("id(a) & satte(LISTEN)", "satte", "there is no set", "did you mean `state`?"),
        ("test(x)", "test", "there is no set", "`id(...)`"),
        ("should(3)", "should", "there is no set", "`shld(n)`"),
        ("state(TIMEWAIT)", "TIMEWAIT", "no state of RFC 9293", "did you mean `TIME-WAIT`?"),
        ("state(SYN-RCVD)", "SYN-RCVD", "no state of RFC 9293", "did you mean `SYN-RECEIVED`?"),
        ("family(ip4)", "ip4", "no address family", ""),
        ("level(shoud)", "shoud", "no level", "did you mean `should`?"),
        ("status(failed)", "failed", "no verdict", "did you mean `fail`?"),
        ("must(x)", "x", "no number", "MUST-10"),
        ("rfc(tcp)", "tcp", "no number of an RFC", "rfc(9293:3.10.7.4)"),
        ("rfc(9293:)", "9293:", "no section", ""),
        ("slow(long)", "long", "no number of seconds", ""),
        ("all(x)", "x", "takes no argument", ""),
        ("id()", "id()", "says nothing", ""),
        ("id(a", "(", "never closed", "`id`"),
        ("(id(a)", "(", "never closed", ""),
        ("id(a) &", "", "missing at the end", ""),
        ("", "", "missing at the end", ""),
        ("& id(a)", "&", "missing before this operator", ""),
        ("- id(a)", "-", "nothing to the left", "`not B`"),
        ("()", ")", "missing here", ""),
        ("rfc9293/3.10.7.4", "rfc9293/3.10.7.4", "is no set", "`id(rfc9293/3.10.7.4)`"),
        ("state", "state", "is no set", "`state(STATE|GLOB)`"),
        ("NOT id(a)", "NOT", "is no set", "`not`"),
        ("é", "é", "is no set", ""),
    ];
    for (text, covered, message, help) in table {
        let (page, wrong) = said(text);
        assert_eq!(&text[wrong.place.clone()], covered, "{text}\n{page}");
        assert!(wrong.message.contains(message), "{text}\n{page}");
        assert!(wrong.help.unwrap_or_default().contains(help), "{text}\n{page}");
    }
    for (text, message) in [("id(a) id(b)", "side by side"), ("id(a))", "closes nothing")] {
        assert!(said(text).0.contains(message), "{text}");
    }
    let deep = format!("{}all(){}", "(".repeat(100_000), ")".repeat(100_000));
    assert!(said(&deep).1.message.contains("64 levels"));
}
