//! `parse(print(x)) == x` for trees of every shape.

mod calls;
mod packets;

use halfopen_script::ast::{
    Action, Any, Event, Field, Header, Item, Label, Level, Micros, Num, OptionLine, Script, Span, Spanned, Time, Use,
    Value, Variation, When,
};
use halfopen_script::{Sources, format, parse, print, render};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

pub(crate) fn at<T>(node: T) -> Spanned<T> {
    Spanned { node, span: Span::default() }
}

pub(crate) fn name() -> impl Strategy<Value = String> {
    "[a-z][a-z0-9_]{0,5}(\\.[a-z0-9_]{1,4})?"
}

/// A label, or the name of a fixture or axis.
fn label() -> impl Strategy<Value = String> {
    "[A-Za-z0-9_]{1,5}([-.][A-Za-z0-9_]{1,4}){0,2}"
}

/// A number with a name in it.
pub(crate) fn sum() -> impl Strategy<Value = Num> {
    let parts = (vec(name(), 1..3), -1000_i64..1000);
    parts.prop_map(|(names, offset)| Num { names, offset, hex: false, span: Span::default() })
}

pub(crate) fn literal(most: i64) -> impl Strategy<Value = Num> {
    (0..=most, any::<bool>()).prop_map(|(offset, hex)| Num { hex, ..Num::literal(offset) })
}

pub(crate) fn num(most: i64) -> impl Strategy<Value = Num> {
    prop_oneof![literal(most), sum()]
}

fn micros() -> impl Strategy<Value = Micros> {
    let named = (name(), -2_000_000_i64..2_000_000);
    prop_oneof![
        (0_i64..10_000_000_000).prop_map(Micros::literal),
        named.prop_map(|(name, offset)| Micros { name: Some(name), offset, span: Span::default() })
    ]
}

/// Two times of which the first is not the later.
fn span_of_time() -> impl Strategy<Value = (Micros, Micros)> {
    (micros(), micros())
        .prop_map(|(a, b)| if a.name.is_none() && b.name.is_none() && b.offset < a.offset { (b, a) } else { (a, b) })
}

fn plain_time() -> impl Strategy<Value = Time> {
    prop_oneof![micros().prop_map(Time::Absolute), micros().prop_map(Time::Relative)]
}

fn call_time() -> impl Strategy<Value = Time> {
    let blocking = (any::<bool>(), span_of_time());
    prop_oneof![plain_time(), blocking.prop_map(|(relative, (start, end))| Time::Blocking { relative, start, end })]
}

fn outbound_time() -> impl Strategy<Value = Time> {
    prop_oneof![
        plain_time(),
        Just(Time::AnyTime),
        span_of_time().prop_map(|(from, to)| Time::AbsoluteRange(from, to)),
        span_of_time().prop_map(|(from, to)| Time::RelativeRange(from, to)),
    ]
}

fn event() -> BoxedStrategy<Event> {
    let code = select(vec!["", "assert tcpi_state == 1", "\nx = 1\nprint(x)\n", "print('} %')"]);
    let command = "[ -_a-~]{0,20}".prop_map(|text| text.replace('\\', ""));
    let parts = prop_oneof![
        (plain_time(), packets::packet(true).prop_map(Action::Packet)),
        (outbound_time(), packets::packet(false).prop_map(Action::Packet)),
        (call_time(), calls::call().prop_map(Action::Call)),
        (plain_time(), command.prop_map(Action::Command)),
        (plain_time(), code.prop_map(|code| Action::Code(code.to_owned()))),
        (plain_time(), Just(Action::Silent)),
    ];
    parts.prop_map(|(time, action)| Event { time, action, span: Span::default() }).boxed()
}

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        prop_oneof![num(i64::MAX), (-1000_i64..0).prop_map(Num::literal)].prop_map(Value::Num),
        "[A-Za-z.][A-Za-z0-9.]{0,5}|0\\.[0-9]{1,6}|-"
            .prop_filter("an ellipsis is a token", |word| !word.contains(".."))
            .prop_map(|word| Value::Word(at(word))),
    ]
}

fn comment() -> impl Strategy<Value = String> {
    "[ -~]{0,20}".prop_map(|text| text.trim_end().to_owned())
}

fn item() -> impl Strategy<Value = Item> {
    let leaf = prop_oneof![
        8 => event().prop_map(Item::Event),
        1 => (label(), any::<bool>()).prop_map(|(name, by_axis)| Item::Use(Use { name: at(name), by_axis })),
        2 => (name(), value()).prop_map(|(name, value)| Item::Let(at(name), value)),
        1 => comment().prop_map(Item::Comment),
        1 => ("[A-Z]{1,5}", vec(event().prop_map(Item::Event), 0..3))
            .prop_map(|(symbol, items)| Item::IfDefined(at(symbol), items)),
    ]
    .boxed();
    leaf.prop_recursive(2, 12, 3, |inner| {
        let block = || vec(inner.clone(), 0..3);
        prop_oneof![
            (label(), vec(label(), 1..3), block(), block()).prop_map(|(axis, labels, then, otherwise)| {
                let labels = labels.into_iter().map(at).collect();
                Item::When(When { axis: at(axis), labels, then, otherwise })
            }),
            vec(block(), 2..4).prop_map(|branches| Item::Any(Any { branches, span: Span::default() })),
        ]
    })
}

