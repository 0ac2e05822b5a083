use super::*;

fn none() -> Options {
    Options::default()
}

fn sack(blocks: &[(u32, u32)]) -> SackBlocks {
    let mut sack = SackBlocks::NONE;
    for (left, right) in blocks {
        assert!(sack.push(SeqNum(*left), SeqNum(*right)));
    }
    sack
}

const STAMPS: Option<Timestamps> = Some(Timestamps { val: 0x0102_0304, ecr: 0x0506_0708 });
const STAMP_OCTETS: [u8; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

#[test]
fn emission_has_one_order() {
    let stamped = [&[1, 1, 8, 10][..], &STAMP_OCTETS].concat();
    let table: &[(&str, Options, &[u8])] = &[
        ("none", none(), &[]),
        ("mss", Options { mss: Some(1460), ..none() }, &[2, 4, 5, 0xb4]),
        ("sackOK alone", Options { sack_permitted: true, ..none() }, &[1, 1, 4, 2]),
        ("TS alone", Options { timestamps: STAMPS, ..none() }, &stamped),
        ("wscale", Options { window_scale: Some(7), ..none() }, &[1, 3, 3, 7]),
        (
            "the SYN of Linux",
            Options { mss: Some(1460), sack_permitted: true, timestamps: STAMPS, window_scale: Some(7), ..none() },
            &[2, 4, 5, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 5, 6, 7, 8, 1, 3, 3, 7],
        ),
        (
            "SYN without timestamps",
            Options { mss: Some(536), sack_permitted: true, window_scale: Some(0), ..none() },
            &[2, 4, 2, 24, 1, 1, 4, 2, 1, 3, 3, 0],
        ),
        ("one block", Options { sack: sack(&[(1, 2)]), ..none() }, &[1, 1, 5, 10, 0, 0, 0, 1, 0, 0, 0, 2]),
        (
            "user timeout",
            Options { user_timeout: Some(UserTimeout { minutes: true, value: 5 }), ..none() },
            &[28, 4, 0x80, 5],
        ),
        ("cookie request", Options { fast_open: Cookie::new(&[]), ..none() }, &[34, 2, 1, 1]),
        ("cookie of 4", Options { fast_open: Cookie::new(b"abcd"), ..none() }, b"\x22\x06abcd\x01\x01"),
        ("cookie of 6", Options { fast_open: Cookie::new(b"abcdef"), ..none() }, b"\x22\x08abcdef"),
        ("illegal is not emitted", Options { illegal: true, ..none() }, &[]),
    ];
    for (name, options, octets) in table {
        assert_eq!(options.encode().as_slice(), *octets, "{name}");
        assert_eq!(options.octets(), octets.len(), "{name}");
        assert_eq!(parse(octets), Options { illegal: false, ..*options }, "{name}");
    }
}

#[test]
fn what_finds_no_room_is_left_out_from_the_end() {
    let four = sack(&[(1, 2), (3, 4), (5, 6), (7, 8)]);
    // Options beside the four blocks -> blocks sent.
    let table = [
        (none(), 4),
        (Options { timestamps: STAMPS, ..none() }, 3),
        (Options { timestamps: STAMPS, mss: Some(1), window_scale: Some(1), ..none() }, 2),
        (
            Options {
                timestamps: STAMPS,
                mss: Some(1),
                window_scale: Some(1),
                fast_open: Cookie::new(&[0; 16]),
                ..none()
            },
            0,
        ),
    ];
    for (others, blocks) in table {
        let parsed = parse(Options { sack: four, ..others }.encode().as_slice());
        assert_eq!(parsed.sack.as_slice(), &four.as_slice()[..blocks], "{others:?}");
        assert_eq!(Options { sack: SackBlocks::NONE, ..parsed }, others);
    }
    let full = Options {
        mss: Some(1),
        timestamps: STAMPS,
        window_scale: Some(1),
        fast_open: Cookie::new(&[9; 16]),
        user_timeout: Some(UserTimeout { minutes: false, value: 1 }),
        ..none()
    };
    assert_eq!(full.octets(), 40);
    assert_eq!(parse(full.encode().as_slice()), Options { user_timeout: None, ..full });
}

#[test]
fn illegal_lengths_cost_options_and_nothing_else() {
    let mss = Options { mss: Some(1460), ..none() };
    let scaled = Options { window_scale: Some(7), ..none() };
    let bad = |options: Options| Options { illegal: true, ..options };
    let table: &[(&str, &[u8], Options)] = &[
        ("end of options", &[0, 2, 4, 5, 0xb4], none()),
        ("nothing but NOP", &[1; 40], none()),
        ("length 0", &[2, 4, 5, 0xb4, 3, 0, 7], bad(mss)),
        ("length 1", &[2, 4, 5, 0xb4, 3, 1, 7], bad(mss)),
        ("length cut off", &[2, 4, 5, 0xb4, 3], bad(mss)),
        ("beyond the header", &[2, 4, 5, 0xb4, 3, 4, 7], bad(mss)),
        ("length 0 of an unknown kind", &[253, 0, 3, 3, 7], bad(none())),
        ("unknown kind is skipped", &[253, 4, 0, 0, 3, 3, 7], scaled),
        ("unknown kind without value", &[253, 2, 3, 3, 7], scaled),
        ("mss of 3 is skipped", &[2, 3, 9, 3, 3, 7], bad(scaled)),
        ("mss of 5 is skipped", &[2, 5, 9, 9, 9, 3, 3, 7], bad(scaled)),
        ("wscale of 2 is skipped", &[3, 2, 2, 4, 5, 0xb4], bad(mss)),
        ("sackOK of 3 is skipped", &[4, 3, 0, 2, 4, 5, 0xb4], bad(mss)),
        ("TS of 9 is skipped", &[8, 9, 1, 2, 3, 4, 5, 6, 7, 3, 3, 7], bad(scaled)),
        ("SACK without block is skipped", &[5, 2, 3, 3, 7], bad(scaled)),
        ("SACK of a block and a half is skipped", &[5, 14, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 3, 3, 7], bad(scaled)),
        ("user timeout of 3 is skipped", &[28, 3, 0, 3, 3, 7], bad(scaled)),
        ("cookie of 5 is skipped", &[34, 7, 1, 2, 3, 4, 5, 3, 3, 7], bad(scaled)),
        ("the last of two stands", &[3, 3, 1, 3, 3, 7], scaled),
        ("scale above 14 is reported as it is", &[3, 3, 255], Options { window_scale: Some(255), ..none() }),
    ];
    for (name, octets, expected) in table {
        assert_eq!(parse(octets), *expected, "{name}");
    }
}

#[test]
fn a_later_sack_option_replaces_the_earlier() {
    let octets = [5, 18, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 3, 0, 0, 0, 4, 5, 10, 0, 0, 0, 5, 0, 0, 0, 6];
    assert_eq!(parse(&octets).sack, sack(&[(5, 6)]));
}

#[test]
fn a_fifth_block_finds_no_room() {
    let mut blocks = sack(&[(1, 2), (3, 4), (5, 6), (7, 8)]);
    assert!(!blocks.push(SeqNum(9), SeqNum(10)));
    assert_eq!((blocks.len(), blocks.iter().count(), blocks.is_empty()), (4, 4, false));
    blocks.truncate(9);
    assert_eq!(blocks.len(), 4);
    blocks.truncate(1);
    assert_eq!(blocks, sack(&[(1, 2)]), "what was dropped does not count in comparisons");
}

#[test]
fn cookies_have_the_lengths_of_rfc_7413() {
    for length in 0..=20 {
        let octets = [7; 20];
        let cookie = Cookie::new(&octets[..length]);
        let legal = [0, 4, 6, 8, 10, 12, 14, 16].contains(&length);
        assert_eq!(cookie.is_some(), legal, "{length}");
        assert!(cookie.is_none_or(|cookie| cookie.as_slice() == &octets[..length]));
    }
}
