//! TCP options that are offered, and what they are held to.

use super::*;

/// The options of the SYN,ACK to a peer that offers everything.
fn offered(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.options.sack_permitted = true;
    play.options.window_scale = Some(7);
    play.timestamp(77, 0);
    play.listen(1);
    play.inject(S, 0, 0, b"");
    let options = play.last().0.options;
    let timestamps = options.timestamps.map(|option| (option.val == 1000, option.ecr));
    format!("{timestamps:?} {:?} {}", options.window_scale, options.sack_permitted)
}

/// What a segment without timestamps draws once they were negotiated.
fn timestamp_missing(set: Set) -> String {
    let mut config = plain();
    config.tcp_timestamps = 1;
    set(&mut config);
    let mut play = Play::new(config);
    play.timestamp(77, 0);
    play.listen(1);
    play.inject(S, 0, 0, b"");
    play.inject(A, 1, 1, b"");
    play.options.timestamps = None;
    let mut sent = play.inject(P, 1, 1, b"text");
    sent.extend(play.wait(1.0).into_iter().map(|(_, line)| line));
    line(&sent)
}

/// The timestamps of a reset to one for whom there is no connection.
fn reset(set: Set) -> String {
    let mut play = Play::new(plain_with(set));
    play.timestamp(77, 0);
    play.inject(A, 1, 1, b"");
    format!("{:?}", play.last().0.options.timestamps.map(|option| (option.val, option.ecr)))
}

/// Whether two connections of one host, opened at one moment, show the same timestamp.
fn two_clocks(set: Set) -> String {
    let mut config = plain();
    config.tcp_timestamps = 1;
    set(&mut config);
    let mut play = Play::new(config);
    play.timestamp(77, 0);
    play.listen(2);
    let mut shown = |port| {
        play.remote.set_port(port);
        play.inject(S, 0, 0, b"");
        play.last().0.options.timestamps.map(|option| option.val)
    };
    format!("{}", shown(5000) == shown(5001))
}

pub(crate) const ROWS: &[Row] = &[
    Row {
        field: "tcp_timestamps",
        play: offered,
        values: &[
            (|c| c.tcp_timestamps = 0, "None None false"),
            (|c| c.tcp_timestamps = 1, "Some((false, 77)) None false"),
            (|c| c.tcp_timestamps = 2, "Some((true, 77)) None false"),
        ],
    },
    Row {
        field: "tcp_window_scaling",
        play: offered,
        values: &[
            (|c| c.tcp_window_scaling = false, "None None false"),
            (|c| c.tcp_window_scaling = true, "None Some(7) false"),
        ],
    },
    Row {
        field: "tcp_sack",
        play: offered,
        values: &[(|c| c.tcp_sack = false, "None None false"), (|c| c.tcp_sack = true, "None None true")],
    },
    Row {
        field: "reset_echoes_timestamps",
        play: reset,
        values: &[
            (|c| c.reset_echoes_timestamps = true, "Some((0, 77))"),
            (|c| c.reset_echoes_timestamps = false, "None"),
        ],
    },
    Row {
        field: "timestamp_offset_of_host",
        play: two_clocks,
        values: &[(|c| c.timestamp_offset_of_host = true, "true"), (|c| c.timestamp_offset_of_host = false, "false")],
    },
    Row {
        field: "require_timestamps",
        play: timestamp_missing,
        values: &[(|c| c.require_timestamps = true, ""), (|c| c.require_timestamps = false, ". 1:1(0) ack 5")],
    },
];
