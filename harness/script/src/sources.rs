//! The texts that spans point into.

use crate::ast::Span;
use std::sync::Arc;

/// Index of a file in [`Sources`]; what [`Span::file`] holds.
pub type FileId = u16;

/// File names and texts. A clone is cheap: texts are shared.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    files: Vec<File>,
}

#[derive(Debug, Clone)]
struct File {
    name: Arc<str>,
    text: Arc<str>,
    /// Offset of the first octet of each line.
    lines: Arc<[u32]>,
}

impl Sources {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a file. A file of the same name and text is not added twice.
    ///
    /// # Panics
    /// With more than 65536 files, or a file of 4 GiB.
    pub fn add(&mut self, name: impl AsRef<str>, text: impl AsRef<str>) -> FileId {
        let (name, text) = (name.as_ref(), text.as_ref());
        assert!(u32::try_from(text.len()).is_ok(), "{name} is too large for a script");
        let known = self.files.iter().position(|file| &*file.name == name && &*file.text == text);
        let index = known.unwrap_or_else(|| {
            let starts = std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at as u32 + 1));
            self.files.push(File { name: name.into(), text: text.into(), lines: starts.collect() });
            self.files.len() - 1
        });
        FileId::try_from(index).expect("more than 65536 script files")
    }

    /// Name of a file, as it was added.
    pub fn name(&self, file: FileId) -> &str {
        &self.files[usize::from(file)].name
    }

    /// Text of a file.
    pub fn text(&self, file: FileId) -> &str {
        &self.files[usize::from(file)].text
    }

    /// Line and column at which a span begins, both from 1; the column counts characters.
    pub fn line_col(&self, span: Span) -> (u32, u32) {
        let file = &self.files[usize::from(span.file)];
        let line = file.lines.partition_point(|start| *start <= span.start).max(1);
        let start = file.lines[line - 1] as usize;
        let end = (span.start as usize).min(file.text.len());
        let column = file.text.get(start..end).map_or(0, |text| text.chars().count()) + 1;
        (line as u32, column as u32)
    }

    /// The text of a line (from 1), without its end; empty when there is no such line.
    pub fn line(&self, file: FileId, line: u32) -> &str {
        let file = &self.files[usize::from(file)];
        let Some(start) = (line as usize).checked_sub(1).and_then(|index| file.lines.get(index)) else { return "" };
        file.text[*start as usize..].lines().next().unwrap_or("")
    }

    /// The text that a span covers.
    pub fn snippet(&self, span: Span) -> &str {
        self.text(span.file).get(span.start as usize..span.end as usize).unwrap_or("")
    }
}
