use super::*;

const MOST: usize = 100;

fn group() -> (Group, Members) {
    (Group::new(Labels::empty(), true), Members::default())
}

#[test]
fn a_late_lower_value_is_no_reset() {
    let (mut group, mut members) = group();
    for (t, v) in [(10, 5.0), (20, 9.0)] {
        group.take(&mut members, 0, 1, (t, v), MOST).unwrap();
        group.emit(t).unwrap();
    }
    assert_eq!(group.take(&mut members, 0, 1, (15, 7.0), MOST), Err(RejectReason::OutOfOrder));
    assert_eq!(group.total.get(), 9.0);
    group.take(&mut members, 0, 1, (30, 2.0), MOST).unwrap();
    assert_eq!(group.emit(30), Some((30, 11.0)), "a reset in order counts from zero");
}

#[test]
fn what_comes_after_its_moment_went_out_makes_the_newest_sample_grow() {
    let (mut group, mut members) = group();
    for member in [1, 2] {
        group.take(&mut members, 0, member, (10, 1.0), MOST).unwrap();
    }
    assert_eq!(group.emit(10), Some((10, 2.0)));
    group.take(&mut members, 0, 1, (20, 4.0), MOST).unwrap();
    assert_eq!(group.emit(20), Some((20, 5.0)));
    group.take(&mut members, 0, 2, (20, 3.0), MOST).unwrap();
    assert_eq!(group.emit(20), Some((20, 7.0)), "another request had the first part of this scrape");
    group.take(&mut members, 0, 2, (15, 3.5), MOST).unwrap();
    assert_eq!(group.emit(15), Some((20, 7.5)), "late, and seen all the same");
    group.take(&mut members, 0, 1, (30, 4.0), MOST).unwrap();
    assert_eq!(group.emit(30), Some((30, 7.5)));
}

#[test]
fn the_first_moment_comes_in_parts() {
    let (mut group, mut members) = group();
    let mut take = |member, t, v| {
        group.take(&mut members, 0, member, (t, v), MOST).unwrap();
        group.emit(t)
    };
    assert_eq!(take(1, 10, 100.0), Some((10, 100.0)));
    assert_eq!(take(2, 10, 50.0), Some((10, 150.0)), "where it begins");
    assert_eq!(take(3, 20, 1_000.0), Some((20, 150.0)), "who joins later brings no step");
    assert_eq!(take(4, 10, 1_000.0), Some((20, 150.0)));
    assert_eq!(take(3, 20, 1_001.0), Some((20, 151.0)));
}

#[test]
fn a_reset_in_a_later_request_of_a_scrape_is_one() {
    let (mut group, mut members) = group();
    for (member, t, v) in [(1, 10, 5.0), (2, 10, 8.0), (1, 20, 6.0), (2, 20, 3.0)] {
        group.take(&mut members, 0, member, (t, v), MOST).unwrap();
        group.emit(t).unwrap();
    }
    assert_eq!(group.total.get(), 13.0 + 1.0 + 3.0);
}

#[test]
fn it_ends_with_its_last_member() {
    let (mut group, mut members) = group();
    for member in [1, 2] {
        group.take(&mut members, 0, member, (10, 1.0), MOST).unwrap();
    }
    group.emit(10).unwrap();
    let end = |group: &mut Group, members: &mut Members, member, t| {
        group.take(members, 0, member, (t, model::stale_nan()), MOST).unwrap();
        group.emit(t).map(|(_, v)| v)
    };
    assert_eq!(end(&mut group, &mut members, 1, 20), None);
    assert!(end(&mut group, &mut members, 2, 30).is_some_and(is_stale_nan));
    assert_eq!(end(&mut group, &mut members, 2, 40), None, "once");
    group.take(&mut members, 0, 2, (50, 3.0), MOST).unwrap();
    assert_eq!(group.emit(50), Some((50, 4.0)), "who comes back goes on where it was");
}

#[test]
fn values_that_no_counter_has_are_refused() {
    let (mut group, mut members) = group();
    for v in [-1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(group.take(&mut members, 0, 1, (10, v), MOST), Err(RejectReason::Invalid), "{v}");
    }
    assert_eq!((group.live, members.len()), (0, 0));
}

#[test]
fn rounding_does_not_add_up() {
    let mut sum = Sum::default();
    sum.add(1e16);
    for _ in 0..1_000 {
        sum.add(1.0);
    }
    assert_eq!(sum.get(), 1e16 + 1_000.0);
}
