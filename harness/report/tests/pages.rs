//! The pages: HTML and Markdown, and the one JSON object.

#![allow(clippy::wildcard_enum_match_arm, reason = "of the events of an XML reader a few matter")]

mod samples;

use expect_test::expect;
use halfopen_report::html::Html;
use halfopen_report::json::Json;
use halfopen_report::md::Markdown;
use quick_xml::Reader;
use quick_xml::events::Event;

/// Elements of HTML that have no end.
const VOID: [&str; 2] = ["meta", "br"];

fn html() -> String {
    let mut out = Vec::new();
    samples::printed(Html::new(&mut out), &samples::each(), true);
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn the_html_page_is_well_formed_and_needs_nothing_else() {
    let page = html();
    let mut reader = Reader::from_str(&page);
    reader.config_mut().check_end_names = false;
    let mut open: Vec<String> = Vec::new();
    loop {
        match reader.read_event().expect("well-formed") {
            Event::Start(start) => {
                let name = String::from_utf8_lossy(start.name().as_ref()).into_owned();
                if !VOID.contains(&name.as_str()) {
                    open.push(name);
                }
            }
            Event::End(end) => assert_eq!(open.pop().as_deref(), std::str::from_utf8(end.name().as_ref()).ok()),
            Event::Eof => break,
            _ => {}
        }
    }
    assert_eq!(open, [""; 0]);
    for word in ["<script", "http:", "https:", " src=", "url(", "@import", "<link"] {
        assert!(!page.contains(word), "{word}");
    }
}

#[test]
fn the_html_page_shows_what_is_not_as_it_should_be() {
    let page = html();
    assert!(page.contains("not as expected"));
    // Each verdict that is not a pass, or out of reach, has its exchange; what is known stands apart.
    assert_eq!(page.matches("<details>").count(), 7);
    assert!(page.contains("rfc9293/3.10/each[v4,fail,&lt;a&amp;b&gt;]"), "{page}");
    assert!(!page.contains("<a&b>") && !page.contains('\u{1b}'));
    assert!(page.find("Known deviations") > page.find("By specification"));
    assert!(page.contains("<tr><td>rfc9293</td><td>9</td>"));
}

#[test]
fn the_markdown_page_as_it_stands() {
    let mut out = Vec::new();
    let records = [samples::passing(), samples::failing(), samples::unsupported()];
    samples::printed(Markdown::new(&mut out), &records, true);
    expect![[r#"
        ## halfopen: not as expected

        reference (sim, virtual time), profile rfc9293, seed 7

        **3 tests** in 1.2 ms, 4 min 0 s on the SUT's clock: 1 pass, 1 unsupported, 1 fail

        | specification | tests | pass | unsupported | fail |
        |---|--:|--:|--:|--:|
        | rfc7413 | 1 | 0 | 1 | 0 |
        | rfc9293 | 2 | 1 | 0 | 1 |

        ### Not a pass

        - **fail** `rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]` line 6: flags expected ., got R; seq expected 1, got 0

          <details><summary>exchange</summary>

          ```
          FAIL rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]  MUST        reference, virtual time
               specs/rfc9293/3.10.7.4/rst/in-window.pkt:6
               A reset inside the window but not at RCV.NXT draws one challenge ACK and leaves the connection up.

                line      time  peer                       stack
                   3  0.000000                         |   socket(..., SOCK_STREAM, IPPROTO_TCP) = 3
                   5  0.012000  R 101:101(0)          -->
            >      6  0.012000                        <--  . 1:1(0) ack 1        expected
                   -  0.012000                        <--  R 0:0(0)              got

                 flags    expected .  got R
                 seq      expected 1  got 0
                 line 5: the stack applied rfc9293/3.10.7.4/rst/in-window
                 capture  target/halfopen/latest/in-window.pcapng
                 again    halfopen run 'rfc9293/3.10.7.4/rst/in-window[v4,FIN-WAIT-1]' -vv
          ```
          </details>


        - **stale expectation** expect/a.toml:3 \`x\<\*\` matches no test
        - unsupported: 1, no TCP Fast Open
    "#]].assert_eq(&String::from_utf8(out).expect("UTF-8"));
}

#[test]
fn the_json_object_holds_the_lines() {
    let mut out = Vec::new();
    samples::printed(Json::new(&mut out), &samples::each(), false);
    let object: serde_json::Value = serde_json::from_slice(&out).expect("JSON");
    assert_eq!(object["v"], 1);
    assert_eq!(object["tests"].as_array().map(Vec::len), Some(9));
    assert_eq!(object["tests"][0]["verdict"], "pass", "in order, whatever came first");
    assert_eq!(object["summary"]["verdicts"]["xfail"], 1);
}
