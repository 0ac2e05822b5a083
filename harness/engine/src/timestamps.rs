//! Timestamps (RFC 7323): the script's values and the live ones.
//!
//! What a stack's timestamp clock shows is its own business, so the first TSval that the script expects fixes the correspondence.
//! A TSval of the harness needs no mapping. A TSecr of the harness must be one that the SUT could have earned.

use std::collections::BTreeMap;

/// The correspondence of one connection.
#[derive(Debug, Clone, Default)]
pub(crate) struct Stamps {
    /// First pair, script and live.
    first: Option<(u32, u32)>,
    /// Live TSval by the script's.
    sent: BTreeMap<u32, u32>,
}

impl Stamps {
    /// A new incarnation: values learned stay valid as echoes, the correspondence is found anew.
    pub(crate) fn restart(&mut self) {
        self.first = None;
    }

    pub(crate) fn learn(&mut self, script: u32, live: u32) {
        self.first.get_or_insert((script, live));
        self.sent.insert(script, live);
    }

    /// A live TSval as the script would write it; `expected` when it is the first.
    pub(crate) fn to_script(&self, live: u32, expected: Option<u32>) -> u32 {
        match (self.first, expected) {
            (Some((script, first)), _) => script.wrapping_add(live.wrapping_sub(first)),
            (None, Some(expected)) => expected,
            (None, None) => live,
        }
    }

    /// The live TSecr for the script's. Without `scaled` only values that the SUT has sent can be echoed.
    pub(crate) fn echo(&self, script: u32, scaled: bool) -> Result<u32, String> {
        if let Some(live) = self.sent.get(&script) {
            return Ok(*live);
        }
        match self.first {
            Some((first, live)) if scaled => Ok(live.wrapping_add(script.wrapping_sub(first))),
            Some(_) => {
                let known: Vec<String> = self.sent.keys().map(u32::to_string).collect();
                let help = "--tcp_ts_ecr_scaled computes others from the first";
                Err(format!("ecr {script} is no TSval that the script has seen ({}); {help}", known.join(", ")))
            }
            None => Err(format!("ecr {script} cannot be mapped: no segment with a TSval has been expected before")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn echoes_are_live_values_of_what_the_sut_sent() {
        let mut stamps = Stamps::default();
        assert!(stamps.echo(100, false).unwrap_err().contains("no segment with a TSval"));
        assert_eq!(stamps.to_script(9000, Some(100)), 100);
        stamps.learn(100, 9000);
        stamps.learn(200, 9105);
        assert_eq!((stamps.echo(100, false), stamps.echo(200, false)), (Ok(9000), Ok(9105)));
        assert!(stamps.echo(150, false).unwrap_err().contains("(100, 200)"));
        assert_eq!((stamps.echo(150, true), stamps.echo(50, true)), (Ok(9050), Ok(8950)));
        assert_eq!(stamps.to_script(9105, Some(200)), 205);
        stamps.restart();
        assert_eq!((stamps.to_script(7, Some(1)), stamps.echo(200, false)), (1, Ok(9105)));
    }
}
