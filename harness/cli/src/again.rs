//! The command that does a test of a run again, under the same conditions.

use crate::args::{Compat, RunArgs, SEED, SutArgs};
use crate::select::Case;
use std::path::Path;

/// The words, with any id in the place of the test's. `families` is what `--family` is to say, where the run had one.
pub fn words(args: &RunArgs, specs: Option<&Path>, test: &str, families: &str) -> Vec<String> {
    let mut words: Vec<String> = vec![args.sut.adapters.program(), "run".into(), test.into()];
    let mut flag = |name: &str, value: &str| words.extend([name.to_string(), value.to_string()]);
    if let Some(specs) = specs {
        flag("--specs", &specs.display().to_string());
    }
    if let Some(file) = &args.expect {
        flag("--expect", &file.display().to_string());
    }
    let SutArgs { sut, runner, profile, adapters: _ } = &args.sut;
    if *sut != "reference" {
        flag("--sut", sut);
    }
    if let Some(runner) = runner {
        flag("--runner", runner);
    }
    if let Some(profile) = profile {
        flag("--profile", profile);
    }
    if args.seed != SEED {
        flag("--seed", &args.seed.to_string());
    }
    if let Some(name) = &args.congestion_control {
        flag("--congestion-control", name);
    }
    if let Some(longest) = args.longest {
        flag("--longest", &longest.as_secs_f64().to_string());
    }
    if !args.select.family.is_empty() {
        flag("--family", families);
    }
    if args.select.compat == Some(Compat::Packetdrill) {
        flag("--compat", "packetdrill");
    }
    for definition in &args.select.define {
        flag("-D", definition);
    }
    words
}

/// The command for one test as a person types it, which shows its exchange.
pub fn command(args: &RunArgs, specs: Option<&Path>, case: &Case) -> String {
    let mut words: Vec<String> =
        words(args, specs, &case.id, &case.variant.family.to_string()).iter().map(|word| quoted(word)).collect();
    words.push("-vv".into());
    words.join(" ")
}

/// A word as a shell takes it for one.
pub fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,@%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_string()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn a_shell_takes_a_word_for_one() {
        let cases = [("--sut", "--sut"), ("a/b[v4]", "'a/b[v4]'"), ("it's", r"'it'\''s'"), ("", "''"), ("A=1", "A=1")];
        for (word, expected) in cases {
            assert_eq!(quoted(word), expected);
        }
    }
}
