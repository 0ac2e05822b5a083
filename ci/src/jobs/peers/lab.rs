//! Devices, hosts and transfers in the namespace.

use crate::step::{self, Fault};
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpListener};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long one transfer may take, seconds.
const PATIENCE: &str = "1200";
/// Where the kernel-side echo listens.
const ECHO: u16 = 5007;
/// Addresses of the kernel and of the host on their link, and of the second host's link.
pub(super) const KERNEL: [&str; 2] = ["10.9.0.1", "fd09::1"];
pub(super) const HOST: [&str; 2] = ["10.9.0.2", "fd09::2"];
const SECOND: [&str; 2] = ["10.9.1.2", "fd09:1::2"];
/// The kernel's own on the second link.
const SECOND_KERNEL: [&str; 2] = ["10.9.1.1", "fd09:1::1"];

/// A kind of link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Device {
    Tun,
    Veth,
}

impl Device {
    const fn name(self) -> &'static str {
        match self {
            Self::Tun => "tun",
            Self::Veth => "veth",
        }
    }
}

/// Programs, the file that is moved, and its sum.
pub(super) struct Lab {
    pub(super) program: PathBuf,
    pub(super) frames: PathBuf,
    folder: PathBuf,
    mib: u32,
    sum: String,
}

/// A process that ends with its value.
pub(super) struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // SIGTERM by the kernel's `kill` would be kinder; a host leaves nothing behind either way.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Lab {
    /// Makes the file, and the echo of the kernel's side.
    pub(super) fn new(program: PathBuf, frames: PathBuf, mib: u32) -> Result<Self, Fault> {
        let folder = step::scratch("peers")?;
        let path = folder.join("file");
        let failed = |error: io::Error| format!("{}: {error}", path.display());
        let mut random = File::open("/dev/urandom").map_err(failed)?.take(u64::from(mib) << 20);
        io::copy(&mut random, &mut File::create(&path).map_err(failed)?).map_err(failed)?;
        ip("link set lo up")?;
        let sum = sum_of(Command::new("cat").arg(&path))?;
        let listener = TcpListener::bind(("::", ECHO)).map_err(|error| format!("the kernel's echo: {error}"))?;
        std::thread::spawn(move || echo(&listener));
        Ok(Self { program, frames, folder, mib, sum })
    }

    /// `curl` and `nc` of the kernel against services of the host.
    pub(super) fn kernel_as_client(&self, device: Device, impair: Option<&str>) -> Result<(), Fault> {
        let _link = Link::make(device)?;
        let service = format!("echo:7,http:80={}", self.folder.display());
        let _host = self.host(device, "0", HOST, KERNEL, impair, &["--service", &service])?;
        for (family, host) in ["v4", "v6"].iter().zip(HOST) {
            let url = if host.contains(':') { format!("http://[{host}]/file") } else { format!("http://{host}/file") };
            let mut curl = patient(Command::new("curl"));
            curl.args(["--silent", "--show-error", "--globoff", &url]);
            self.row(device, family, impair, "curl < HTTP", || sum_of(&mut curl))?;
            let mut nc = patient(Command::new("nc"));
            nc.args(["-N", host, "7"]).stdin(self.file()?);
            self.row(device, family, impair, "nc <> echo", || sum_of(&mut nc))?;
        }
        Ok(())
    }

    /// The host's client against an echo on the kernel's sockets.
    pub(super) fn kernel_as_server(&self, device: Device, impair: Option<&str>) -> Result<(), Fault> {
        for family in 0..2 {
            let _link = Link::make(device)?;
            let remote = std::net::SocketAddr::new(KERNEL[family].parse().expect("an address"), ECHO).to_string();
            let mut client = self.client(device, "0", HOST, KERNEL, impair, &remote);
            let name = ["v4", "v6"][family];
            self.row(device, name, impair, "client <> kernel's echo", || sum_of(&mut client))?;
        }
        Ok(())
    }

    /// A host's client against another host's echo; on TUN with the kernel as the router between them.
    pub(super) fn two_hosts(&self, device: Device, impair: Option<&str>) -> Result<(), Fault> {
        for family in 0..2 {
            let _links = match device {
                Device::Tun => vec![Link::make(device)?, Link::second_tun()?],
                Device::Veth => vec![Link::bare_veth()?],
            };
            let (second, via) = match device {
                Device::Tun => (SECOND, SECOND_KERNEL),
                Device::Veth => (KERNEL, HOST),
            };
            let unit = if device == Device::Tun { "1" } else { "" };
            let _server = self.host(device, unit, second, via, None, &["--service", "echo:7"])?;
            let remote = std::net::SocketAddr::new(second[family].parse().expect("an address"), 7).to_string();
            let mut client = self.client(device, "0", HOST, KERNEL, impair, &remote);
            let name = ["v4", "v6"][family];
            self.row(device, name, impair, "client <> second host", || sum_of(&mut client))?;
        }
        Ok(())
    }

    /// A host on the device of this unit, ready when this returns.
    pub(super) fn host(
        &self,
        device: Device,
        unit: &str,
        ours: [&str; 2],
        via: [&str; 2],
        impair: Option<&str>,
        more: &[&str],
    ) -> Result<Running, Fault> {
        let mut command = self.stack(device, unit, ours, via, impair);
        command.args(more).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().map_err(|error| format!("{}: {error}", self.program.display()))?;
        // Its first line says that it is there.
        let mut line = [0; 1];
        let said = child.stderr.as_mut().map_or(Ok(()), |stderr| stderr.read_exact(&mut line));
        let running = Running(child);
        said.map_err(|error| format!("the host did not start: {error}"))?;
        Ok(running)
    }

    /// A host that connects, sends the file, and writes what comes back to its output.
    fn client(
        &self,
        device: Device,
        unit: &str,
        ours: [&str; 2],
        via: [&str; 2],
        impair: Option<&str>,
        remote: &str,
    ) -> Command {
        let mut command = self.stack(device, unit, ours, via, impair);
        command.args(["--connect", remote, "--receive", "-", "--send"]).arg(self.folder.join("file"));
        command.stderr(Stdio::null());
        command
    }

    fn stack(&self, device: Device, unit: &str, ours: [&str; 2], via: [&str; 2], impair: Option<&str>) -> Command {
        let mut command = patient(Command::new(&self.program));
        // What a host for bulk transfers would choose: Linux's timers and a megabyte of window.
        command.args(["stack", "--profile", "linux", "--sysctl", "net.ipv4.tcp_rmem=4096 2097152 33554432"]);
        let (option, name) = match (device, unit) {
            (Device::Tun, unit) => ("--tun", format!("tun{unit}")),
            (Device::Veth, "0") => ("--veth", "veth1".to_owned()),
            (Device::Veth, _) => ("--veth", "veth0".to_owned()),
        };
        command.args([option, &name]);
        for (address, length) in ours.iter().zip([24, 64]) {
            command.arg("--address").arg(format!("{address}/{length}"));
        }
        via.iter().for_each(|gateway| {
            command.args(["--gateway", gateway]);
        });
        if let Some(impair) = impair {
            command.args(["--impair", impair]);
        }
        command
    }

    fn file(&self) -> Result<File, Fault> {
        File::open(self.folder.join("file")).map_err(|error| format!("{}: {error}", self.folder.display()))
    }

    /// One transfer: its line, and the sum that has to be the file's.
    fn row(
        &self,
        device: Device,
        family: &str,
        impair: Option<&str>,
        peer: &str,
        transfer: impl FnOnce() -> Result<String, Fault>,
    ) -> Result<(), Fault> {
        let began = now();
        let sum = transfer()?;
        let seconds = (now() - began).as_secs_f64();
        let rate = f64::from(self.mib) * 8.388_608 / seconds;
        let (link, impair, mib) = (device.name(), impair.unwrap_or("no impairment"), self.mib);
        println!("{link:<5} {family:<4} {impair:<34} {peer:<24} {mib:>5} {seconds:>8.2} {rate:>9.0}");
        let _ = io::stdout().flush();
        if sum == self.sum { Ok(()) } else { Err(format!("{peer}: the sum of what came is {sum}, not {}", self.sum)) }
    }
}

