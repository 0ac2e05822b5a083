//! An event: a time, and what happens then.

use super::{Mark, Parsed, Parser};
use crate::ast::{Action, Direction, Event, Time};
use crate::checks;
use crate::diagnostics::Diagnostic;
use crate::lexer::Kind;
use crate::suggest::nearest;

/// Words that begin a statement.
pub(crate) const STATEMENTS: [&str; 5] = ["use", "let", "when", "any", "vary"];

impl Parser<'_> {
    pub(super) fn event(&mut self) -> Parsed<Event> {
        let start = self.peek();
        let time = self.time()?;
        let time_span = self.since(start);
        self.mark(Mark::Action);
        let action = self.action()?;
        let event = Event { time, action, span: self.since(start) };
        if let Some(fault) = checks::time_fits(&event, time_span) {
            self.diagnostics.push(fault);
        }
        Ok(event)
    }

    fn time(&mut self) -> Parsed<Time> {
        if self.eat(b'*') {
            return Ok(Time::AnyTime);
        }
        let relative = self.eat(b'+');
        if !relative && !self.at_time() {
            return Err(self.no_statement());
        }
        let start = self.micros()?;
        if self.eat(b'~') {
            if relative {
                self.expect(b'+', "`+` and the end of the range")?;
            }
            let end = self.micros()?;
            return Ok(if relative { Time::RelativeRange(start, end) } else { Time::AbsoluteRange(start, end) });
        }
        if self.peek().kind == Kind::Ellipsis {
            self.bump();
            let end = self.micros()?;
            return Ok(Time::Blocking { relative, start, end });
        }
        Ok(if relative { Time::Relative(start) } else { Time::Absolute(start) })
    }

    /// Nothing that could stand at the beginning of a line stands here.
    fn no_statement(&self) -> Box<Diagnostic> {
        let token = self.peek();
        if token.kind == Kind::Unreadable {
            return self.unexpected([]);
        }
        let word = self.word_of(token);
        let mut fault = match token.kind {
            Kind::Word => self.fault("syntax", format!("`{word}` does not begin a line"), token),
            Kind::Code => self.fault("syntax", "this code block has no time", token),
            Kind::Command => self.fault("syntax", "this command has no time", token),
            _ => self.fault("syntax", format!("unexpected `{word}`"), token),
        };
        fault = fault.expecting(["a time, e.g. `+0`", "a statement: `use`, `let`, `when`, `any`"]);
        fault.help = nearest(word, STATEMENTS).map(|near| format!("did you mean `{near}`?"));
        Box::new(fault)
    }

    fn action(&mut self) -> Parsed<Action> {
        let token = self.peek();
        let action = match token.kind {
            Kind::Punct(b'<') => self.packet(Direction::Inbound).map(Action::Packet)?,
            Kind::Punct(b'>') => self.packet(Direction::Outbound).map(Action::Packet)?,
            Kind::Command => {
                self.bump();
                Action::Command(self.slice(token.start + 1, token.end - 1).to_owned())
            }
            Kind::Code => {
                self.bump();
                Action::Code(self.slice(token.start + 2, token.end - 2).trim_matches([' ', '\t']).to_owned())
            }
            Kind::Word if self.peek_at(1).kind == Kind::Punct(b'(') => self.call().map(Action::Call)?,
            Kind::Word if self.word_of(token) == "silent" => {
                self.bump();
                Action::Silent
            }
            _ => {
                let what = ["`<` or `>` and a packet", "a system call", "`silent`", "a command", "a code block"];
                return Err(self.unexpected(what));
            }
        };
        self.end_of_line([])?;
        Ok(action)
    }
}
