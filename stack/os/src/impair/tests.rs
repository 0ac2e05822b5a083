use super::*;
use rstest::rstest;

/// Offers `count` numbered datagrams, a microsecond apart, and takes everything out: what came, and when.
fn run(what: &str, count: u32) -> (Vec<(Instant, u32)>, Counts) {
    let mut impairer = Impairer::new(what.parse().expect("an impairment"), 0);
    let mut came = Vec::new();
    let number = |datagram: Vec<u8>| u32::from_be_bytes(datagram[..4].try_into().expect("four octets"));
    for n in 0..count {
        let now = Instant(n.into());
        let mut datagram = n.to_be_bytes().to_vec();
        datagram.resize(100, 0);
        impairer.offer(datagram, now);
        while let Some(datagram) = impairer.take(now) {
            came.push((now, number(datagram)));
        }
    }
    while let Some(at) = impairer.poll_at() {
        while let Some(datagram) = impairer.take(at) {
            came.push((at, number(datagram)));
        }
    }
    (came, impairer.counts())
}

#[test]
fn without_impairment_datagrams_pass_at_once_and_in_order() {
    let (came, counts) = run("seed=1", 1000);
    assert!(came.iter().enumerate().all(|(n, came)| *came == (Instant(n as u64), n as u32)));
    assert_eq!((came.len(), counts), (1000, Counts { offered: 1000, ..Counts::default() }));
}

#[rstest]
#[case("loss=10%", 90_000, 0)]
#[case("dup=10%", 110_000, 0)]
#[case("reorder=10%", 100_000, 1)]
#[case("loss=1%,dup=1%,reorder=1%", 100_000, 1)]
fn share_of_datagrams_is_as_asked(#[case] what: &str, #[case] expected: usize, #[case] disorder: usize) {
    let (came, counts) = run(what, 100_000);
    assert!(came.len().abs_diff(expected) < 600, "{} of {expected}", came.len());
    let steps_back = came.windows(2).filter(|pair| pair[1].1 < pair[0].1).count();
    assert_eq!(steps_back > 0, disorder > 0);
    assert!(steps_back as u64 <= counts.reordered);
    let mut missing: Vec<u32> = (0..100_000).collect();
    missing.retain({
        let seen: std::collections::BTreeSet<u32> = came.iter().map(|(_, n)| *n).collect();
        move |n| !seen.contains(n)
    });
    assert_eq!(missing.len() as u64, counts.lost, "nothing goes but by chance");
}

#[test]
fn corruption_turns_one_bit() {
    let mut impairer = Impairer::new("corrupt=100%".parse().expect("an impairment"), 0);
    for _ in 0..100 {
        impairer.offer(vec![0; 60], Instant(0));
        let datagram = impairer.take(Instant(0)).expect("it passes");
        assert_eq!(datagram.iter().map(|octet| octet.count_ones()).sum::<u32>(), 1);
    }
}

#[test]
fn delay_and_rate_are_times() {
    let (came, _) = run("delay=5ms", 3);
    assert_eq!(came, [(Instant(5000), 0), (Instant(5001), 1), (Instant(5002), 2)]);
    // 100 octets at a million octets a second
    let (came, _) = run("rate=8mbit", 3);
    assert_eq!(came, [(Instant(100), 0), (Instant(200), 1), (Instant(300), 2)]);
    let (came, counts) = run("rate=8mbit,limit=2", 5);
    assert_eq!((came.len(), counts.overflowed), (2, 3));
}

#[test]
fn equal_seeds_draw_equally_and_others_do_not() {
    let what = "loss=5%,dup=5%,reorder=5%,jitter=1ms,seed=";
    let run = |seed: u32| run(&format!("{what}{seed}"), 1000).0;
    assert_eq!(run(7), run(7));
    assert_ne!(run(7), run(8));
}

#[rstest]
#[case("loss=1")]
#[case("loss=101%")]
#[case("delay=5")]
#[case("rate=0bit")]
#[case("speed=1")]
#[case("")]
fn bad_impairments_are_refused(#[case] text: &str) {
    assert_eq!(text.parse::<Impairment>(), Err(BadImpairment(text.to_owned())));
}
