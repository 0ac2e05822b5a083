//! A syntax file for Vim and Neovim.

use halfopen_script::keywords::Keywords;

/// Widest line of a list of words.
const WIDTH: usize = 120;

/// `ftdetect/packetdrill.vim`
pub(super) fn detection() -> String {
    "\" Written by `cargo ci editors`.\nautocmd BufRead,BufNewFile *.pkt setfiletype packetdrill\n".to_owned()
}

/// `syntax/packetdrill.vim`
pub(super) fn syntax(words: &Keywords) -> String {
    let mut out = HEAD.to_owned();
    for (group, list) in [
        ("Header", &words.headers),
        ("Field", &words.fields),
        ("IpWord", &words.ip_words),
        ("TcpOption", &words.tcp_options),
        ("Icmp", &words.icmp),
        ("Call", &words.calls),
        ("Constant", &words.constants),
    ] {
        keywords(&mut out, group, list);
    }
    let any = |list: &[&str]| format!("\\%({}\\)", list.join("\\|"));
    let (statements, branches) = (any(&words.statements), any(&words.branches));
    out.push_str(&format!("syntax match packetdrillStatement /^\\s*\\zs{statements}\\>/\n"));
    out.push_str(&format!("syntax match packetdrillStatement /}}\\s*\\zs{branches}\\>/\n"));
    out.push_str(&format!("syntax match packetdrillOption /--{}\\>/\n", any(&words.option_lines)));
    out.push_str(TAIL);
    out
}

/// `syntax keyword` lines. A word with a `-` cannot be a keyword of Vim.
fn keywords(out: &mut String, group: &str, words: &[&str]) {
    let head = format!("syntax keyword packetdrill{group}");
    let mut line = head.clone();
    for word in words.iter().filter(|word| !word.contains('-')) {
        if line.len() + 1 + word.len() > WIDTH {
            out.push_str(&line);
            out.push('\n');
            line.clone_from(&head);
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
    for word in words.iter().filter(|word| word.contains('-')) {
        out.push_str(&format!("syntax match packetdrill{group} /\\<{word}\\>/\n"));
    }
}

const HEAD: &str = r#"" Syntax of packetdrill scripts, and of what halfopen adds to them.
" Written by `cargo ci editors`.
if exists("b:current_syntax")
  finish
endif
let s:keep = &cpoptions
set cpoptions&vim
syntax case match
syntax include @packetdrillPython syntax/python.vim
unlet! b:current_syntax

"#;

const TAIL: &str = r#"syntax match packetdrillStatement /\%(^\s*\S\+\s\+\)\@<=silent\>/
syntax match packetdrillDirective /^\s*#\s*\%(ifdef\|endif\)\>/
syntax match packetdrillNumber /\<\%(0x\x\+\|\d\+\%(\.\d\+\)\?\)\>/
syntax match packetdrillTime /^\s*\zs\%(\*\|+\?\%([0-9.]\+\|\$[A-Za-z0-9_.]\+\%([+-][0-9.]\+\)\?\)\%(\~+\?[0-9.]\+\|\.\.\.[0-9.]\+\)\?\)\ze\s/
syntax match packetdrillDirection /\s\zs[<>]\ze[[:space:](\[]/
syntax match packetdrillFlags /\s\zs\%([FSRPUEWA]\+\s*\.\?[0-7]\?\|\.[0-7]\?\|-\)\ze\s\+[0-9$A-Z.]\+[:(]/
syntax match packetdrillName /\$[A-Za-z0-9_]\+\%(\.[A-Za-z0-9_]\+\)*/
syntax match packetdrillEllipsis /\.\.\./
syntax match packetdrillEscape /\\\%(x\x\x\|.\)/ contained
syntax region packetdrillString start=/"/ end=/"/ oneline contains=packetdrillEscape
syntax region packetdrillCommand start=/`/ skip=/\\./ end=/`/ contains=packetdrillVariable
syntax match packetdrillVariable /\${[A-Za-z0-9_.]\+}/ contained
syntax region packetdrillCode matchgroup=packetdrillMarks start=/%{/ end=/}%/ contains=@packetdrillPython keepend
syntax match packetdrillComment "//.*$" contains=packetdrillTodo
syntax region packetdrillComment start="/\*" end="\*/" contains=packetdrillTodo
syntax match packetdrillHeadline "^//[=:].*$"
syntax keyword packetdrillTodo TODO FIXME XXX contained

highlight default link packetdrillStatement Statement
highlight default link packetdrillDirective PreProc
highlight default link packetdrillOption PreProc
highlight default link packetdrillTime Number
highlight default link packetdrillNumber Number
highlight default link packetdrillDirection Operator
highlight default link packetdrillFlags Type
highlight default link packetdrillHeader Type
highlight default link packetdrillField Keyword
highlight default link packetdrillIpWord Keyword
highlight default link packetdrillTcpOption Identifier
highlight default link packetdrillIcmp Constant
highlight default link packetdrillCall Function
highlight default link packetdrillConstant Constant
highlight default link packetdrillName Identifier
highlight default link packetdrillVariable Identifier
highlight default link packetdrillEllipsis Special
highlight default link packetdrillEscape SpecialChar
highlight default link packetdrillString String
highlight default link packetdrillCommand String
highlight default link packetdrillMarks Delimiter
highlight default link packetdrillComment Comment
highlight default link packetdrillHeadline SpecialComment
highlight default link packetdrillTodo Todo

let b:current_syntax = "packetdrill"
let &cpoptions = s:keep
unlet s:keep
"#;
