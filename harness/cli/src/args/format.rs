//! `--format STYLE[=FILE]`.

use std::path::PathBuf;
use std::str::FromStr;

/// How a report is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// For people.
    Human,
    /// One JSON object per test and one for the run.
    JsonLines,
    /// JUnit XML.
    Junit,
    /// The kernel's Test Anything Protocol.
    Ktap,
    /// Markdown, for the summary of a CI job.
    Markdown,
    /// One page.
    Html,
    /// One JSON object.
    Json,
}

impl Style {
    /// Every style.
    pub const ALL: [Self; 7] =
        [Self::Human, Self::JsonLines, Self::Junit, Self::Ktap, Self::Markdown, Self::Html, Self::Json];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::JsonLines => "jsonl",
            Self::Junit => "junit",
            Self::Ktap => "ktap",
            Self::Markdown => "md",
            Self::Html => "html",
            Self::Json => "json",
        }
    }
}

/// One `--format`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Format {
    /// How.
    pub style: Style,
    /// Where to; standard output without one.
    pub file: Option<PathBuf>,
}

impl FromStr for Format {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, file) = text.split_once('=').map_or((text, None), |(name, file)| (name, Some(file)));
        let style = Style::ALL.into_iter().find(|style| style.name() == name).ok_or_else(|| {
            let known: Vec<_> = Style::ALL.into_iter().map(Style::name).collect();
            format!("{} are known, each also with =FILE", known.join(", "))
        })?;
        match file {
            None | Some("-") => Ok(Self { style, file: None }),
            Some("") => Err(format!("no file after `{name}=`")),
            Some(file) => Ok(Self { style, file: Some(file.into()) }),
        }
    }
}

/// The one style that standard output is for, when a program reads it there.
///
/// # Errors
/// When two are to share it.
pub fn on_stdout(formats: &[Format]) -> Result<Option<Style>, String> {
    let machine = formats.iter().filter(|format| format.file.is_none() && format.style != Style::Human);
    let mut styles: Vec<Style> = machine.map(|format| format.style).collect();
    styles.dedup();
    match styles.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(*one)),
        [one, other, ..] => Err(format!(
            "`{}` and `{}` cannot share standard output: give one of them a file, e.g. --format {}=FILE",
            one.name(),
            other.name(),
            other.name()
        )),
    }
}
