//! What an ephemeral port costs by the share of ports that are in use: the search of `bind` and of `connect` ends after one walk
//! round the range, and that bound is the row of 100 %.
//!
//! `cargo bench -p halfopen-stack --bench ports` prints the table. Ports in use are spread at random, as churn leaves them: all of
//! the range is taken, then random sockets close, and each port that is taken while the clock runs is followed by another that is
//! given back. The connections go to one destination, so that ports are what runs out. With `--quick` a tenth is measured.

#![expect(clippy::disallowed_methods, reason = "a benchmark has a clock of its own")]

use halfopen_stack::{Config, Domain, Errno, Instant, Stack};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const LOCAL: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
const REMOTE: IpAddr = IpAddr::V4(Ipv4Addr::new(198, 51, 100, 2));
const NOW: Instant = Instant(1_000_000);
/// Per mille of the range.
const SHARES: [usize; 6] = [1000, 999, 990, 900, 500, 100];

/// Gives a fresh socket a port. `false`: there is none left.
type Take = fn(&mut Stack, i32) -> bool;

fn main() {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let samples = if quick { 200 } else { 2_000 };
    println!("{:<34} {:>7} {:>11} {:>11} {:>11}", "port search", "in use", "median", "mean", "longest");
    for (profile, config) in [("rfc9293", Config::rfc9293()), ("linux", Config::linux())] {
        for (call, take) in [("connect", connect as Take), ("bind", bind)] {
            measure(&format!("{call}, {profile}"), &config, take, samples);
        }
    }
}

fn connect(stack: &mut Stack, fd: i32) -> bool {
    let error = stack.connect(NOW, fd, SocketAddr::new(REMOTE, 80)).expect_err("an attempt goes on, or cannot begin");
    assert!(matches!(error, Errno::EINPROGRESS | Errno::EADDRNOTAVAIL), "{error:?}");
    error == Errno::EINPROGRESS
}

fn bind(stack: &mut Stack, fd: i32) -> bool {
    let bound = stack.bind(fd, SocketAddr::new(LOCAL, 0));
    assert!(matches!(bound, Ok(()) | Err(Errno::EADDRINUSE)), "{bound:?}");
    bound.is_ok()
}

fn measure(what: &str, config: &Config, take: Take, samples: usize) {
    let mut stack = Stack::new(config.clone(), 1);
    stack.add_address(LOCAL);
    let mut lots = Lots(1);
    let mut holders = Vec::new();
    let spare = loop {
        let fd = stack.socket(Domain::Inet).unwrap();
        if !take(&mut stack, fd) {
            break fd;
        }
        while stack.transmit().is_some() {}
        holders.push(fd);
    };
    stack.close(NOW, spare).unwrap();
    let all = holders.len();
    for share in SHARES {
        while holders.len() > all * share / 1000 {
            give_back(&mut stack, &mut holders, &mut lots);
        }
        let mut times = Vec::with_capacity(samples);
        for _ in 0..samples {
            let fd = stack.socket(Domain::Inet).unwrap();
            let start = std::time::Instant::now();
            let taken = take(&mut stack, fd);
            times.push(start.elapsed().as_nanos() as u64);
            assert_eq!(taken, share < 1000, "{what}");
            if taken {
                holders.push(fd);
                give_back(&mut stack, &mut holders, &mut lots);
            } else {
                stack.close(NOW, fd).unwrap();
            }
            while stack.transmit().is_some() {}
        }
        print(what, share, &mut times);
    }
}

fn print(what: &str, share: usize, times: &mut [u64]) {
    times.sort_unstable();
    let micros = |nanos: u64| format!("{:.2} us", nanos as f64 / 1e3);
    let mean = times.iter().sum::<u64>() / times.len() as u64;
    let in_use = format!("{:.1} %", share as f64 / 10.0);
    let (median, longest) = (micros(times[times.len() / 2]), micros(times[times.len() - 1]));
    println!("{what:<34} {in_use:>7} {median:>11} {:>11} {longest:>11}", micros(mean));
}

fn give_back(stack: &mut Stack, holders: &mut Vec<i32>, lots: &mut Lots) {
    let fd = holders.swap_remove(lots.below(holders.len()));
    stack.close(NOW, fd).unwrap();
}

/// The same lots in every run (`SplitMix64`).
struct Lots(u64);

impl Lots {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % limit as u64) as usize
    }
}
