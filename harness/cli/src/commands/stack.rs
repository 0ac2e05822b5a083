//! `halfopen stack`: the reference stack as a host on a device of this network namespace.

use crate::args::{HostArgs, StackArgs, StackCommand, StatusArgs};
use crate::fault::Fault;

/// Runs a host, or asks one.
pub fn stack(args: &StackArgs) -> Result<u8, Fault> {
    match &args.command {
        Some(StackCommand::Status(args)) => status(args),
        None => host(&args.host),
    }
}

#[cfg(not(target_os = "linux"))]
fn status(_args: &StatusArgs) -> Result<u8, Fault> {
    Err(Fault::Environment("`stack` needs TUN devices and packet sockets, so it runs on Linux only".into()))
}

#[cfg(not(target_os = "linux"))]
fn host(_args: &HostArgs) -> Result<u8, Fault> {
    Err(Fault::Environment("`stack` needs TUN devices and packet sockets, so it runs on Linux only".into()))
}

#[cfg(target_os = "linux")]
use linux::{host, status};

#[cfg(target_os = "linux")]
mod linux {
    use super::{Fault, HostArgs, StatusArgs};
    use crate::fault::{AS_EXPECTED, FAILED};
    use halfopen_stack::{Config, ConfigError, Instant, Stack};
    use halfopen_stack_os::client::{Client, Source};
    use halfopen_stack_os::control::{self, Control};
    use halfopen_stack_os::daemon::Daemon;
    use halfopen_stack_os::device::Device;
    use halfopen_stack_os::host::Host;
    use halfopen_stack_os::link::Link;
    use halfopen_stack_os::namespace::{self, Namespace};
    use halfopen_stack_os::services::Services;
    use halfopen_stack_os::status::Status;
    use halfopen_stack_os::{Impairment, Routes};
    use std::fs::File;
    use std::io::{self, Read, Write};
    use std::path::Path;

    /// An hour after the boot of a real host, so that "never" is not "just now".
    const ORIGIN: Instant = Instant(3_600_000_000);

    pub(super) fn status(args: &StatusArgs) -> Result<u8, Fault> {
        let text = match &args.device {
            Some(device) => control::ask_device(device),
            None => control::ask(args.control.as_deref()),
        };
        let text = text.map_err(|error| environment("asking for the status", &error))?;
        let mut out = anstream::stdout();
        if args.json {
            writeln!(out, "{text}")?;
        } else {
            let status: Status =
                serde_json::from_str(&text).map_err(|error| environment("reading the status", &error))?;
            write!(out, "{status}")?;
        }
        Ok(AS_EXPECTED)
    }

    pub(super) fn host(args: &HostArgs) -> Result<u8, Fault> {
        refuse_machine(args.here)?;
        let mut host = open(args)?;
        if args.calls {
            halfopen_sut::linux::hosted::serve(host).map_err(|error| environment("serving calls", &error))?;
            return Ok(AS_EXPECTED);
        }
        let services = Services::open(&mut host.stack, &args.service)
            .map_err(|errno| Fault::Usage(format!("two services want one port: {errno}")))?;
        let client = client(args, &mut host)?;
        let name = host.device().name().to_owned();
        let control =
            Control::open(args.control.as_deref(), &name).map_err(|error| environment("control socket", &error))?;
        let mtu = args.mtu.map_or_else(|| host.device().mtu(), |mtu| Ok(mtu.into()));
        let mtu = mtu.map_err(|error| Fault::Environment(error.to_string()))?;
        let daemon = Daemon::new(services, client, Some(control), args.address.clone(), mtu);
        let mut daemon = daemon.map_err(|errno| environment("signals", &errno))?;
        let addresses: Vec<String> = args.address.iter().map(ToString::to_string).collect();
        writeln!(anstream::stderr(), "halfopen stack: {} on {name}, mtu {mtu}", addresses.join(", "))?;
        host.run(&mut daemon).map_err(|errno| environment(&name, &errno))?;
        let Some(report) = daemon.client().and_then(Client::report) else {
            return Ok(if args.connect.is_some() { FAILED } else { AS_EXPECTED });
        };
        writeln!(anstream::stderr(), "{report}")?;
        Ok(if report.failed.is_some() { FAILED } else { AS_EXPECTED })
    }

