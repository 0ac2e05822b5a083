use super::SeqNum;
use proptest::prelude::*;

#[test]
fn comparisons_wrap() {
    //  a            b            lt     le     gt     ge
    let table = [
        (0_u32, 0_u32, false, true, false, true),
        (0, 1, true, true, false, false),
        (1, 0, false, false, true, true),
        (u32::MAX, 0, true, true, false, false),
        (0, u32::MAX, false, false, true, true),
        (0xffff_fff0, 0x10, true, true, false, false),
        (0, 0x7fff_ffff, true, true, false, false),
        (0x7fff_ffff, 0, false, false, true, true),
    ];
    for (a, b, lt, le, gt, ge) in table {
        let (x, y) = (SeqNum(a), SeqNum(b));
        assert_eq!((x.lt(y), x.le(y), x.gt(y), x.ge(y)), (lt, le, gt, ge), "{a} {b}");
    }
}

#[test]
fn windows_include_the_left_edge_and_exclude_the_right() {
    //  x            left         size  in
    let table = [
        (100_u32, 100_u32, 1_u32, true),
        (100, 100, 0, false),
        (99, 100, 10, false),
        (109, 100, 10, true),
        (110, 100, 10, false),
        (4, u32::MAX - 4, 10, true),
        (5, u32::MAX - 4, 10, false),
    ];
    for (x, left, size, expected) in table {
        assert_eq!(SeqNum(x).in_window(SeqNum(left), size), expected, "{x} in {left}+{size}");
    }
}

#[test]
fn between_holds_both_ends() {
    let table = [
        (1_u32, 1_u32, 5_u32, true),
        (5, 1, 5, true),
        (6, 1, 5, false),
        (0, 1, 5, false),
        (1, u32::MAX, 2, true),
        (3, u32::MAX, 2, false),
    ];
    for (x, low, high, expected) in table {
        assert_eq!(SeqNum(x).between(SeqNum(low), SeqNum(high)), expected, "{low} <= {x} <= {high}");
    }
}

proptest! {
    #[test]
    fn adding_moves_forward(start: u32, step in 1..0x8000_0000_u32) {
        let (a, b) = (SeqNum(start), SeqNum(start) + step);
        prop_assert!(a.lt(b) && a.le(b) && b.gt(a) && b.ge(a));
        prop_assert!(!b.lt(a) && !b.le(a) && !a.gt(b) && !a.ge(b));
        prop_assert_eq!(a.distance(b), step);
        prop_assert_eq!(b - step, a);
        prop_assert_eq!((a.later(b), a.earlier(b), b.later(a), b.earlier(a)), (b, a, b, a));
    }

    #[test]
    fn comparison_does_not_depend_on_the_origin(a: u32, b: u32, shift: u32) {
        let (x, y) = (SeqNum(a), SeqNum(b));
        prop_assert_eq!(x.lt(y), (x + shift).lt(y + shift));
        prop_assert_eq!(x.distance(y), (x + shift).distance(y + shift));
    }

    #[test]
    fn a_window_is_what_lies_between_its_first_and_last_octet(x: u32, left: u32, size in 1..=u32::MAX) {
        let (x, left) = (SeqNum(x), SeqNum(left));
        prop_assert_eq!(x.in_window(left, size), x.between(left, left + (size - 1)));
    }
}
