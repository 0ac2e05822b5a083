//! `--partition`: one part of a selection, for a CI that runs the parts on several machines.

use siphasher::sip::SipHasher13;
use std::hash::Hasher;
use std::str::FromStr;

/// One of several parts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Partition {
    by: By,
    /// From 1.
    part: u64,
    of: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    /// A test stays in its part when others come or go.
    Hash,
    /// The parts are equally large.
    Count,
}

impl Partition {
    /// A test is in this part; `index` is its place in the selection.
    pub fn holds(&self, index: usize, id: &str) -> bool {
        let number = match self.by {
            By::Hash => {
                // Over the octets of the id alone, and the same on every machine.
                let mut hasher = SipHasher13::new();
                hasher.write(id.as_bytes());
                hasher.finish()
            }
            By::Count => index as u64,
        };
        number % self.of == self.part - 1
    }
}

impl FromStr for Partition {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let read = || {
            let (by, parts) = text.split_once(':')?;
            let by = match by {
                "hash" => By::Hash,
                "count" => By::Count,
                _ => return None,
            };
            let (part, of) = parts.split_once('/')?;
            let (part, of) = (part.parse().ok()?, of.parse().ok()?);
            (1..=of).contains(&part).then_some(Self { by, part, of })
        };
        read().ok_or_else(|| format!("`{text}` is no partition, e.g. hash:1/4 or count:4/4"))
    }
}

#[cfg(test)]
mod tests {
    use super::Partition;

    #[test]
    fn the_part_of_an_id_is_for_ever() {
        let part = |id: &str| (1..=4).find(|n| format!("hash:{n}/4").parse::<Partition>().unwrap().holds(0, id));
        let ids = ["rfc9293/3.10.7.1/with-ack[v4,ack,some]", "rfc9293/3.10.7.1/with-ack[v6,ack,some]", "a", "b"];
        assert_eq!(ids.map(part), [3, 3, 4, 3].map(Some));
    }

    #[test]
    fn what_is_no_partition_is_refused() {
        for text in ["", "hash", "hash:1", "hash:0/4", "hash:5/4", "hash:1/0", "hash:a/b", "sum:1/2", "hash:1/2/3"] {
            assert!(text.parse::<Partition>().is_err(), "{text}");
        }
        assert!("count:4/4".parse::<Partition>().is_ok());
    }
}