fn header() -> impl Strategy<Value = Header> {
    let words = |pattern: &'static str| vec(pattern.prop_map(at), 1..3);
    let field = prop_oneof![
        words("[a-z0-9:_]{1,8}").prop_map(|words| ("alias", words)),
        vec(select(vec!["v4", "v6", "mapped"]).prop_map(|word| at(word.to_owned())), 1..3)
            .prop_map(|words| ("family", words)),
        words("x-[a-z_]{1,8}(>=[0-9]{1,3})?").prop_map(|words| ("needs", words)),
    ];
    // A word twice, and a key in two lines, are faults.
    let field = field.prop_map(|(key, mut words)| {
        words.sort_by(|one, other| one.node.cmp(&other.node));
        words.dedup_by(|one, other| one.node == other.node);
        Field { key: at(key.to_owned()), words }
    });
    let fields = vec(field, 0..3).prop_map(|mut fields| {
        fields.sort_by(|one, other| one.key.node.cmp(&other.key.node));
        fields.dedup_by(|one, other| one.key.node == other.key.node);
        fields
    });
    let rule = (
        words("rfc[0-9]{4}/[a-z0-9./-]{1,12}"),
        select(vec![Level::Must, Level::Should, Level::May]),
        vec("[a-zA-Z.,`]{1,12}", 0..40),
    );
    (of(rule), fields).prop_map(|(rule, fields)| match rule {
        None => Header { fields, ..Header::default() },
        Some((rules, level, sentence)) => {
            Header { rules, level: Some(at(level)), sentence: sentence.join(" "), fields }
        }
    })
}

fn option_line() -> impl Strategy<Value = OptionLine> {
    let lines = [
        ("mss", Some("1000")),
        ("strict_segments", None),
        ("define", Some("CC=\"a b\"")),
        ("local_ip", Some("fd3d::1")),
        ("so_flags", Some("a b")),
        ("code_command", Some("")),
    ];
    select(lines.to_vec()).prop_map(|(name, value)| OptionLine {
        name: at(name.to_owned()),
        value: value.map(|value| at(value.to_owned())),
    })
}

fn variation() -> impl Strategy<Value = Vec<Variation>> {
    let labels = proptest::collection::btree_map(label(), vec((name().prop_map(at), value()), 0..3), 1..4);
    let labels = labels
        .prop_map(|labels| labels.into_iter().map(|(name, bindings)| Label { name: at(name), bindings }).collect());
    let axes = proptest::collection::btree_map(
        label().prop_filter("every script has it", |axis| axis != "family"),
        labels,
        0..3,
    );
    axes.prop_map(|axes| {
        axes.into_iter().map(|(axis, labels)| Variation { axis: at(axis), labels, span: Span::default() }).collect()
    })
}

fn script() -> impl Strategy<Value = Script> {
    let command = || of("[ -Z^-_a-~]{0,20}".prop_map(at));
    let parts = (
        header(),
        vec(comment(), 0..3),
        vec(option_line(), 0..3),
        variation(),
        command(),
        vec(item(), 0..8),
        command(),
    );
    parts.prop_map(|(header, mut comments, options, variations, init, mut items, cleanup)| {
        let bare = options.is_empty() && variations.is_empty() && init.is_none();
        if bare {
            // With nothing between, the comments above the first event are the file's.
            while let Some(Item::Comment(_)) = items.first() {
                let Item::Comment(text) = items.remove(0) else { unreachable!() };
                comments.push(text);
            }
        }
        // A command with no event before it is the first command.
        let cleanup = cleanup.filter(|_| items.iter().any(|item| !matches!(item, Item::Comment(_))));
        Script { header, comments, options, variations, init, items, cleanup }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn printing_and_parsing_changes_nothing(script in script()) {
        let mut sources = Sources::new();
        let text = print(&script);
        let file = sources.add("printed", &text);
        match parse(&sources, file) {
            Ok(parsed) => prop_assert_eq!(&parsed, &script, "printed:\n{}", text),
            Err(faults) => prop_assert!(false, "{}\nprinted:\n{}", render(&faults, &sources, false), text),
        }
    }

    /// A layout exists for every script, and is one: however its lines are indented, it comes out the same.
    #[test]
    fn a_layout_is_one(script in script(), indent in vec(0_usize..9, 1..20)) {
        let text = print(&script);
        let begins = |line: &str| (line.trim_start().starts_with(['+', '}', '$']) && !line.contains("}%")) || line.trim_start().starts_with("let ");
        let indented = |(line, by): (&str, &usize)| if begins(line) { format!("{}{}", " ".repeat(*by), line.trim_start()) } else { line.to_owned() };
        let ragged: Vec<String> = text.split_inclusive('\n').zip(indent.iter().cycle()).map(indented).collect();
        let mut sources = Sources::new();
        let laid_out = |sources: &mut Sources, text: &str| {
            let file = sources.add("t.pkt", text);
            format(sources, file)
        };
        let once = laid_out(&mut sources, &text);
        prop_assert!(once.is_ok(), "{:?}\nprinted:\n{}", once, text);
        let once = once.unwrap_or_default();
        prop_assert_eq!(&once, &laid_out(&mut sources, &once).unwrap_or_default());
        prop_assert_eq!(&once, &laid_out(&mut sources, &ragged.concat()).unwrap_or_default());
    }

    /// Whatever a file holds, the parser comes to an end and says where its faults are.
    #[test]
    fn no_text_breaks_the_parser(text in "([ -~\n]|[0-9]{1,3}|\\+0 < S|any \\{|\\} or \\{|when a = b \\{|%\\{|\\$a|\\.\\.\\.|\"|é){0,60}") {
        let mut sources = Sources::new();
        let file = sources.add("noise", &text);
        if let Err(faults) = parse(&sources, file) {
            prop_assert!(!faults.is_empty());
            prop_assert!(!render(&faults, &sources, false).is_empty());
        }
    }
}
