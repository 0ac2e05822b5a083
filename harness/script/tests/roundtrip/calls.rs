//! System calls with arguments of every kind.

use super::{at, num, sum};
use halfopen_script::ast::{Arg, ArgKind, Call, Member, Num, Span};
use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

fn arg_of(kind: ArgKind) -> Arg {
    Arg { kind, span: Span::default() }
}

fn arg() -> impl Strategy<Value = Arg> {
    let leaf = prop_oneof![
        Just(ArgKind::Ellipsis),
        num(i64::MAX).prop_map(ArgKind::Num),
        (-1000_i64..0).prop_map(|value| ArgKind::Num(Num::literal(value))),
        "[A-Z][A-Z0-9_]{0,8}".prop_map(ArgKind::Word),
        any::<String>().prop_map(ArgKind::Text),
        "[ -~\n\t\u{80}-\u{ff}]{0,12}".prop_map(ArgKind::TextEllipsis),
    ];
    leaf.prop_map(arg_of).prop_recursive(3, 12, 4, |inner| {
        let args = || vec(inner.clone(), 0..4);
        let named = ("[a-z_]{1,8}".prop_map(at), of(inner.clone()), inner.clone())
            .prop_map(|(name, length, value)| Member { name: Some(name), length, value });
        let bare = inner.clone().prop_map(|value| Member { name: None, length: None, value });
        // An alternative within an alternative is not written.
        let part = inner.clone().prop_filter("flat", |arg| !matches!(arg.kind, ArgKind::Or(_)));
        prop_oneof![
            vec(part, 2..4).prop_map(ArgKind::Or),
            args().prop_map(ArgKind::List),
            ("[a-z_]{1,8}", args()).prop_map(|(name, args)| ArgKind::Apply(name, args)),
            vec(prop_oneof![named, bare], 0..4).prop_map(ArgKind::Struct),
        ]
        .prop_map(arg_of)
    })
}

pub(crate) fn call() -> impl Strategy<Value = Call> {
    let names =
        [("close", 1), ("listen", 2), ("socket", 3), ("poll", 3), ("send", 4), ("setsockopt", 5), ("sendto", 6)];
    let calls = select(names.to_vec()).prop_flat_map(|(name, count)| (Just(name), vec(arg(), count)));
    let minus = prop_oneof![Just(Num::literal(-1)), sum()].prop_map(|num| arg_of(ArgKind::Num(num)));
    let errno = select(vec!["EAGAIN", "ECONNRESET", "$errno"]);
    let result = prop_oneof![
        arg().prop_map(|result| (result, None)),
        (minus, errno).prop_map(|(result, errno)| (result, Some(errno.to_owned()))),
    ];
    let note = of("[A-Za-z .,]{0,12}".prop_map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")));
    (calls, result, note).prop_map(|((name, args), (result, errno), note)| Call {
        name: at(name.to_owned()),
        args,
        result,
        errno: errno.map(at),
        note,
    })
}
