//! The tunables of the network namespace, which a script's commands (`sysctl`, or a shell script) write below `/proc/sys`.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Where they are.
const ROOT: &str = "/proc/sys";
/// Folders in which every file is of interest whose name begins like this.
const FOLDERS: &[(&str, &str)] = &[("net/ipv4", "tcp_"), ("net/ipv4", "ip_"), ("net/core", "")];
/// Single files.
const FILES: &[&str] = &["net/ipv4/route/min_pmtu", "net/ipv4/route/mtu_expires"];
/// Not a property of a namespace that scripts rely on: a fresh one has the choice of the machine, and may be forbidden
/// another. It counts from when somebody changes it.
const MACHINE: &[&str] = &["net.ipv4.tcp_congestion_control"];

/// Values by `sysctl` name.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Tunables(BTreeMap<String, String>);

impl Tunables {
    /// What the namespace has now. A file that cannot be read (some are for writing only) has no value.
    pub(crate) fn read() -> Self {
        let mut values = BTreeMap::new();
        let mut add = |path: &Path, name: String| {
            if let Ok(value) = fs::read_to_string(path) {
                values.insert(name, value.split_whitespace().collect::<Vec<_>>().join(" "));
            }
        };
        for (folder, prefix) in FOLDERS {
            for entry in fs::read_dir(Path::new(ROOT).join(folder)).into_iter().flatten().flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                if name.starts_with(prefix) && entry.file_type().is_ok_and(|kind| kind.is_file()) {
                    add(&entry.path(), format!("{}.{name}", folder.replace('/', ".")));
                }
            }
        }
        for file in FILES {
            add(&Path::new(ROOT).join(file), file.replace('/', "."));
        }
        Self(values)
    }

    /// Those of the machine, which a stack takes over only once they change.
    pub(crate) fn of_the_machine(&self) -> Self {
        Self(self.0.iter().filter(|(name, _)| MACHINE.contains(&name.as_str())).map(cloned).collect())
    }

    /// What is in `self` and was not so in `before`.
    pub(crate) fn changes(&self, before: &Self) -> Vec<(String, String)> {
        self.0.iter().filter(|(name, value)| before.0.get(*name) != Some(value)).map(cloned).collect()
    }
}

fn cloned((name, value): (&String, &String)) -> (String, String) {
    (name.clone(), value.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[(&str, &str)]) -> Tunables {
        Tunables(values.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    }

    #[test]
    fn changes_are_what_differs() {
        let before = of(&[("net.ipv4.tcp_sack", "1"), ("net.ipv4.tcp_congestion_control", "bbr")]);
        let after = of(&[("net.ipv4.tcp_sack", "0"), ("net.ipv4.tcp_congestion_control", "bbr")]);
        let sack = vec![("net.ipv4.tcp_sack".to_owned(), "0".to_owned())];
        assert_eq!(after.changes(&before), sack);
        assert_eq!(after.changes(&after.of_the_machine()), sack, "the machine's congestion control is no change");
        assert_eq!(after.changes(&Tunables::default()).len(), 2);
    }

    #[test]
    fn namespace_has_tunables() {
        let read = Tunables::read();
        assert!(read.0.contains_key("net.ipv4.tcp_sack"), "{:?}", read.0.keys());
        let words = read.0["net.ipv4.tcp_rmem"].split(' ').count();
        assert_eq!(words, 3, "separated by single spaces");
    }
}
