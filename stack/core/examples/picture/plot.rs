//! Curves over time as SVG: panels below each other with one time axis.

use std::fmt::Write;

/// Sizes in pixels.
const WIDTH: usize = 900;
const LEFT: usize = 76;
const RIGHT: usize = 16;
const TOP: usize = 64;
const GAP: usize = 34;
const BOTTOM: usize = 48;

/// Plot area of each panel.
const PLOT: usize = WIDTH - LEFT - RIGHT;

/// A curve: points in time order. It keeps its value until the next one.
pub(crate) struct Curve {
    pub(crate) name: &'static str,
    pub(crate) color: &'static str,
    pub(crate) dashed: bool,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Curves with one unit.
pub(crate) struct Panel {
    /// What the axis counts, with its unit.
    pub(crate) axis: &'static str,
    pub(crate) height: usize,
    pub(crate) curves: Vec<Curve>,
}

/// Events along the time axis, one tick each.
pub(crate) struct Marks {
    pub(crate) name: &'static str,
    pub(crate) color: &'static str,
    pub(crate) times: Vec<f64>,
}

/// The picture.
pub(crate) struct Picture {
    pub(crate) title: String,
    pub(crate) subtitle: String,
    pub(crate) seconds: f64,
    pub(crate) panels: Vec<Panel>,
    pub(crate) marks: Marks,
}

impl Picture {
    pub(crate) fn svg(&self) -> String {
        let height = TOP + self.panels.iter().map(|panel| panel.height + GAP).sum::<usize>() + BOTTOM;
        let mut svg = format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" font-size=\"12\">\n\
             <rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#fff\"/>\n"
        );
        line(
            &mut svg,
            format_args!("<text x=\"{LEFT}\" y=\"20\" font-size=\"15\" font-weight=\"bold\">{}</text>", self.title),
        );
        line(&mut svg, format_args!("<text x=\"{LEFT}\" y=\"37\" fill=\"#555\">{}</text>", self.subtitle));
        let mut top = TOP;
        for panel in &self.panels {
            self.panel(panel, top, &mut svg);
            top += panel.height + GAP;
        }
        self.time_axis(top - GAP, &mut svg);
        svg.push_str("</svg>\n");
        svg
    }

    fn x(&self, seconds: f64) -> f64 {
        LEFT as f64 + seconds / self.seconds * PLOT as f64
    }

    fn panel(&self, panel: &Panel, top: usize, svg: &mut String) {
        let most = panel.curves.iter().flat_map(|curve| &curve.points).map(|(_, value)| *value).fold(0.0, f64::max);
        let step = step(most, panel.height / 40);
        let most = (most / step).ceil() * step;
        let y = |value: f64| top as f64 + panel.height as f64 * (1.0 - value / most);
        let mut value = 0.0;
        while value <= most + step / 2.0 {
            let at = y(value);
            line(svg, format_args!("<path d=\"M{LEFT} {at:.1}h{PLOT}\" stroke=\"#ddd\"/>"));
            line(
                svg,
                format_args!(
                    "<text x=\"{}\" y=\"{:.1}\" text-anchor=\"end\">{}</text>",
                    LEFT - 6,
                    at + 4.0,
                    number(value)
                ),
            );
            value += step;
        }
        let middle = top + panel.height / 2;
        line(
            svg,
            format_args!(
                "<text transform=\"translate(16 {middle}) rotate(-90)\" text-anchor=\"middle\">{}</text>",
                panel.axis
            ),
        );
        let mut legend = LEFT;
        for curve in &panel.curves {
            let dash = if curve.dashed { " stroke-dasharray=\"5 3\"" } else { "" };
            line(
                svg,
                format_args!(
                    "<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.4\"{dash}/>",
                    self.path(curve, y),
                    curve.color
                ),
            );
            let at = top - 8;
            line(
                svg,
                format_args!(
                    "<path d=\"M{legend} {}h22\" stroke=\"{}\" stroke-width=\"2.5\"{dash}/>",
                    at - 4,
                    curve.color
                ),
            );
            line(svg, format_args!("<text x=\"{}\" y=\"{at}\">{}</text>", legend + 28, curve.name));
            legend += 60 + 7 * curve.name.len();
        }
    }

    /// One column of pixels has its first, least, most and last value, whatever number of points it stands for.
    fn path(&self, curve: &Curve, y: impl Fn(f64) -> f64) -> String {
        let mut path = String::new();
        let mut columns: Vec<(usize, [f64; 4])> = Vec::new();
        for (seconds, value) in &curve.points {
            let column = self.x(*seconds) as usize;
            match columns.last_mut() {
                Some((last, [_, least, most, end])) if *last == column => {
                    (*least, *most, *end) = (least.min(*value), most.max(*value), *value);
                }
                Some(_) | None => columns.push((column, [*value; 4])),
            }
        }
        let mut before: Option<f64> = None;
        for (column, values) in columns {
            // A step, not a slope: until now the value was the one before.
            let start = before.map_or_else(|| format!("M{column} {:.0}", y(values[0])), |_| format!("H{column}"));
            path.push_str(&start);
            let mut at = before.map(|value| y(value).round());
            for value in values {
                let to = y(value).round();
                if at != Some(to) {
                    let _ = write!(path, "V{to}");
                    at = Some(to);
                }
            }
            before = Some(values[3]);
        }
        path
    }

    fn time_axis(&self, bottom: usize, svg: &mut String) {
        let step = step(self.seconds, 10);
        let mut seconds = 0.0;
        while seconds <= self.seconds + step / 2.0 {
            let x = self.x(seconds);
            line(svg, format_args!("<path d=\"M{x:.1} {bottom}v5\" stroke=\"#000\"/>"));
            line(
                svg,
                format_args!(
                    "<text x=\"{x:.1}\" y=\"{}\" text-anchor=\"middle\">{}</text>",
                    bottom + 18,
                    number(seconds)
                ),
            );
            seconds += step;
        }
        line(svg, format_args!("<path d=\"M{LEFT} {bottom}h{PLOT}\" stroke=\"#000\"/>"));
        line(
            svg,
            format_args!(
                "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\">time (s)</text>",
                LEFT + PLOT / 2,
                bottom + 36
            ),
        );
        let mut columns: Vec<usize> = self.marks.times.iter().map(|seconds| self.x(*seconds) as usize).collect();
        columns.dedup();
        for column in columns {
            line(svg, format_args!("<path d=\"M{column} {}v8\" stroke=\"{}\"/>", bottom - 8, self.marks.color));
        }
        if !self.marks.times.is_empty() {
            let (x, y) = (WIDTH - RIGHT, bottom + 36);
            let text = format_args!(
                "<text x=\"{x}\" y=\"{y}\" text-anchor=\"end\" fill=\"{}\">| {}</text>",
                self.marks.color, self.marks.name
            );
            line(svg, text);
        }
    }
}

fn line(svg: &mut String, text: std::fmt::Arguments<'_>) {
    let _ = writeln!(svg, "{text}");
}

/// 1, 2 or 5 times a power of ten, so that about `count` of them make `most`.
fn step(most: f64, count: usize) -> f64 {
    let rough = (most / count.max(1) as f64).max(1e-9);
    let power = 10_f64.powf(rough.log10().floor());
    [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| *step >= rough).unwrap_or(power)
}

fn number(value: f64) -> String {
    format!("{}", (value * 1000.0).round() / 1000.0)
}
