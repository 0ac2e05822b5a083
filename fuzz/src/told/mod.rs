//! Runs of choices told as scripts: of `listener`, `endpoint_pair`, `retransmission` and `reassembly`, whose inputs are octets, or a seed, and no programs.
//!
//! A run is played on [`Host`]s, each of which keeps a [`Diary`] of what it was given, sent and was called; the host at which a rule was violated
//! is the one that a script is about. What it violated, in which state and at which event, makes findings the same.

mod diary;
mod host;
mod moved;

pub use diary::{Diary, Elsewhere};
pub use host::{Host, Keeping, Kept};

use crate::choices::{self, Choices};
use crate::dice::Dice;
use crate::finding::{Finding, oracle_of};
use crate::oracles::{ORACLES, Oracle};
use crate::script::{self, Entry};
use crate::{endpoint_pair, listener, reassembly, retransmission};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Steps of a script that is made of a run without a finding: no person reads more.
const MOST_ENTRIES: usize = 300;

/// Plays choices, so many events at the most, and keeps what happens. A panic is a finding too.
pub type Play = fn(Dice<'_>, usize, &[Keeping<'_>; 2]) -> Result<(), Finding>;

/// A target whose runs can be told.
#[derive(Debug, Clone, Copy)]
pub struct Teller {
    /// Its name.
    pub target: &'static str,
    play: Play,
}

/// All of them.
pub const TELLERS: [Teller; 4] = [
    Teller { target: "endpoint_pair", play: endpoint_pair::kept },
    Teller { target: "listener", play: listener::kept },
    Teller { target: "reassembly", play: reassembly::kept },
    Teller { target: "retransmission", play: retransmission::kept },
];

/// The one of this name.
#[must_use]
pub fn teller(target: &str) -> Option<Teller> {
    TELLERS.into_iter().find(|teller| teller.target == target)
}

/// What a run violated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The oracle; `None` of a panic that no oracle has caused.
    pub oracle: Option<&'static Oracle>,
    /// What was seen, in a line.
    pub text: String,
    /// State of the connection before the last stimulus.
    pub state: &'static str,
    /// Which kind of stimulus that was.
    pub event: &'static str,
}

impl Found {
    /// What makes two findings the same: oracle, state, event; of a panic its text, but for numbers.
    #[must_use]
    pub fn key(&self) -> (String, &'static str, &'static str) {
        let what = match self.oracle {
            Some(oracle) => format!("O{}", oracle.number),
            None => self.text.chars().filter(|letter| !letter.is_ascii_digit()).collect(),
        };
        (what, self.state, self.event)
    }

    /// The first lines of a script.
    fn head(&self) -> String {
        let Self { text, state, event, .. } = self;
        match self.oracle {
            Some(Oracle { rule, number, name, .. }) => {
                format!("//= {rule} MUST\n// O{number}: {name}. In {state} at {event}: {text}.\n")
            }
            None => {
                let rule = "rfc9293/3.10/any-state-stay";
                format!("//= {rule} MUST\n// The stack panics in {state} at {event}: {text}.\n")
            }
        }
    }
}

/// Oracles that `endpoint_pair` alone asks.
static OF_TWO: [Oracle; 1] = [Oracle {
    number: 83,
    name: "two stacks without a word from their applications become quiet",
    rule: "rfc5961/10/no-amplification",
    needs: crate::oracles::Needs::Wire,
    assumes: "none",
}];

/// The oracle of a number that `state_machine`, or `endpoint_pair`, asks.
#[must_use]
pub fn oracle(number: u8) -> Option<&'static Oracle> {
    ORACLES.iter().chain(&OF_TWO).find(|oracle| oracle.number == number)
}

/// What a run came to.
#[derive(Debug)]
pub struct Told {
    /// What it violated.
    pub found: Option<Found>,
    /// What it drew.
    pub choices: Choices,
    /// Which host a script is about.
    pub host: usize,
    diaries: [Kept; 2],
}

impl Teller {
    /// Plays an input.
    #[must_use]
    pub fn tell(&self, octets: &[u8]) -> Told {
        self.tell_on(octets, None)
    }

    /// Plays an input on another host than its own.
    #[must_use]
    pub fn tell_on(&self, octets: &[u8], elsewhere: Option<Elsewhere<'_>>) -> Told {
        self.tell_dice(Dice::of_octets(octets), octets.len(), elsewhere)
    }

