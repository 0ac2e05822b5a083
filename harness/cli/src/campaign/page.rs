//! A target's campaigns as one page of HTML without scripts: what was executed, covered, found, and when.

use super::log::{Entry, Finding, Progress, Start};
use std::collections::BTreeMap;
use std::fmt::Write;

/// How often each event met each state while the corpus was played; rows and columns in the order of their names.
pub type Matrix = BTreeMap<(String, String), u64>;

const STYLE: &str = "body{font:14px/1.5 system-ui,sans-serif;margin:2em auto;max-width:70em;padding:0 1em;color:#222}\
h1{font-size:1.4em}h2{font-size:1.1em;margin-top:2em}table{border-collapse:collapse}td,th{padding:.2em .7em;border:1px solid #ddd;\
text-align:right}th{background:#f4f4f4}td.t,th.t{text-align:left}td.none{background:#f8d7da}pre{margin:0;white-space:pre-wrap;\
text-align:left}svg{border:1px solid #ddd}";

/// One campaign of the log.
#[derive(Debug, Default)]
struct Campaign<'a> {
    start: Option<&'a Start>,
    progress: Vec<&'a Progress>,
    findings: Vec<&'a Finding>,
}

fn campaigns(entries: &[Entry]) -> Vec<Campaign<'_>> {
    let mut all: Vec<Campaign<'_>> = Vec::new();
    for entry in entries {
        if all.is_empty() || matches!(entry, Entry::Start(_)) {
            all.push(Campaign::default());
        }
        let Some(campaign) = all.last_mut() else { continue };
        match entry {
            Entry::Start(start) => campaign.start = Some(start),
            Entry::Progress(progress) => campaign.progress.push(progress),
            Entry::Finding(finding) => campaign.findings.push(finding),
        }
    }
    all
}

/// The page.
pub fn page(target: &str, entries: &[Entry], matrix: Option<&Matrix>) -> String {
    let all = campaigns(entries);
    let mut out = String::new();
    let _ = write!(out, "<!doctype html><html lang=en><meta charset=utf-8><title>{0}</title>", escape(target));
    let _ = write!(out, "<style>{STYLE}</style><h1>Fuzz target {}</h1>", escape(target));
    summary(&mut out, &all);
    findings(&mut out, &all);
    let points = points(&all);
    chart(&mut out, "Coverage (features) over executions", &points, |point| point.1);
    chart(&mut out, "Inputs in the corpus over executions", &points, |point| point.2);
    if let Some(matrix) = matrix {
        heat_map(&mut out, matrix);
    }
    out.push_str("</html>\n");
    out
}