/// A link that goes with its value.
pub(super) struct Link(&'static str);

impl Link {
    /// The first link, with the kernel's addresses.
    pub(super) fn make(device: Device) -> Result<Self, Fault> {
        let (name, link) = match device {
            Device::Tun => {
                ip("tuntap add dev tun0 mode tun")?;
                ("tun0", Self("tun0"))
            }
            Device::Veth => ("veth0", Self::bare_veth()?),
        };
        address(name, KERNEL)?;
        Ok(link)
    }

    /// A veth pair of which the kernel has no address.
    fn bare_veth() -> Result<Self, Fault> {
        ip("link add veth0 type veth peer name veth1")?;
        for name in ["veth0", "veth1"] {
            // The kernel is to keep quiet where a host of ours speaks.
            let path = format!("/proc/sys/net/ipv6/conf/{name}/accept_dad");
            fs::write(&path, "0").map_err(|error| format!("{path}: {error}"))?;
            ip(&format!("link set {name} up"))?;
        }
        Ok(Self("veth0"))
    }

    /// A second TUN device, and forwarding between the two.
    fn second_tun() -> Result<Self, Fault> {
        ip("tuntap add dev tun1 mode tun")?;
        address("tun1", SECOND_KERNEL)?;
        for path in ["/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding"] {
            fs::write(path, "1").map_err(|error| format!("{path}: {error}"))?;
        }
        Ok(Self("tun1"))
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        // It goes with the namespace at the latest.
        let _ = ip(&format!("link del {}", self.0));
    }
}

fn address(name: &str, [v4, v6]: [&str; 2]) -> Result<(), Fault> {
    ip(&format!("addr add {v4}/24 dev {name}"))?;
    ip(&format!("-6 addr add {v6}/64 dev {name} nodad"))?;
    ip(&format!("link set {name} up"))
}

/// `ip` with these words.
pub(super) fn ip(words: &str) -> Result<(), Fault> {
    let status = Command::new("ip").args(words.split(' ')).status().map_err(|error| format!("ip: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("ip {words}: {status}")) }
}

/// The same command, killed when it takes too long or this program ends.
pub(super) fn patient(command: Command) -> Command {
    let mut patient = Command::new("setpriv");
    // Twice: `timeout` starts a process of its own.
    patient.args(["--pdeathsig", "KILL", "timeout", "--foreground", PATIENCE]);
    patient.args(["setpriv", "--pdeathsig", "KILL"]).arg(command.get_program());
    patient.stdin(Stdio::null());
    patient
}

/// SHA-256 of what a command writes.
fn sum_of(command: &mut Command) -> Result<String, Fault> {
    let spawned = command.stdout(Stdio::piped()).spawn();
    let mut child = spawned.map_err(|error| format!("{command:?}: {error}"))?;
    let Some(output) = child.stdout.take() else { return Err("a command without output".to_owned()) };
    let sum = Command::new("sha256sum").stdin(output).output().map_err(|error| format!("sha256sum: {error}"))?;
    let status = child.wait().map_err(|error| format!("wait: {error}"))?;
    if !status.success() {
        return Err(format!("{command:?}: {status}"));
    }
    Ok(String::from_utf8_lossy(&sum.stdout).split(' ').next().unwrap_or_default().to_owned())
}

/// Sends everything back, on the kernel's sockets.
fn echo(listener: &TcpListener) {
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || {
            // A peer that goes away is its own affair: its sum will not be right.
            let Ok(mut back) = stream.try_clone() else { return };
            let _ = io::copy(&mut &stream, &mut back);
            let _ = stream.shutdown(Shutdown::Write);
        });
    }
}

#[expect(clippy::disallowed_methods, reason = "CI measures programs from outside; no SUT's clock is involved")]
pub(super) fn now() -> Instant {
    Instant::now()
}

#[expect(clippy::disallowed_methods, reason = "CI measures programs from outside; no SUT's clock is involved")]
pub(super) fn sleep(time: Duration) {
    std::thread::sleep(time);
}
