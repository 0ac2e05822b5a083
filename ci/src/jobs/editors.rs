//! Syntax files for editors, from the words that the parser knows: `editors/`.

mod textmate;
mod vim;

use super::End;
use crate::step::{self, Fault};
use halfopen_script::keywords::{Keywords, keywords};
use std::fs;
use std::path::PathBuf;

/// Each generated file, below the root of the workspace.
fn files(words: &Keywords) -> [(&'static str, String); 3] {
    [
        ("editors/packetdrill.tmLanguage.json", textmate::grammar(words)),
        ("editors/vim/syntax/packetdrill.vim", vim::syntax(words)),
        ("editors/vim/ftdetect/packetdrill.vim", vim::detection()),
    ]
}

/// Writes the files; or says which of them are not what would be written.
pub(crate) fn editors(check: bool) -> Result<End, Fault> {
    let words = keywords();
    let mut stale = Vec::new();
    for (name, text) in files(&words) {
        let path: PathBuf = step::root().join(name);
        if fs::read_to_string(&path).is_ok_and(|known| known == text) {
            continue;
        }
        stale.push(name);
        if !check {
            let folder = path.parent().ok_or("a file without a folder")?;
            fs::create_dir_all(folder)
                .and_then(|()| fs::write(&path, text))
                .map_err(|error| format!("{}: {error}", path.display()))?;
            println!("{name}");
        }
    }
    match (check, stale.as_slice()) {
        (true, [_, ..]) => Err(format!("{} would change: cargo ci editors", stale.join(", "))),
        (false, [_, ..]) => Ok(End::Good(format!("{} written", stale.len()))),
        (_, []) => Ok(End::good()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_the_repository_is_what_would_be_written() {
        for (name, text) in files(&keywords()) {
            let known = fs::read_to_string(step::root().join(name)).unwrap_or_default();
            assert!(known == text, "{name} is stale: cargo ci editors");
        }
    }
}