fn summary(out: &mut String, all: &[Campaign<'_>]) {
    out.push_str("<h2>Campaigns</h2><table><tr><th class=t>began (UTC)<th class=t>commit<th class=t>sanitizer<th>jobs<th>seconds");
    out.push_str("<th>executions<th>per second<th>coverage<th>features<th>corpus<th>findings</tr>");
    for campaign in all {
        let (Some(start), Some(last)) = (campaign.start, campaign.progress.last()) else { continue };
        let commit = if start.commit.is_empty() { "?" } else { &start.commit };
        let _ = write!(out, "<tr><td class=t>{}<td class=t>{}", escape(&start.at), escape(commit));
        let _ = write!(out, "<td class=t>{}<td>{}<td>{}", escape(&start.sanitizer), start.jobs, last.seconds);
        let rate = last.executions / last.seconds.max(1);
        let _ = write!(out, "<td>{}<td>{rate}<td>{}<td>{}", last.executions, last.coverage, last.features);
        let _ = write!(out, "<td>{}<td>{}</tr>", last.corpus, campaign.findings.len());
    }
    out.push_str("</table>");
}

fn findings(out: &mut String, all: &[Campaign<'_>]) {
    let mut seen: BTreeMap<(&str, &str), (u64, &Finding, u32)> = BTreeMap::new();
    let mut before = 0;
    for campaign in all {
        for finding in &campaign.findings {
            // One fault fails many inputs: the first line tells them apart.
            let key = (finding.oracle.as_str(), finding.text.lines().next().unwrap_or_default());
            seen.entry(key).or_insert((before + finding.seconds, finding, 0)).2 += 1;
        }
        before += campaign.progress.last().map_or(0, |last| last.seconds);
    }
    if seen.is_empty() {
        out.push_str("<h2>Findings</h2><p>None.");
        return;
    }
    out.push_str("<h2>Findings</h2><table><tr><th class=t>oracle<th>first after (s)<th>inputs<th class=t>first input<th class=t>what</tr>");
    let mut rows: Vec<_> = seen.into_values().collect();
    rows.sort_by_key(|(seconds, ..)| *seconds);
    for (seconds, finding, inputs) in rows {
        let oracle = if finding.oracle.is_empty() { "crash" } else { &finding.oracle };
        let _ = write!(out, "<tr><td class=t>{}<td>{seconds}<td>{inputs}", escape(oracle));
        let _ =
            write!(out, "<td class=t>{}<td class=t><pre>{}</pre></tr>", escape(&finding.file), escape(&finding.text));
    }
    out.push_str("</table>");
}

/// Executions, features, inputs in the corpus, over all campaigns.
fn points(all: &[Campaign<'_>]) -> Vec<(u64, u64, u64)> {
    let mut before = 0;
    let mut points = Vec::new();
    for campaign in all {
        points.extend(campaign.progress.iter().map(|of| (before + of.executions, of.features, of.corpus)));
        before += campaign.progress.last().map_or(0, |last| last.executions);
    }
    points
}

fn chart(out: &mut String, title: &str, points: &[(u64, u64, u64)], value: fn(&(u64, u64, u64)) -> u64) {
    let Some(last) = points.last().filter(|last| last.0 > 0) else { return };
    let most = points.iter().map(value).max().unwrap_or(0).max(1);
    let _ = write!(
        out,
        "<h2>{title}</h2><svg viewBox='0 0 800 200' width=800 height=200><polyline fill=none stroke='#1864ab' points='"
    );
    for point in points {
        let x = point.0 as f64 / last.0 as f64 * 790.0 + 5.0;
        let y = 190.0 - value(point) as f64 / most as f64 * 170.0;
        let _ = write!(out, "{x:.1},{y:.1} ");
    }
    let _ = write!(
        out,
        "'/><text x=10 y=16 font-size=12>{most}</text><text x=790 y=185 font-size=12 text-anchor=end>{} executions</text></svg>",
        last.0
    );
}

fn heat_map(out: &mut String, matrix: &Matrix) {
    let mut rows: Vec<&str> = matrix.keys().map(|(state, _)| state.as_str()).collect();
    let mut columns: Vec<&str> = matrix.keys().map(|(_, event)| event.as_str()).collect();
    for names in [&mut rows, &mut columns] {
        names.sort_unstable();
        names.dedup();
    }
    let most = matrix.values().copied().max().unwrap_or(1).max(2) as f64;
    out.push_str("<h2>What met which state while the corpus was played</h2><table><tr><th class=t>state");
    for column in &columns {
        let _ = write!(out, "<th>{}", escape(column));
    }
    for row in rows {
        let _ = write!(out, "<tr><th class=t>{}", escape(row));
        for column in &columns {
            match matrix.get(&(row.to_string(), (*column).to_string())) {
                None | Some(0) => out.push_str("<td class=none>"),
                Some(count) => {
                    let shade = 92.0 - (*count as f64).ln() / most.ln() * 45.0;
                    let _ = write!(out, "<td style='background:hsl(210 70% {shade:.0}%)'>{count}");
                }
            }
        }
    }
    out.push_str("</table><p>Red: never.");
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_campaigns_findings_folded_and_the_map() {
        let start = Start {
            target: "t".into(),
            commit: "abc".into(),
            at: "20260131T120000Z".into(),
            jobs: 2,
            sanitizer: "none".into(),
            seconds: 10,
        };
        let progress = Progress { seconds: 10, executions: 5000, per_second: 500, coverage: 7, features: 9, corpus: 3 };
        let finding = |file: &str, seconds| {
            Entry::Finding(Finding { file: file.into(), seconds, oracle: "O39".into(), text: "O39: a < b".into() })
        };
        let entries = [Entry::Start(start), finding("crash-1", 4), finding("crash-2", 5), Entry::Progress(progress)];
        let matrix = Matrix::from([(("LISTEN".into(), "SYN".into()), 5), (("CLOSED".into(), "RST".into()), 1)]);
        let page = page("t", &entries, Some(&matrix));
        for part in
            ["<td>5000<td>500<td>7", "<td class=t>O39<td>4<td>2<td class=t>crash-1", "a &lt; b", ">5<", "class=none"]
        {
            assert!(page.contains(part), "no `{part}` in {page}");
        }
        assert!(super::page("t", &entries[..1], None).contains("None."));
    }
}
