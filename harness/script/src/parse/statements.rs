//! The statements that packetdrill does not have.

use super::{MAX_DEPTH, Mark, Parsed, Parser};
use crate::ast::{Any, Item, Label, Spanned, Use, Value, Variation, When};
use crate::diagnostics::Diagnostic;
use crate::lexer::{Kind, Token};

/// More variants of one file, in each family, are a slip: nobody reads their results.
const MAX_VARIANTS: usize = 10_000;

/// Words that go on with a block.
pub(crate) const BRANCHES: [&str; 2] = ["else", "or"];

impl Parser<'_> {
    /// `vary AXIS: LABEL LABEL(name=value, ...) ...`, to the end of the line.
    pub(super) fn variation(&mut self) -> Parsed<()> {
        let start = self.bump();
        let axis = self.label("the name of an axis")?;
        self.expect(b':', "`:` after the axis")?;
        let mut labels: Vec<Label> = Vec::new();
        while !self.peek().first && self.peek().kind != Kind::End {
            let name = self.label("a label")?;
            let bindings = if self.eat(b'(') { self.bindings()? } else { Vec::new() };
            if let Some(twin) = labels.iter().find(|label| label.name.node == name.node) {
                let fault = Diagnostic::new("duplicate", format!("label `{}` stands here twice", name.node), name.span);
                self.diagnostics.push(fault.also(twin.name.span, "first here"));
            }
            labels.push(Label { name, bindings });
        }
        if labels.is_empty() {
            return Err(self.unexpected(["a label"]));
        }
        if axis.node == "family" {
            let fault = Diagnostic::new("duplicate", "`family` is an axis of every script", axis.span);
            self.diagnostics.push(fault.help("choose families with a line `//: family v4 v6` in the header"));
        }
        if let Some(twin) = self.script.variations.iter().find(|known| known.axis.node == axis.node) {
            let fault = Diagnostic::new("duplicate", format!("axis `{}` is declared twice", axis.node), axis.span);
            self.diagnostics.push(fault.also(twin.axis.span, "first here"));
        }
        let span = self.since(start);
        let product =
            self.script.variations.iter().fold(labels.len(), |all, known| all.saturating_mul(known.labels.len()));
        if product > MAX_VARIANTS {
            let fault = format!("this axis makes {product} variants of the script, and {MAX_VARIANTS} are allowed");
            return Err(Box::new(Diagnostic::new("too-many-variants", fault, span)));
        }
        self.script.variations.push(Variation { axis, labels, span });
        Ok(())
    }

    /// An axis or a label: letters, digits, `-`, `_` and `.`.
    fn label(&mut self, what: &str) -> Parsed<Spanned<String>> {
        self.joined(what, |kind| matches!(kind, Kind::Word | Kind::Punct(b'-' | b'.')))
    }

    fn bindings(&mut self) -> Parsed<Vec<(Spanned<String>, Value)>> {
        let mut bindings = Vec::new();
        loop {
            let name = self.bound_name()?;
            self.expect(b'=', "`=` and a value")?;
            bindings.push((name, self.value()?));
            if self.eat(b')') {
                return Ok(bindings);
            }
            self.expect(b',', "`,` or `)`")?;
        }
    }

    /// The name that a `let` or a label binds, without a dollar.
    fn bound_name(&mut self) -> Parsed<Spanned<String>> {
        if self.peek().kind == Kind::Name {
            let token = self.peek();
            let fault = self.fault("syntax", "a name is bound without its dollar", token);
            return Err(Box::new(fault.expecting([format!("`{}`", &self.word_of(token)[1..])])));
        }
        let name = self.joined("a name", |kind| matches!(kind, Kind::Word | Kind::Punct(b'.')))?;
        if name.node.starts_with('.') || name.node.ends_with('.') || name.node.contains("..") {
            let fault = Diagnostic::new("syntax", format!("`{}` is not a name", name.node), name.span);
            return Err(Box::new(fault.help("a name has letters, digits and `_`, and dots inside")));
        }
        Ok(name)
    }

    /// Tokens that touch, of some kinds, as one word.
    fn joined(&mut self, what: &str, fits: impl Fn(Kind) -> bool) -> Parsed<Spanned<String>> {
        let start = self.peek();
        if !fits(start.kind) || (start.first && self.at > 0) {
            return Err(self.unexpected([what]));
        }
        self.bump();
        while self.glued() && fits(self.peek().kind) {
            self.bump();
        }
        let span = self.since(start);
        Ok(Spanned { node: self.slice(span.start, span.end).to_owned(), span })
    }

    /// A number or sum; anything else without white space is a word.
    fn value(&mut self) -> Parsed<Value> {
        let start = self.at;
        if self.at_num() && !self.peek().first {
            let num = self.num("a value");
            if num.is_ok() && !self.continues_word() {
                return num.map(Value::Num);
            }
            let named = self.tokens[start..=self.at].iter().any(|token| token.kind == Kind::Name);
            if named {
                return num.and_then(|_| Err(self.unexpected(["the end of a sum"])));
            }
            self.at = start;
        }
        self.joined("a number or a word", |kind| matches!(kind, Kind::Word | Kind::Punct(b'.' | b'-'))).map(Value::Word)
    }

    fn continues_word(&self) -> bool {
        self.glued() && matches!(self.peek().kind, Kind::Word | Kind::Name | Kind::Punct(b'.' | b'-' | b'+'))
    }

    /// `use NAME` or `use $axis`
    pub(super) fn use_statement(&mut self) -> Parsed<Item> {
        self.bump();
        let token = self.peek();
        let item = if token.kind == Kind::Name && !token.first {
            self.bump();
            // An axis may have a `-`, where a name ends.
            while self.glued() && matches!(self.peek().kind, Kind::Word | Kind::Punct(b'-' | b'.')) {
                self.bump();
            }
            let span = self.since(token);
            let name = Spanned { node: self.slice(span.start + 1, span.end).to_owned(), span };
            Use { name, by_axis: true }
        } else {
            let fits = |kind| matches!(kind, Kind::Word | Kind::Punct(b'-' | b'.' | b'/'));
            Use { name: self.joined("the name of a fixture or `$axis`", fits)?, by_axis: false }
        };
        self.end_of_line([])?;
        Ok(Item::Use(item))
    }

    /// `let NAME = VALUE`
    pub(super) fn let_statement(&mut self) -> Parsed<Item> {
        self.bump();
        let name = self.bound_name()?;
        self.expect(b'=', "`=` and a value")?;
        let value = self.value()?;
        self.end_of_line([])?;
        Ok(Item::Let(name, value))
    }

    /// `when AXIS = LABEL... { ... } else { ... }`
    pub(super) fn when_statement(&mut self) -> Parsed<Item> {
        let start = self.bump();
        let head = self.when_head();
        let (axis, labels) = match head {
            Ok(head) => head,
            // The block is still read, so that its faults are shown and its brace is not a surprise.
            Err(fault) => {
                self.skip_to_brace(start, fault)?;
                (Spanned { node: String::new(), span: self.span_of(start) }, Vec::new())
            }
        };
        let then = self.block()?;
        let otherwise = if self.eat_word("else") { self.block()? } else { Vec::new() };
        Ok(Item::When(When { axis, labels, then, otherwise }))
    }

    fn when_head(&mut self) -> Parsed<(Spanned<String>, Vec<Spanned<String>>)> {
        let axis = self.label("an axis")?;
        self.expect(b'=', "`=` and labels of the axis")?;
        let mut labels = Vec::new();
        while !self.is(b'{') {
            labels.push(self.label("a label or `{`")?);
        }
        if labels.is_empty() { Err(self.unexpected(["a label"])) } else { Ok((axis, labels)) }
    }

    fn skip_to_brace(&mut self, start: Token, fault: Box<Diagnostic>) -> Parsed<()> {
        let end = self.line_end(start.end);
        while self.peek().start < end && !self.is(b'{') && self.peek().kind != Kind::End {
            self.bump();
        }
        if !self.is(b'{') {
            return Err(fault);
        }
        self.report(*fault);
        Ok(())
    }

    /// `any { ... } or { ... }`
    pub(super) fn any_statement(&mut self) -> Parsed<Item> {
        let start = self.bump();
        let mut branches = vec![self.block()?];
        while self.eat_word("or") {
            branches.push(self.block()?);
        }
        let span = self.since(start);
        if branches.len() < 2 {
            return Err(Box::new(
                self.fault("any", "an `any` with one branch leaves no choice", start).help("add `or { ... }`"),
            ));
        }
        Ok(Item::Any(Any { branches, span }))
    }

    /// `#endif` is next.
    pub(super) fn is_endif(&self) -> bool {
        self.is(b'#') && self.word_of(self.peek_at(1)) == "endif"
    }

    /// `#ifdef SYMBOL`, items, `#endif`
    pub(super) fn if_defined(&mut self) -> Parsed<Item> {
        let start = self.bump();
        let endif = self.is_word("endif");
        if endif || self.in_ifdef {
            let message = if endif { "this `#endif` has no `#ifdef`" } else { "an `#ifdef` stands in another one" };
            self.bump();
            return Err(Box::new(Diagnostic::new("ifdef", message, self.since(start))));
        }
        if !self.eat_word("ifdef") {
            return Err(self.unexpected(["`#ifdef SYMBOL`", "`#endif`"]));
        }
        let symbol = self.expect_word("a symbol, which `-D` or `--define` defines")?;
        self.end_of_line([])?;
        self.in_ifdef = true;
        let items = self.items(None);
        self.in_ifdef = false;
        if !self.is_endif() {
            return Err(Box::new(Diagnostic::new("ifdef", "this `#ifdef` has no `#endif`", symbol.span)));
        }
        self.mark(Mark::Statement);
        self.bump();
        self.bump();
        self.end_of_line([])?;
        Ok(Item::IfDefined(symbol, items))
    }

    fn block(&mut self) -> Parsed<Vec<Item>> {
        self.mark(Mark::Open);
        let open = self.expect(b'{', "`{`")?;
        if self.depth >= MAX_DEPTH {
            return Err(Box::new(self.fault("depth", "blocks are nested too deeply", open)));
        }
        self.depth += 1;
        let items = self.items(Some(self.span_of(open)));
        self.depth -= 1;
        self.mark(Mark::Close);
        self.eat(b'}');
        Ok(items)
    }
}