    /// Plays what the dice draw, so many events at the most.
    #[must_use]
    pub fn tell_dice(&self, dice: Dice<'_>, events: usize, elsewhere: Option<Elsewhere<'_>>) -> Told {
        let dice = dice.kept();
        let one = Keeping { diary: Some(Kept::default()), elsewhere, ..Keeping::default() };
        let two = Keeping { diary: Some(Kept::default()), ..one.clone() };
        let played = catch_unwind(AssertUnwindSafe(|| (self.play)(dice.clone(), events, &[one.clone(), two.clone()])));
        let diaries = [one, two].map(|keeping| keeping.diary.unwrap_or_default());
        let last = |host: &usize| {
            let diary = diaries[*host].borrow();
            (diary.blamed, diary.turn)
        };
        let host = (0..2).max_by_key(last).unwrap_or(0);
        let (oracle, text) = match played {
            Ok(Ok(())) => return Told { found: None, choices: dice.made(), host, diaries },
            // Behind the first line is how both stand.
            Ok(Err(finding)) => (finding.oracle.to_owned(), finding.text.lines().next().unwrap_or_default().to_owned()),
            Err(panic) => {
                let said = panic.downcast_ref::<String>().map(String::as_str);
                let said = said.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("a panic without words");
                (oracle_of(said).to_owned(), said.replace("assertion `left == right` failed: ", ""))
            }
        };
        let number = oracle.strip_prefix('O').and_then(|digits| digits.parse().ok());
        let text = text.strip_prefix(&format!("{oracle}: ")).unwrap_or(&text);
        let text = text.lines().map(str::trim).collect::<Vec<_>>().join("; ");
        let (state, event) = {
            let diary = diaries[host].borrow();
            (diary.state, diary.event)
        };
        let found = Found { oracle: number.and_then(self::oracle), text, state, event };
        Told { found: Some(found), choices: dice.made(), host, diaries }
    }

    /// The smallest input that was found with the same finding, within so many runs. It is a list of choices.
    #[must_use]
    pub fn minimise(&self, first: &Told, most: u32) -> Vec<u8> {
        let key = first.found.as_ref().map(Found::key);
        let small = choices::minimise(&first.choices, most, &mut |drawn| {
            let told = self.tell_dice(Dice::of_choices(drawn.to_vec()), drawn.len(), None);
            (told.found.as_ref().map(Found::key) == key).then_some(told.choices)
        });
        small.encode()
    }
}

impl Told {
    /// What happened to the host that the script is about.
    #[must_use]
    pub fn entries(&self, host: usize) -> Vec<Entry> {
        let diary = self.diaries[host].borrow();
        diary.recorder.entries.iter().cloned().chain(diary.fruitless.clone()).collect()
    }

    /// A finding as a script: the exchange up to the violation, and what the rule asks for then.
    #[must_use]
    pub fn script(&self) -> String {
        let diary = self.diaries[self.host].borrow();
        let head = self.found.as_ref().map(Found::head).unwrap_or_default();
        let before = diary.before + usize::from(diary.fruitless.is_some());
        script::told(&(head + &conditions(&diary)), &self.entries(self.host), before, diary.due.as_ref())
    }

    /// A run that violates nothing any more, behind the lines that say what it violated once, as it went for this host.
    #[must_use]
    pub fn kept(&self, head: &str, host: usize) -> String {
        let diary = self.diaries[host].borrow();
        let entries = &diary.recorder.entries;
        let shown = &entries[..entries.len().min(MOST_ENTRIES)];
        // Not between a stimulus and what it draws.
        let drawn = shown.iter().rev().take_while(|entry| !matches!(entry, Entry::Out(..))).count();
        let shown = if shown.len() < entries.len() { &shown[..shown.len() - drawn] } else { shown };
        let mut text = script::exchange(&(head.to_owned() + &conditions(&diary)), shown);
        if shown.len() < entries.len() {
            text += &format!("// {} steps more are left out.\n", entries.len() - shown.len());
        }
        text
    }
}

