//! Real peers of the reference stack as a host: the kernel with its `curl` and `nc`, a kernel-side echo of ours, and a second
//! reference host; on TUN and on veth, IPv4 and IPv6, with and without loss, duplication and reordering. Every octet that goes
//! and comes back is summed (SHA-256). Then the octet rate on TUN next to programs that only read and write.
//!
//! All of it happens in a network namespace that `unshare` makes for a second run of this program; whatever that run starts dies
//! with it (`setpriv --pdeathsig`), so that the namespace goes too, however it ends.

mod lab;
mod rate;

use super::{End, conformance};
use crate::step::{self, Fault};
use lab::{Device, Lab};
use std::env;
use std::process::Command;

/// What has to be installed.
const TOOLS: [&str; 8] = ["curl", "nc", "ip", "setpriv", "sha256sum", "unshare", "nsenter", "timeout"];

/// The impairment of the bad half, in each direction.
const BAD: &str = "loss=1%,dup=1%,reorder=1%,seed=7";

/// Builds, then runs everything in a namespace.
pub(crate) fn peers(mib: u32, rates: bool) -> Result<End, Fault> {
    if let Some(why) = conformance::no_namespaces() {
        return if conformance::must_have_namespaces() { Err(why) } else { Ok(End::Skipped(why)) };
    }
    let missing: Vec<&str> = TOOLS.into_iter().filter(|tool| !installed(tool)).collect();
    if !missing.is_empty() {
        let why =
            format!("not installed: {} (apt-get install curl netcat-openbsd iproute2 util-linux)", missing.join(", "));
        return Ok(End::Skipped(why));
    }
    conformance::build()?;
    let example = ["build", "--release", "--package", "halfopen-stack-os", "--example", "frames"];
    step::succeed(&mut step::cargo(&example))?;
    let this = env::current_exe().map_err(|error| format!("the path of this program: {error}"))?;
    let mut inside = Command::new("setpriv");
    inside.args(["--pdeathsig", "KILL", "unshare", "--net", "--"]).arg(this);
    inside.args(["peers-inside", "--mib", &mib.to_string()]).args(rates.then_some("--rates"));
    step::succeed(&mut inside)?;
    Ok(if rates { End::good() } else { End::Good(format!("{mib} MiB each way, every sum equal")) })
}

/// Whether a program is on the path.
fn installed(tool: &str) -> bool {
    let paths = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&paths).any(|folder| folder.join(tool).is_file())
}

/// The part in the namespace.
pub(crate) fn inside(mib: u32, rates: bool) -> Result<End, Fault> {
    let program = step::target_dir()?.join("release").join("halfopen");
    let frames = step::target_dir()?.join("release").join("examples").join("frames");
    let lab = Lab::new(program, frames, mib)?;
    if rates {
        rate::rates(&lab)?;
        return Ok(End::good());
    }
    println!("{:<5} {:<4} {:<34} {:<24} {:>5} {:>8} {:>9}", "link", "IP", "", "peer", "MiB", "seconds", "Mbit/s");
    for device in [Device::Tun, Device::Veth] {
        for impair in [None, Some(BAD)] {
            lab.kernel_as_client(device, impair)?;
            lab.kernel_as_server(device, impair)?;
            lab.two_hosts(device, impair)?;
        }
    }
    rate::rates(&lab)?;
    Ok(End::good())
}
