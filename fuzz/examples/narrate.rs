//! `cargo run -p halfopen-fuzz --example narrate FILE`: the program in an input of `state_machine`, and what comes of it.

fn main() {
    let files: Vec<String> = std::env::args().skip(1).collect();
    assert!(!files.is_empty(), "usage: narrate FILE...");
    for file in files {
        println!("{file}");
        halfopen_fuzz::state_machine::narrate(&std::fs::read(&file).expect("a readable file"));
    }
}
