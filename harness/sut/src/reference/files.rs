//! The files of a script: made of zeros by `dd`, removed by `rm`. They are in memory; none of the host's is touched.

use std::collections::BTreeMap;

/// Octets of the largest file.
const LARGEST: usize = 16 << 20;

/// Files by path.
#[derive(Debug, Default)]
pub(super) struct Files(BTreeMap<String, Vec<u8>>);

impl Files {
    /// What a file holds.
    pub(super) fn octets(&self, path: &str) -> Option<&Vec<u8>> {
        self.0.get(path)
    }

    /// Does what the lines of a command say about files; what the other lines say is returned.
    pub(super) fn take(&mut self, text: &str) -> String {
        // Newlines stay: a line that a backslash continues may be the last.
        text.split_inclusive('\n').filter(|line| self.line(line).is_none()).collect()
    }

    /// `None` for a line that is about something else.
    fn line(&mut self, line: &str) -> Option<()> {
        let mut words = line.split_whitespace();
        match words.next()?.rsplit('/').next()? {
            "rm" if words.next()? == "-f" => {
                words.for_each(|path| drop(self.0.remove(path)));
                Some(())
            }
            "dd" => {
                let (mut size, mut count, mut from, mut to) = (512, 1, "", "");
                for word in words {
                    match word.split_once('=')? {
                        ("bs", octets) => size = octets.parse::<usize>().ok()?,
                        ("count", blocks) => count = blocks.parse::<usize>().ok()?,
                        ("if", path) => from = path,
                        ("of", path) => to = path,
                        ("status", _) => {}
                        _ => return None,
                    }
                }
                let octets = size.checked_mul(count).filter(|octets| *octets <= LARGEST)?;
                if from != "/dev/zero" || to.is_empty() {
                    return None;
                }
                self.0.insert(to.to_owned(), vec![0; octets]);
                Some(())
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_about_files_is_done_and_the_rest_is_left() {
        let mut files = Files::default();
        let text =
            "./defaults.sh\n/bin/rm -f /tmp/a\n/bin/dd bs=2 count=5 if=/dev/zero of=/tmp/a status=none\nsysctl x=1";
        assert_eq!(files.take(text), "./defaults.sh\nsysctl x=1");
        assert_eq!(files.octets("/tmp/a"), Some(&vec![0; 10]));
        assert_eq!(files.take("rm -f /tmp/b /tmp/a"), "");
        assert_eq!(files.take("./a.py x=1\\\n"), "./a.py x=1\\\n", "a newline that is escaped stays so");
        assert_eq!(files.octets("/tmp/a"), None);
    }

    #[test]
    fn what_is_not_understood_is_left() {
        let lines = [
            "dd if=/etc/passwd of=/tmp/a",
            "dd if=/dev/zero",
            "dd bs=1M if=/dev/zero of=/tmp/a",
            "rm /tmp/a",
            "echo rm",
        ];
        for line in lines {
            assert_eq!(Files::default().take(line), line);
        }
    }
}