    /// Nothing of the machine itself is changed by accident.
    fn refuse_machine(here: bool) -> Result<(), Fault> {
        let whose = namespace::ours().map_err(|errno| environment("/proc/self/ns/net", &errno))?;
        let what = match whose {
            Namespace::Made => return Ok(()),
            Namespace::Machine | Namespace::Unknown if here => return Ok(()),
            Namespace::Machine => "this is the machine's own network namespace",
            Namespace::Unknown => "whether this is the machine's own network namespace cannot be told (/proc/1)",
        };
        Err(Fault::Usage(format!(
            "{what}: run it in one of its own (`ip netns add x; ip netns exec x halfopen stack ...`, or `unshare -rn`), \
             or say --here"
        )))
    }

    /// The device, the link and the stack on them.
    fn open(args: &HostArgs) -> Result<Host, Fault> {
        let device = match (&args.tun, &args.veth) {
            (Some(name), _) => Device::tun(name),
            (None, Some(name)) => Device::ethernet(name),
            (None, None) => return Err(Fault::Usage("one of --tun NAME and --veth NAME is needed".into())),
        };
        let device = device.map_err(|error| Fault::Environment(error.to_string()))?;
        let mtu = match args.mtu {
            Some(mtu) => mtu.into(),
            None => device.mtu().map_err(|error| Fault::Environment(error.to_string()))?,
        };
        let mut stack = Stack::new(config(args)?, args.seed);
        stack.set_mtu(mtu);
        args.address.iter().for_each(|address| stack.add_address(address.address));
        let routes = Routes { addresses: args.address.clone(), gateways: args.gateway.clone() };
        let link = device.host_mac().map_or_else(Link::direct, |mac| Link::ethernet(mac, routes));
        let mut host = Host::new(stack, device, link, ORIGIN);
        if let Some(what) = args.impair {
            // Equal seeds of the host make equal draws, unless the impairment has its own.
            let seed = if what.seed == 0 { args.seed } else { what.seed };
            host.impair(Impairment { seed, ..what });
        }
        Ok(host)
    }

    fn config(args: &HostArgs) -> Result<Config, Fault> {
        let mut config = match args.profile.as_str() {
            "rfc9293" => Config::rfc9293(),
            "rfc793" => Config::rfc793(),
            "linux" => Config::linux(),
            other => return Err(Fault::Usage(format!("no profile `{other}`; there are rfc9293, rfc793 and linux"))),
        };
        for setting in &args.sysctl {
            let (name, value) =
                setting.split_once('=').ok_or_else(|| Fault::Usage(format!("`{setting}` is no NAME=VALUE")))?;
            config.set(&name.replace('/', "."), value).map_err(|error| match error {
                ConfigError::Unknown => Fault::Usage(format!("the stack has no sysctl {name}={value}")),
                ConfigError::Value => Fault::Usage(format!("`{value}` is no value of sysctl {name}")),
            })?;
        }
        Ok(config)
    }

    fn client(args: &HostArgs, host: &mut Host) -> Result<Option<Client>, Fault> {
        let Some(remote) = args.connect else { return Ok(None) };
        let source = match args.send.as_deref() {
            None => Source::Pattern(0),
            Some("-") => Source::Read(Box::new(io::stdin())),
            Some(text) => match text.parse() {
                Ok(octets) => Source::Pattern(octets),
                Err(_) => Source::Read(file(text)?),
            },
        };
        let sink: Option<Box<dyn Write>> = match args.receive.as_deref() {
            None => None,
            Some(path) if path == Path::new("-") => Some(Box::new(io::stdout())),
            Some(path) => {
                let shown = path.display().to_string();
                Some(Box::new(File::create(path).map_err(|error| environment(&shown, &error))?))
            }
        };
        let now = host.now();
        let client = Client::connect(&mut host.stack, now, remote, source, sink);
        client.map(Some).map_err(|errno| environment(&format!("connecting to {remote}"), &errno))
    }

    fn file(path: &str) -> Result<Box<dyn Read>, Fault> {
        match File::open(path) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => Err(Fault::Usage(format!("cannot read {path}: {error}"))),
        }
    }

    fn environment(what: &str, error: &dyn std::fmt::Display) -> Fault {
        Fault::Environment(format!("{what}: {error}"))
    }
}
