//! One HTML page that needs nothing else: no script, no font, no picture from anywhere. Every exchange that is worth a look is there, folded.

use crate::record::{FinalVerdict, Record, RunInfo, Summary};
use crate::tables::{Notable, Page, who};
use crate::{Reporter, text};
use quick_xml::escape::escape;
use std::io::{self, Write};

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8884;--good:#1a7f37;--mid:#9a6700;--bad:#cf222e}
@media(prefers-color-scheme:dark){:root{--good:#3fb950;--mid:#d29922;--bad:#f85149}}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.5rem;margin:0}h2{font-size:1.15rem;margin:2rem 0 .5rem}p{margin:.3rem 0}
table{border-collapse:collapse}th,td{padding:.15rem .7rem;border-bottom:1px solid var(--line);text-align:right}
th:first-child,td:first-child{text-align:left}td.zero{opacity:.35}
.bar{display:flex;height:.6rem;margin:.8rem 0;border-radius:.3rem;overflow:hidden;background:var(--line)}
.good{color:var(--good)}.mid{color:var(--mid)}.bad{color:var(--bad)}.bar i{background:currentColor}
details{border-bottom:1px solid var(--line);padding:.25rem 0}summary{cursor:pointer}
summary code{font-weight:600}pre{overflow-x:auto;font:13px/1.4 ui-monospace,monospace;margin:.4rem 0 .8rem 1rem}
code{font-family:ui-monospace,monospace;font-size:.93em;overflow-wrap:anywhere}
.why{display:block;margin-left:1.1rem;opacity:.75;overflow-wrap:anywhere}";

/// Writes the page when the run is over.
pub struct Html<W> {
    out: W,
    page: Page,
}

impl<W: Write> Html<W> {
    /// A page to `out`.
    pub fn new(out: W) -> Self {
        Self { out, page: Page::default() }
    }

    fn head(&mut self, summary: &Summary) -> io::Result<()> {
        let (word, class) = if summary.exit == 0 { ("as expected", "good") } else { ("not as expected", "bad") };
        let who = escape(text::plain(&who(self.page.run()))).into_owned();
        let (wall, simulated) = (text::span(summary.wall), text::micros(summary.simulated));
        writeln!(
            self.out,
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n\
             <title>halfopen: {word}</title>\n<style>\n{STYLE}\n</style>\n</head>\n<body>\n\
             <h1>halfopen: <span class=\"{class}\">{word}</span></h1>\n<p>{who}</p>\n\
             <p>{} in {wall}, {simulated} on the SUT's clock; exit code {}</p>",
            text::count(summary.total(), "test"),
            summary.exit
        )?;
        if summary.not_run > 0 {
            writeln!(self.out, "<p class=\"mid\">{} not run</p>", text::count(summary.not_run, "test"))?;
        }
        write!(self.out, "<div class=\"bar\">")?;
        let present = |verdict: &FinalVerdict| summary.count(*verdict) > 0;
        for verdict in FinalVerdict::ALL.into_iter().filter(present) {
            let n = summary.count(verdict);
            write!(self.out, "<i class=\"{}\" style=\"flex:{n}\" title=\"{n} {verdict}\"></i>", class_of(verdict))?;
        }
        write!(self.out, "</div>\n<p>")?;
        for (index, verdict) in FinalVerdict::ALL.into_iter().filter(present).enumerate() {
            let comma = if index > 0 { ", " } else { "" };
            let n = summary.count(verdict);
            write!(self.out, "{comma}<span class=\"{}\">{n} {verdict}</span>", class_of(verdict))?;
        }
        writeln!(self.out, "</p>")
    }

    fn table(&mut self) -> io::Result<()> {
        let verdicts = self.page.verdicts();
        let heads: String = verdicts.iter().map(|verdict| format!("<th>{verdict}</th>")).collect();
        writeln!(self.out, "<h2>By specification</h2>\n<table>\n<tr><th></th><th>tests</th>{heads}</tr>")?;
        for (name, tally) in self.page.rows() {
            let cells = verdicts.iter().map(|verdict| match tally.count(*verdict) {
                0 => "<td class=\"zero\">0</td>".to_string(),
                n => format!("<td class=\"{}\">{n}</td>", class_of(*verdict)),
            });
            let cells: String = cells.collect();
            writeln!(self.out, "<tr><td>{}</td><td>{}</td>{cells}</tr>", escape(name), tally.total())?;
        }
        writeln!(self.out, "</table>")
    }

    fn section(&mut self, title: &str, tests: &[Notable]) -> io::Result<()> {
        if tests.is_empty() {
            return Ok(());
        }
        writeln!(self.out, "<h2>{title}</h2>")?;
        for Notable { test, verdict, why, drawn } in tests {
            writeln!(
                self.out,
                "<details><summary><span class=\"{}\">{verdict}</span> <code>{}</code><span class=\"why\">{}</span></summary>\n\
                 <pre>{}</pre></details>",
                class_of(*verdict),
                escape(test.as_str()),
                escape(why.as_str()),
                escape(drawn.trim_end())
            )?;
        }
        Ok(())
    }

    fn lists(&mut self, summary: &Summary) -> io::Result<()> {
        if !summary.stale.is_empty() {
            writeln!(self.out, "<h2>Expectations that match no test</h2>\n<ul>")?;
            for stale in &summary.stale {
                writeln!(self.out, "<li class=\"bad\">{}</li>", escape(text::plain(stale)))?;
            }
            writeln!(self.out, "</ul>")?;
        }
        if !summary.unsupported.is_empty() {
            writeln!(self.out, "<h2>Unsupported</h2>\n<table>")?;
            for (reason, n) in &summary.unsupported {
                writeln!(self.out, "<tr><td>{}</td><td>{n}</td></tr>", escape(text::plain(reason)))?;
            }
            writeln!(self.out, "</table>")?;
        }
        Ok(())
    }
}

impl<W: Write> Reporter for Html<W> {
    fn start(&mut self, run: &RunInfo) -> io::Result<()> {
        self.page.run = Some(run.clone());
        Ok(())
    }

    fn record(&mut self, record: &Record) -> io::Result<()> {
        self.page.add(record);
        Ok(())
    }

    fn finish(&mut self, summary: &Summary) -> io::Result<()> {
        self.head(summary)?;
        let notable: Vec<Notable> = std::mem::take(&mut self.page.notable).into_values().collect();
        let known: Vec<Notable> = std::mem::take(&mut self.page.known).into_values().collect();
        self.section("Not a pass", &notable)?;
        self.table()?;
        self.section("Known deviations", &known)?;
        self.lists(summary)?;
        writeln!(self.out, "</body>\n</html>")?;
        self.out.flush()
    }
}

/// The colour of a verdict.
fn class_of(verdict: FinalVerdict) -> &'static str {
    match verdict {
        FinalVerdict::Pass | FinalVerdict::Xfail => "good",
        FinalVerdict::Nonstrict | FinalVerdict::Unsupported | FinalVerdict::Inconclusive => "mid",
        FinalVerdict::Fail | FinalVerdict::Error | FinalVerdict::Flaky | FinalVerdict::Xpass => "bad",
    }
}