/// Under which conditions a script holds.
fn conditions(diary: &Diary) -> String {
    let (profile, lines) = &diary.conditions;
    let key = diary.key.as_ref().map(|key| format!("--tcp_md5_secret={key}\n")).unwrap_or_default();
    format!("//: profile {profile}\n//: family {}\n\n{key}{lines}", if diary.v6 { "v6" } else { "v4" })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::program::Profile;
    use crate::script::Owed;
    use crate::wire;
    use halfopen_engine::packet::Tcp;
    use halfopen_engine::packet::tcp::flag;
    use halfopen_stack::{Domain, Instant};

    /// SYNs of two remote sockets and ACKs of a third: an oracle that asks what no stack does.
    fn nonsense(mut dice: Dice<'_>, events: usize, keeping: &[Keeping<'_>; 2]) -> Result<(), Finding> {
        let local = ([192, 0, 2, 1], 80).into();
        let mut host = Host::new(Profile::Rfc9293, Profile::Rfc9293.beginning(), 0, &keeping[0]);
        host.add_address(local);
        let mut now = Instant(0);
        let fd = host.socket(now, Domain::Inet).expect("a socket");
        host.bind(fd, local).expect("a free port");
        host.listen(now, fd, 3).expect("a free port");
        for _ in 0..events.min(40) {
            if !dice.event() {
                break;
            }
            now.0 += 10;
            let (from, number) = (dice.below(3), dice.below(1000));
            let remote = ([198, 51, 100, 2], 5000 + from as u16).into();
            let flags = if from == 2 { flag::ACK } else { flag::SYN };
            let tcp = Tcp { seq: number, ack: 77, flags, ..Tcp::default() };
            host.receive(now, &wire::datagram(remote, local, tcp), remote);
            let sent = host.transmit(now).map(|octets| wire::segment(&octets).seq);
            if from == 2 {
                host.owes(remote, || vec![Owed { at: now.0, flags: flag::RST as u8, seq: 78, ..Owed::default() }]);
                assert!(sent != Some(77) || number < 500, "O60: {number}");
            }
        }
        Ok(())
    }

    /// Whatever was drawn, what is left is the one event, and the script says what the oracle waits for.
    #[test]
    fn a_finding_becomes_small_and_a_script() {
        let teller = Teller { target: "nonsense", play: nonsense };
        let mut texts = std::collections::BTreeSet::new();
        for seed in 0..20 {
            let first = teller.tell_dice(Dice::of_seed(seed), 40, None);
            let Some(found) = &first.found else { continue };
            assert_eq!(found.key(), ("O60".to_owned(), "CLOSED", "ack"));
            let small = teller.minimise(&first, 10_000);
            assert_eq!(Choices::decode(&small), Some(vec![2, 500]), "seed {seed}");
            texts.insert(teller.tell(&small).script());
        }
        let text = texts.pop_first().expect("a finding");
        assert!(texts.is_empty(), "{texts:?}");
        let end = "listen(3, 3) = 0\n+0.000010 < . 500:500(0) ack 77 win 0\n// Came instead: > R 77:77(0)\n+0 > R 78:78(0) <...>\n";
        assert!(text.starts_with("//= rfc9293/3.10.7.2/listen-ack MUST\n// O60: ") && text.ends_with(end), "{text}");
    }

    /// A connection on which ten octets went out; the oracle waits for them again, or for ten that did not go.
    fn silence(mut dice: Dice<'_>, _events: usize, keeping: &[Keeping<'_>; 2]) -> Result<(), Finding> {
        let (local, remote) = (([192, 0, 2, 1], 80).into(), ([198, 51, 100, 2], 5000).into());
        let mut host = Host::new(Profile::Rfc9293, Profile::Rfc9293.beginning(), 0, &keeping[0]);
        host.add_address(local);
        let now = Instant(0);
        let fd = host.socket(now, Domain::Inet).expect("a socket");
        host.bind(fd, local).expect("a free port");
        host.listen(now, fd, 3).expect("a free port");
        let syn = Tcp { seq: 500, flags: flag::SYN, window: 99, ..Tcp::default() };
        host.receive(now, &wire::datagram(remote, local, syn), remote);
        let next = wire::segment(&host.transmit(now).expect("a SYN,ACK")).seq.wrapping_add(1);
        let ack = Tcp { seq: 501, ack: next, flags: flag::ACK, window: 99, ..Tcp::default() };
        host.receive(now, &wire::datagram(remote, local, ack), remote);
        let (fd, _) = host.accept(now, fd).expect("a connection");
        host.send(now, fd, &[7; 10], Default::default()).expect("room");
        host.transmit(now).expect("text");
        match dice.below(2) {
            0 => host.owes_again(remote, next, 501, 1_000_000),
            _ => host.owes_text(remote, next.wrapping_add(10), 10, true),
        }
        Err(Finding::liveness("O79", "nothing comes\nand so on"))
    }

    /// What has to come and does not is the end of the script, with the time that it may take.
    #[test]
    fn what_does_not_come_is_due() {
        let teller = Teller { target: "silence", play: silence };
        let script = |choice| teller.tell_dice(Dice::of_choices(vec![choice]), 1, None).script();
        let (again, fresh) = (script(0), script(1));
        assert!(
            again.contains(
                "// O79: once faults stop everything written arrives. In ESTABLISHED at send: nothing comes.\n"
            )
        );
        let end =
            "send(4, ..., 10, MSG_NOSIGNAL) = 10\n+0 > P. 1:11(10) ack 1\n+0~+3.000000 > P. 1:11(10) ack 1 <...>\n";
        assert!(again.ends_with(end), "{again}");
        let end = "send(4, ..., 10, MSG_NOSIGNAL) = 10\n+0~+120 > P. 11:21(10) ack 1 <...>\n";
        assert!(fresh.ends_with(end), "{fresh}");
    }
}
