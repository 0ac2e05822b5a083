//! Pictures of the congestion window: cwnd, ssthresh, flight and RTO over time for a transfer with losses, by Reno, by CUBIC
//! and after a timeout.
//!
//! ```text
//! cargo run -p halfopen-stack --example picture [DIRECTORY]
//! ```
//! writes `reno.svg`, `cubic.svg` and `timeout.svg` into the directory, `target/pictures` when none is given. Everything happens
//! on virtual time, so equal sources give equal pictures.

mod link;
mod plot;

use halfopen_stack::Config;
use halfopen_stack::config::CongestionControl;
use link::{Path, Sample, transfer};
use plot::{Curve, Marks, Panel, Picture};
use std::path::PathBuf;
use std::time::Duration;

/// How long each transfer is watched, seconds.
const SECONDS: u64 = 40;

const RED: &str = "#c1272d";

fn main() -> std::io::Result<()> {
    let directory = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("target/pictures"), PathBuf::from);
    std::fs::create_dir_all(&directory)?;
    let reno = config(CongestionControl::Reno);
    let cubic = config(CongestionControl::Cubic);
    let path = || Path {
        rate: 1_000_000,
        later_rate: (Duration::from_secs(16), 2_000_000),
        delay: Duration::from_millis(50),
        queue: 60,
        outage: None,
    };
    let told =
        "8 Mbit/s, from 16 s on 16 Mbit/s; 100 ms round trip; a queue of 60 datagrams that loses what does not fit";
    let steady = Path { later_rate: (Duration::from_secs(SECONDS), 1_000_000), ..path() };
    let outage = Path { outage: Some((Duration::from_secs(12), Duration::from_millis(14_500))), ..steady };
    let pictures = [
        ("reno", "Reno (RFC 5681, RFC 6582)", told, &reno, path()),
        ("cubic", "CUBIC (RFC 9438)", told, &cubic, path()),
        (
            "timeout",
            "CUBIC after timeouts",
            "8 Mbit/s; 100 ms round trip; nothing gets through from 12 s to 14.5 s",
            &cubic,
            outage,
        ),
    ];
    for (name, title, told, config, path) in pictures {
        let file = directory.join(name).with_extension("svg");
        let samples = transfer(config, &path, SECONDS);
        std::fs::write(&file, picture(title, told, &samples).svg())?;
        println!("{}", file.display());
    }
    Ok(())
}

/// RFC 9293 with buffers that never limit the transfer, and a least RTO of 200 ms, so that it can be seen to follow the round
/// trips.
fn config(control: CongestionControl) -> Config {
    let mut config = Config::rfc9293();
    config.tcp_congestion_control = control;
    config.tcp_rto_min_us = 200_000;
    config.tcp_rmem[1] = config.tcp_rmem[2];
    config.tcp_wmem[1] = config.tcp_wmem[2];
    config
}

fn picture(title: &str, told: &str, samples: &[Sample]) -> Picture {
    let curve = |name, color, dashed, value: &dyn Fn(&Sample) -> Option<f64>| Curve {
        name,
        color,
        dashed,
        points: samples.iter().filter_map(|sample| Some((sample.seconds, value(sample)?))).collect(),
    };
    let kib = |octets: u32| f64::from(octets) / 1024.0;
    let windows = Panel {
        axis: "octets (KiB)",
        height: 300,
        curves: vec![
            curve("flight (pipe)", "#9ecae1", false, &|sample| Some(kib(sample.congestion.pipe))),
            curve("ssthresh", "#e08214", true, &|sample| {
                (sample.congestion.ssthresh != u32::MAX).then(|| kib(sample.congestion.ssthresh))
            }),
            curve("cwnd", "#08519c", false, &|sample| Some(kib(sample.congestion.cwnd))),
        ],
    };
    let times = Panel {
        axis: "time (ms)",
        height: 130,
        curves: vec![
            curve("SRTT", "#74c476", false, &|sample| Some(sample.congestion.srtt?.as_secs_f64() * 1e3)),
            curve("RTO", "#54278f", false, &|sample| Some(sample.congestion.rto.as_secs_f64() * 1e3)),
        ],
    };
    let lost = samples.windows(2).filter(|pair| pair[1].lost > pair[0].lost).map(|pair| pair[1].seconds).collect();
    Picture {
        title: title.to_owned(),
        subtitle: told.to_owned(),
        seconds: SECONDS as f64,
        panels: vec![windows, times],
        marks: Marks { name: "a datagram was lost", color: RED, times: lost },
    }
}
