//! `halfopen`: does a TCP stack do what the RFCs say?

fn main() {
    halfopen_cli::main_with(Vec::new());
}
