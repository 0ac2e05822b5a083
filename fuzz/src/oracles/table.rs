//! The oracles by number. The numbers are those that reports, regressions and docs/fuzzing.md use; one that is missing here is not
//! asked.

/// What an oracle has to know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Segments and socket calls.
    Wire,
    /// Segments and socket calls; it asks only where they leave no doubt, or accepts whatever the states allow in which the SUT may be.
    Permissive,
    /// The variables of the connection ([`halfopen_stack::Vitals`]).
    Snapshot,
}

impl Needs {
    /// Its letter in tables.
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Wire => 'Y',
            Self::Permissive => 'P',
            Self::Snapshot => 'N',
        }
    }
}

/// One oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oracle {
    /// Its number.
    pub number: u8,
    /// What must hold, in a few words.
    pub name: &'static str,
    /// The rule of the register that is violated when it does not.
    pub rule: &'static str,
    /// What it has to know.
    pub needs: Needs,
    /// When it does not ask, or what it takes for granted.
    pub assumes: &'static str,
}

/// The oracle of this number.
///
/// # Panics
/// When there is none: a defect of the caller.
#[must_use]
pub fn oracle(number: u8) -> &'static Oracle {
    let Some(oracle) = ORACLES.iter().find(|oracle| oracle.number == number) else {
        panic!("no oracle has number {number}")
    };
    oracle
}

/// docs/fuzzing.md: every oracle in a line.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(
        "# Oracles of the target `state_machine`\n\n\
        This page is made from `fuzz/src/oracles/table.rs` (`UPDATE_EXPECT=1 cargo test -p halfopen-fuzz`). [fuzz/README.md](../fuzz/README.md) says how \
        the targets are run; [simulation.md](simulation.md) has those of two endpoints.\n\n\
        After every step (a datagram, a call, a timer) each of these is asked, of whoever is tested. **Y** needs segments and socket calls only; **P** too, and \
        asks only where they leave no doubt or accepts all that the states allow; **N** needs the variables of the connection, which the reference stack \
        shows (`Stack::vitals`). Where the third column says that the state is known, the snapshot tells it.\n\n\
        | # | what must hold | needs | rule | assumes |\n|---|---|---|---|---|\n",
    );
    for Oracle { number, name, rule, needs, assumes } in ORACLES {
        page += &format!("| O{number} | {name} | {} | `{rule}` | {assumes} |\n", needs.letter());
    }
    page += "\nAsked elsewhere: O44 (overlaps that contradict each other) by `reassembly`, O83 (two stacks fall silent) by `endpoint_pair` and `halfopen fuzz sim`, \
        O105 (what parses is emitted the same) by `segment_parser`. Of O101 splitting and repeating segments is not asked.\n\n\
        Which of them were seen to fire: [seeded-bugs.md](seeded-bugs.md).\n\n";
    page + include_str!("clean.md")
}

macro_rules! oracles {
    ($($number:literal $needs:ident $rule:literal $name:literal, $assumes:literal;)*) => {
        /// Every oracle, by number.
        pub const ORACLES: &[Oracle] =
            &[$(Oracle { number: $number, name: $name, rule: $rule, needs: Needs::$needs, assumes: $assumes }),*];
    };
}

