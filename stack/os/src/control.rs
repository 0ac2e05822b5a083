//! The control socket: whoever connects gets the status as JSON, then the end. Only the same user, and root, are told.
//!
//! Without a path its name is abstract: it belongs to the network namespace, where a second host finds it taken and
//! `status` finds it, and it leaves no file behind however the process ends.

use nix::sys::socket::{getsockopt, sockopt::PeerCredentials};
use nix::unistd::geteuid;
use std::fs;
use std::io::{self, Read as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What every abstract name begins with; the device's name follows.
const PREFIX: &str = "halfopen-stack/";
/// How long somebody who asks may take to listen.
const PATIENCE: Duration = Duration::from_secs(5);

/// The listening end.
#[derive(Debug)]
pub struct Control {
    listener: UnixListener,
    path: Option<PathBuf>,
}

impl Control {
    /// Listens at `path`, or at the abstract name of `device`.
    ///
    /// # Errors
    /// The name is taken, or the path not writable.
    pub fn open(path: Option<&Path>, device: &str) -> io::Result<Self> {
        let listener = match path {
            None => UnixListener::bind_addr(&SocketAddr::from_abstract_name(format!("{PREFIX}{device}"))?)?,
            Some(path) => {
                // A socket that nobody listens at is left over from a host that was killed.
                let dead = UnixStream::connect(path).is_err_and(|e| e.kind() == io::ErrorKind::ConnectionRefused);
                if dead {
                    fs::remove_file(path)?;
                }
                let listener = UnixListener::bind(path)?;
                fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
                listener
            }
        };
        listener.set_nonblocking(true)?;
        Ok(Self { listener, path: path.map(Path::to_path_buf) })
    }

    /// Answers whoever has asked. Whether anybody had.
    pub fn run(&self, status: impl Fn() -> String) -> bool {
        let mut any = false;
        while let Ok((stream, _)) = self.listener.accept() {
            any = true;
            let us = geteuid().as_raw();
            if getsockopt(&stream, PeerCredentials).is_ok_and(|peer| [0, us].contains(&peer.uid())) {
                answer(stream, status());
            }
        }
        any
    }
}

/// On a thread of its own, so that nobody who listens slowly stops the host.
fn answer(mut stream: UnixStream, text: String) {
    // Without a thread, or with a listener that has gone, there is no answer.
    let _ = std::thread::Builder::new().name("status".to_owned()).spawn(move || {
        let _ = stream.set_nonblocking(false);
        let _ = stream.set_write_timeout(Some(PATIENCE));
        let _ = stream.write_all(text.as_bytes());
    });
}

impl AsFd for Control {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }
}

impl Drop for Control {
    fn drop(&mut self) {
        if let Some(path) = &self.path {
            // Somebody else may have removed it.
            let _ = fs::remove_file(path);
        }
    }
}

/// Asks the host that listens at `path`, or the only one of this network namespace.
///
/// # Errors
/// Nobody listens, or several do and none was named.
pub fn ask(path: Option<&Path>) -> io::Result<String> {
    let mut stream = match path {
        Some(path) => UnixStream::connect(path)?,
        None => {
            let names = names(&fs::read_to_string("/proc/net/unix")?);
            match names.as_slice() {
                [name] => UnixStream::connect_addr(&SocketAddr::from_abstract_name(name)?)?,
                [] => return Err(io::Error::other("no `halfopen stack` runs in this network namespace")),
                several => return Err(io::Error::other(format!("several run here: {}", several.join(", ")))),
            }
        }
    };
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// Asks the host on a device of this network namespace.
///
/// # Errors
/// Nobody listens.
pub fn ask_device(device: &str) -> io::Result<String> {
    let mut stream = UnixStream::connect_addr(&SocketAddr::from_abstract_name(format!("{PREFIX}{device}"))?)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let mut text = String::new();
    stream.read_to_string(&mut text)?;
    Ok(text)
}

/// The abstract names of hosts in the text of `/proc/net/unix`, each once.
fn names(table: &str) -> Vec<String> {
    let names = table.lines().filter_map(|line| line.split_whitespace().nth(7)?.strip_prefix('@'));
    let mut names: Vec<String> = names.filter(|name| name.starts_with(PREFIX)).map(str::to_owned).collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_found_among_other_sockets() {
        let table = "Num       RefCount Protocol Flags    Type St Inode Path\n\
                     0000000000000000: 00000002 00000000 00010000 0001 01 21 @halfopen-stack/tun0\n\
                     0000000000000000: 00000003 00000000 00000000 0001 03 22 @halfopen-stack/tun0\n\
                     0000000000000000: 00000003 00000000 00000000 0001 03 23\n\
                     0000000000000000: 00000002 00000000 00010000 0001 01 24 /run/halfopen-stack/x\n";
        assert_eq!(names(table), ["halfopen-stack/tun0"]);
    }

    #[test]
    fn who_asks_is_answered_and_a_dead_socket_is_replaced() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("control");
        drop(UnixListener::bind(&path).expect("binds"));
        let control = Control::open(Some(&path), "tun0").expect("takes the place of the dead");
        assert!(Control::open(Some(&path), "tun0").is_err(), "but not of the living");
        let asked = std::thread::spawn({
            let path = path.clone();
            move || ask(Some(&path))
        });
        // The first to be answered may be the one that only looked whether somebody lives here.
        while !asked.is_finished() {
            control.run(|| "{}".to_owned());
            std::thread::yield_now();
        }
        assert_eq!(asked.join().expect("no panic").expect("an answer"), "{}");
        drop(control);
        assert!(!path.exists());
    }
}
