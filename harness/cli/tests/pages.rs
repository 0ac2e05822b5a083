//! `pages`: what of docs/ is made from the specs.

mod world;

use expect_test::expect;
use halfopen_cli::pages::named;
use halfopen_cli::specs::Specs;
use std::fs;
use std::path::Path;
use world::World;

#[test]
fn a_page_of_rules_links_to_what_decides_them() {
    let world = World::new(&[("good", "reset")]);
    assert_eq!(world.halfopen("pages docs").page(), "--- exit 0\n");
    let files: Vec<_> = world.files("docs").iter().map(|path| path.display().to_string()).collect();
    assert_eq!(files, ["docs/coverage.md", "docs/rules/README.md", "docs/rules/rfc9293.md"]);
    let page = fs::read_to_string(world.path().join("docs/rules/rfc9293.md")).unwrap();
    expect![[r#"
        # RFC 9293, Transmission Control Protocol (TCP)

        Made by `cargo ci pages --write` from `specs/rfcNNNN/rules.toml` and the first lines of the scripts. Paraphrases; the RFC's text decides.

        ## 3.10.7.1

        - **closed-no-ack** (SEGMENT ARRIVES) MUST (text without a keyword): A segment without ACK to a closed port draws a reset that acknowledges it.
          *Tested by* [rfc9293/3.10.7.1/good](../../specs/rfc9293/3.10.7.1/good.pkt)
        - **closed-slow** (SHLD-99) SHOULD: The reset comes at once.
          *No test yet*
    "#]].assert_eq(&page);
    let coverage = fs::read_to_string(world.path().join("docs/coverage.md")).unwrap();
    assert_eq!(coverage, world.halfopen("coverage --format md").stdout);
}

#[test]
fn check_names_what_is_out_of_date() {
    let world = World::new(&[("good", "reset")]);
    let absent = world.halfopen("pages docs --check");
    assert_eq!((absent.code, absent.stderr.lines().count()), (1, 3), "{}", absent.stderr);
    assert_eq!(world.files("docs").len(), 0, "nothing was written");
    assert_eq!(world.halfopen("pages docs").code, 0);
    assert_eq!(world.halfopen("pages docs --check").page(), "--- exit 0\n");
    world.write("docs/rules/README.md", "by hand\n");
    let stale = world.halfopen("pages docs --check");
    assert_eq!(stale.page(), "--- stderr\ndocs/rules/README.md is out of date\n--- exit 1\n");
}

#[test]
fn what_the_pages_name_is_there() {
    let specs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../specs");
    let names = named(&Specs::read(&specs).unwrap()).unwrap();
    assert!(names.len() > 60, "{}", names.len());
}