oracles! {
    1 Snapshot "rfc9293/3.4/seqspace" "SND.UNA =< SND.NXT =< the furthest number sent", "all that the host sends is seen";
    2 Snapshot "rfc9293/3.10.7.4/established-ack-new" "SND.UNA moves only to a SEG.ACK above it and up to SND.NXT, and never back", "one incarnation";
    3 Wire "rfc9293/3.4/cumack" "acknowledgment numbers never go back", "one incarnation; a new SYN,ACK begins the next";
    4 Wire "rfc9293/3.4/cumack" "nothing is acknowledged that the peer did not send without a gap", "segments with a fatal fault count as not sent";
    5 Permissive "rfc9293/3.8/ack-always" "a segment with ACK carries RCV.NXT", "with a snapshot: the last segment of each event";
    6 Wire "rfc9293/3.4/seqspace" "new text begins where the last ended", "all that the host sends is seen; of a SYN cookie with options that the peer made up nothing is asked";
    7 Wire "rfc9293/3.6/close-deliver" "no octet that the application did not write", "the application's stream is known";
    8 Wire "rfc2525/2.4/inconsistent-retransmission" "an octet that is sent again is the same", "text is a function of its place in the stream";
    9 Wire "rfc9293/3.1/synseq" "the octet at SEG.SEQ is the one at this place of the stream", "text is a function of its place in the stream";
    10 Wire "rfc9293/3.4/seqspace" "nothing behind the FIN, which keeps its number", "one incarnation";
    11 Snapshot "rfc9293/3.1/synseq" "a SYN that is sent again keeps ISS", "the connection was in SYN-SENT or SYN-RECEIVED before and after the event";
    12 Wire "rfc9293/3.8/ack-always" "every segment behind the handshake has ACK, but for a RST", "none";
    13 Wire "rfc9293/3.6/close-deliver" "FIN goes out behind all that was written", "the application's stream is known";
    14 Permissive "rfc9293/3.10.7.4/established-ack-future" "SEG.ACK > SND.NXT draws an ACK and changes nothing", "none";
    15 Permissive "rfc5961/5.2/ack-range" "SEG.ACK < SND.UNA - MAX.SND.WND draws an ACK and changes nothing", "only where the configuration checks the range";
    16 Snapshot "rfc9293/3.10.7.4/established-ack-wnd" "SND.WND changes only by SND.WL1 and SND.WL2", "a SEG.ACK that moves SND.UNA may keep the edge";
    17 Permissive "rfc9293/3.10.7.3/syn-sent-ack-high" "SYN-SENT: an unacceptable ACK draws a RST at SEG.ACK, or nothing if it is a RST itself", "state known";
    18 Permissive "rfc9293/3.10.7.4/syn-received-ack-bad" "SYN-RECEIVED: an unacceptable ACK draws a RST at SEG.ACK", "state known";
    19 Permissive "rfc9293/3.10.7.4/established-seq-unacc" "an unacceptable segment changes nothing and draws an ACK, unless it is a RST", "rate limits of the configuration may keep the ACK back";
    20 Wire "rfc9293/3.10/any-modulo" "numbers of the peer moved by a constant give the same exchange", "one program in 64, not in the linux profile; none of its numbers is absolute";
    21 Wire "rfc9293/3.8.6/may-7" "nothing new beyond the window, but one octet as a probe", "the furthest edge that was ever offered counts";
    22 Wire "rfc9293/3.8.6/shld-14" "the right edge of the window never moves left", "less than a unit of the window's scale is rounding";
    23 Wire "rfc9293/3.8.6/discard" "nothing beyond the right edge is acknowledged, but a FIN", "none";
    24 Permissive "rfc9293/3.8.6/must-34" "a peer that shrinks its window loses no connection", "the segment is neither SYN nor RST, and its ACK is acceptable";
    25 Snapshot "rfc9293/3.8.6.1/must-36" "text behind a closed window: a timer runs", "nothing is in flight";
    26 Wire "rfc9293/3.8.6.1/must-37" "probes that are answered keep the connection", "neither user timeout nor keep-alive is set";
    27 Permissive "rfc9293/3.8.6.1/zwp-ack" "text at a closed window is acknowledged with RCV.NXT", "state and window known";
    28 Snapshot "rfc9293/3.8.6.2.2/must-39" "the window opens by half the buffer or a segment, or not at all", "less than a unit of the window's scale is rounding";
    29 Snapshot "rfc9293/3.7.4/shld-7" "one small segment in flight, unless Nagle is off or a timer overrides", "the rfc9293 and rfc793 profiles; no FIN, nothing urgent";
    30 Wire "rfc9293/3.8.6.2.2/must-39" "reading from a full buffer opens the window", "the application has read everything; FIN not seen";
    31 Wire "rfc7323/2.2/both-syns" "a window scale in SYNs only, answered only if offered, of 14 at the most", "none";
    32 Snapshot "rfc9293/3.1/must-1" "a window that is taken over is SEG.WND times the scale", "none";
    33 Permissive "rfc5681/3.1/initial-window" "the first flight is the initial window, one after a timeout a segment", "the rfc9293 and rfc793 profiles; the flight until the first acknowledgment or report of text, of the largest segment size in it; no ICMP error";
    34 Snapshot "rfc5681/2/within-windows" "what is sent fits into cwnd", "limited transmit and recovery may exceed it by three segments";
    35 Permissive "rfc5681/3.2/fast-retransmit" "no retransmission without timer before three duplicate ACKs", "no SACK, no ICMP, no recovery under way, the window was not closed";
    36 Snapshot "rfc5681/3.1/loss-window" "cwnd is a segment at least, ssthresh two", "segment size of the connection at that time";
    37 Permissive "rfc5681/4.2/out-of-order-at-once" "text out of order is acknowledged at once", "state and window known";
    38 Permissive "rfc9293/3.8.6.3/must-40" "an ACK waits for less than half a second", "RCV.NXT known";
    39 Wire "rfc9293/3.6/close-deliver" "what is read is what the peer sent, once and in order", "the peer sent nothing urgent";
    40 Wire "rfc9293/3.8.6/discard" "nothing beyond the offered window is delivered", "none";
    41 Wire "rfc9293/3.10.7.4/any-fin" "nothing behind the FIN is delivered, and the end of data is the FIN", "none";
    42 Wire "rfc9293/3.10.7.4/any-fin" "a FIN behind a gap is not acknowledged", "none";
    43 Wire "rfc9293/3.6/must-12" "end of data only after a FIN; a reset is an error, once", "the application has not shut the direction down";
    45 Wire "rfc9293/3.5/data-before-est" "text of a SYN is not delivered before the handshake is over", "none";
    46 Wire "rfc9293/3.1/must-3" "a damaged segment changes nothing and draws nothing", "none";
    47 Permissive "rfc9293/3.10.7.4/established-noack" "a segment without ACK is dropped in synchronized states", "state known; after a smaller path what no longer fits may follow";
    48 Wire "rfc9293/3.8.5/urg-robust" "an urgent pointer changes no octet that is delivered", "an urgent octet may be taken out of the stream";
    49 Wire "rfc9293/3.10.3/established-receive-data" "what is said to be readable is read", "nothing urgent";
    50 Snapshot "rfc9293/3.10.7.4/established-ack-new" "what waits to be acknowledged is what was written less what was acknowledged", "none";
    51 Wire "rfc9293/3.5.2/any-rst-no-rst" "a RST draws no RST", "none";
    52 Permissive "rfc9293/3.10.7.1/closed-ack" "a RST for no connection has the numbers of its cause", "neither connection nor listener";
    53 Permissive "rfc5961/3.2/rst-in-window" "a RST counts at RCV.NXT only; elsewhere in the window it draws an ACK, outside nothing", "in the rfc793 profile it counts in the window";
    54 Permissive "rfc9293/3.5.3/shld-2" "text of a RST is neither acknowledged nor delivered", "none";
    55 Wire "rfc9293/3.10.7.4/established-rst" "behind an accepted RST there is silence, but for RSTs", "until either side opens anew";
    56 Permissive "rfc9293/3.6.1/shld-3" "text that nobody will read draws a RST", "state known";
    57 Permissive "rfc9293/3.10.5/established-abort" "ABORT sends one RST at SND.NXT, from SYN-RECEIVED to CLOSE-WAIT, and until the FIN has gone out", "state known";
    58 Wire "rfc9293/3.9.2.3/all-segments" "nothing is said to what came from or went to no single host", "none";
    59 Permissive "rfc5961/4.2/syn-any-sequence" "a SYN in synchronized states draws an ACK and changes nothing", "state known; not in the rfc793 profile";
    60 Permissive "rfc9293/3.10.7.2/listen-ack" "LISTEN: a RST is ignored, an ACK draws a RST", "the listener sends no cookies";
    61 Permissive "rfc9293/3.5/must-10" "crossing SYNs lead to SYN-RECEIVED and SYN,ACK", "state known";
    62 Permissive "rfc9293/3.5/must-11" "a RST in SYN-RECEIVED ends a passive connection in silence, an active one as refused", "state known";
    63 Permissive "rfc9293/3.8.3/must-22" "SYN,ACKs are sent again, at least a second apart, so many times at the most", "driven by time alone";
    64 Permissive "rfc5961/7/throttle" "text that is unacceptable is acknowledged whatever the limit of challenges", "state known";
    65 Snapshot "rfc9293/3.10/any-state-stay" "states change along the edges of Figure 5", "several edges in one event";
    66 Permissive "rfc9293/3.10.7.4/fin-wait-1-ack-fin" "FIN-WAIT-1, CLOSING and LAST-ACK are left by an ACK of the FIN", "or by RST, timeout, ABORT and text that nobody reads";
    67 Snapshot "rfc9293/3.10.7.4/fin-wait-2-text" "FIN-WAIT-1 and FIN-WAIT-2 take text", "in order and inside the window; the user has not closed";
    68 Snapshot "rfc9293/3.6.1/must-13" "TIME-WAIT lasts 2MSL, and again after the FIN again", "no RST, no reopening SYN";
    69 Snapshot "rfc9293/3.6.1/may-2" "TIME-WAIT is reopened by a newer SYN only", "none";
    70 Snapshot "rfc9293/3.10.4/established-close-pending" "CLOSE enters FIN-WAIT-1 or LAST-ACK at once", "nothing unread, no linger time";
    71 Snapshot "rfc9293/3.10.4/listen-close" "a listener that closes leaves no half-open connection", "none";
    72 Wire "rfc4987/2.2/accept-queue-full" "no more connections wait than the backlog and one", "none";
    73 Snapshot "rfc6298/5.1/started" "while something is in flight a timer runs", "none";
    74 Snapshot "rfc6298/5.2/stopped" "with nothing in flight and nothing to send the retransmission timer stands", "none";
    75 Permissive "rfc6298/5.5/back-off" "each timeout doubles the next, within its limits", "retransmissions by time alone, begun anew when a closed window opens; the rfc9293 and rfc793 profiles";
    76 Snapshot "rfc6298/3/karn" "no round trip is measured by what was sent twice", "no timestamps; an ACK of retransmitted octets alone";
    77 Permissive "rfc9293/3.8.3/shld-11" "the connection is given up after R2 and not before", "no option of the socket says otherwise; no ICMP error; the rfc9293 and rfc793 profiles; what is dropped, or acknowledges nothing while text is in flight, is no answer";
    78 Permissive "rfc9293/3.8.4/must-25" "no keep-alive unless asked for", "none";
    79 Wire "rfc9293/3.6/close-deliver" "once faults stop everything written arrives", "the peer is alive, reads, and has no other faults; nothing was aborted";
    80 Wire "rfc6298/5/not-early" "nothing is sent before the deadline that was announced", "the SUT tells its deadline";
    81 Wire "rfc9293/3.8.2/must-19" "no timer in the past, and time advances", "the SUT tells its deadline";
    82 Wire "rfc5961/10/no-amplification" "one event causes a bounded number of segments", "a segment for each write and each 16 octets of text at the most";
    84 Permissive "rfc6298/2.4/minimum" "retransmissions of a segment are 200 ms apart at least", "those by timers";
    85 Wire "rfc9293/3.1/must-69" "options are well-formed", "none";
    86 Wire "rfc9293/3.2/must-65" "options of SYN in SYNs, timestamps and SACK if they were agreed on", "as 6";
    87 Wire "rfc7323/5.2/non-decreasing" "TSval never decreases, TSecr is a TSval of the peer", "one incarnation";
    88 Permissive "rfc7323/5.3/paws-drop" "an old or missing timestamp: dropped, and answered if old", "TS.Recent known; a RST is exempt";
    89 Wire "rfc9293/3.7.1/must-16" "text and options fit into the peer's segment size", "below 48 octets a floor counts, with cookies the default";
    90 Wire "rfc9293/3.7.1/must-16" "a segment size of 0 or 1 stops nothing", "as 82, for such peers";
    91 Wire "rfc5961/10/no-amplification" "text is not cut smaller than the floor of the segment size", "new text in the middle of the stream, window open";
    92 Wire "rfc2018/4/send-blocks" "SACK blocks are of what arrived above the acknowledgment, a first one may be below", "none";
    93 Wire "rfc2018/8/reneging" "what was SACKed and not acknowledged arrives in the end", "as 79, for such peers";
    94 Wire "rfc9293/3.1/must-6" "options that nobody knows change nothing", "one program in 64; they stand behind the others";
    95 Snapshot "rfc9293/3.8.6/discard" "what is held out of order fits into the buffer", "none";
    96 Snapshot "rfc5961/10/no-amplification" "one event looks at each element that is held or in flight a bounded number of times", "a stack with debug assertions, which counts; 16 times, and 32 at least";
    97 Snapshot "rfc9293/3.6.1/must-13" "everything closed and 2MSL over: nothing is left", "none";
    98 Wire "rfc9293/3.10/any-state-stay" "the same program gives the same exchange", "one program in 64";
    99 Wire "rfc9293/3.1/must-2" "lengths and checksums of what is sent are right", "none";
    100 Wire "rfc5961/7/throttle" "what happens on other connections changes nothing on this one", "one program in 64; times that do not depend on timers; no limits of the whole host";
    101 Wire "rfc9293/3.1/must-4" "no-operations among the options change nothing", "one program in 64; they stand behind the others";
    102 Wire "rfc6528/3/isn" "initial sequence numbers of one tuple increase with the clock", "incarnations within two hours";
    103 Wire "rfc9293/3.10.2/closed-send" "a call that the state forbids fails and sends nothing", "states that the calls themselves show";
    104 Snapshot "rfc9293/3.6.1/halfclose-send" "a direction that is shut down leaves the other alone", "text in order after `shutdown`";
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use std::path::Path;

    #[test]
    fn numbers_increase() {
        assert!(ORACLES.windows(2).all(|pair| pair[0].number < pair[1].number));
        assert!(ORACLES.len() >= 80, "{}", ORACLES.len());
    }

    /// docs/fuzzing.md is this table.
    #[test]
    fn the_page_lists_every_oracle() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/fuzzing.md");
        let page = super::page();
        if std::env::var_os("UPDATE_EXPECT").is_some() {
            std::fs::write(file, &page).expect("a writable folder");
        }
        assert!(std::fs::read_to_string(file).unwrap_or_default() == page, "docs/fuzzing.md: run with UPDATE_EXPECT=1");
    }

    #[test]
    fn every_rule_is_in_the_register() {
        let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../specs");
        let mut known = BTreeSet::new();
        for folder in std::fs::read_dir(&specs).expect("specs").flatten() {
            let Ok(text) = std::fs::read_to_string(folder.path().join("rules.toml")) else { continue };
            known.extend(
                text.lines().filter_map(|line| line.strip_prefix("id = \"")?.strip_suffix('"').map(str::to_owned)),
            );
        }
        let unknown: Vec<&str> =
            ORACLES.iter().map(|oracle| oracle.rule).filter(|rule| !known.contains(*rule)).collect();
        assert!(unknown.is_empty(), "{unknown:?} of {} rules", known.len());
    }
}
